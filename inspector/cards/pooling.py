"""Pooling: many neighbours become one number, their largest or their mean; and unpooling, which puts it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inspector.cards.arithmetic import AXES, Figure, figure, is_known, per_axis, shape_text
from inspector.cards.card import Arguments, Card, Inputs, Shaped, Sizes, Symbol
from inspector.cards.space import OVER, positive, refuse_below, slid, split

_TOO_LARGE = "the window is larger than its input, padding included"


def _stride(arguments: Arguments, axes: int) -> tuple[Figure, ...]:
    """Without a stride the windows stand side by side."""
    stride = arguments["stride"]
    return per_axis(arguments["kernel_size"] if stride is None else stride, axes, "stride")


def _window_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """⌊(H + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1, or rounded up with ceil_mode, on every axis."""
    kernel, stride = per_axis(arguments["kernel_size"], axes, "kernel_size"), _stride(arguments, axes)
    padding = per_axis(arguments.get("padding", 0), axes, "padding")
    dilation = per_axis(arguments.get("dilation", 1), axes, "dilation")
    for name, values in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        positive(name, values)
    positive("padding", padding, 0)
    _check_padding(kernel, padding)
    if arguments.get("divisor_override") == 0:
        raise ValueError("divisor_override cannot be 0")
    lead, space = split(who, inputs, axes)
    zipped = list(zip(space, kernel, stride, padding, dilation, strict=True))
    results = [_windows(*each, bool(arguments.get("ceil_mode")), "padding" in arguments) for each in zipped]
    refuse_below(who, results, 1, _TOO_LARGE)
    return slid(lead, results, lead[-1])


def _check_padding(kernel: Sequence[Figure], padding: Sequence[Figure]) -> None:
    for k, p in zip(kernel, padding, strict=True):
        if k.value is not None and p.value is not None and 2 * p.value > k.value:
            raise ValueError(f"padding {p.text} is more than half of kernel_size {k.text}")


def _mean_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """As every window, but for volumes torch wants a whole window of input, whatever the padding."""
    shaped = _window_shape(who, arguments, inputs, axes)
    kernel = per_axis(arguments["kernel_size"], axes, "kernel_size")
    for size, k in zip(split(who, inputs, axes)[1], kernel, strict=True):
        if axes == 3 and size.value is not None and k.value is not None and size.value < k.value:
            raise ValueError(f"{who}: an axis of {size.text} is smaller than the window of {k.text}")
    return shaped


def _power_shape(arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    if axes == 1 and isinstance(arguments["kernel_size"], (tuple, list)):
        raise ValueError("LPPool1d wants kernel_size as a number, not as a tuple")
    return _mean_shape(f"LPPool{axes}d", arguments, inputs, axes)


def _windows(
    size: Figure, kernel: Figure, stride: Figure, padding: Figure, dilation: Figure, ceil: bool, padded: bool
) -> Figure:
    """How many windows fit. Rounded up, the last one has to start inside the input or the padding before it."""
    room = size + figure(2) * padding if padded else size
    room = room - kernel if dilation.text == "1" else room - dilation * (kernel - 1) - 1
    if not ceil:
        return room // stride + 1
    result = room.rounded_up(stride) + 1
    if result.value is None or size.value is None or stride.value is None or padding.value is None:
        return result
    outside = (result.value - 1) * stride.value >= size.value + padding.value
    return result - 1 if outside else result


def _max_shape(arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    return _with_indices(arguments, _window_shape(f"MaxPool{axes}d", arguments, inputs, axes))


def _with_indices(arguments: Arguments, shaped: Shaped) -> Shaped:
    """return_indices=True: a second output says where each maximum was."""
    if arguments["return_indices"] is not True:
        return shaped
    return Shaped(shaped.outputs * 2, (*shaped.lines, "the indices of the maxima have the same shape"))


# --- adaptive ---------------------------------------------------------------------------------------------------------


def _adaptive_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """The size that was asked for, whatever goes in; None keeps that of the input."""
    asked = arguments["output_size"]
    if axes > 1 and "Avg" in who and inputs and _is_one_mean(asked, inputs[0], axes):
        lead = inputs[0][:-axes]
        words = f"one mean over the last {axes} axes; all axes before them stay as they are"
        return Shaped(((*lead, *(1,) * axes),), (words,))
    lead, space = split(who, inputs, axes)
    wanted = tuple(asked) if isinstance(asked, (tuple, list)) else (asked,) * axes
    if asked is None or (axes == 1 and None in wanted):
        raise ValueError("output_size is a number, or one number or None for each of two or three axes")
    if len(wanted) != axes:
        raise ValueError(f"output_size has {len(wanted)} values, one for each of {axes} axes is wanted")
    results = [size.settled() if each is None else figure(each) for size, each in zip(space, wanted, strict=True)]
    positive("output_size", results, 0)
    lines = [_windows_of(axis, size, result) for axis, size, result in zip(AXES[axes], space, results, strict=True)]
    sizes = tuple(result.size for result in results)
    shaped = Shaped(((*lead, *sizes),), tuple(lines))
    return _with_indices(arguments, shaped) if "return_indices" in arguments else shaped


def _is_one_mean(asked: Any, sizes: Sizes, axes: int) -> bool:
    """Whether torch takes a plain mean, for which an input may have any number of axes before those of space."""
    if not isinstance(asked, (tuple, list)):
        return bool(asked == 1) and len(sizes) >= axes
    wanted = [size if each is None else each for size, each in zip(sizes[-axes:], asked, strict=False)]
    return len(asked) == axes and len(sizes) > axes and wanted == [1] * axes


def _windows_of(axis: str, size: Figure, result: Figure) -> str:
    """`H_out = 7: output i sees ⌊i·32/7⌋ … ⌈(i + 1)·32/7⌉ − 1`"""
    each = f"{size.text}/{result.text}"
    return f"{axis}_out = {result.text}: output i sees ⌊i·{each}⌋ … ⌈(i + 1)·{each}⌉ − 1"


# --- fractional -------------------------------------------------------------------------------------------------------


def _fractional_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """As many windows as were asked for, at places that chance decides."""
    asked, ratio = arguments["output_size"], arguments["output_ratio"]
    if asked is None and ratio is None and not is_known(arguments["kernel_size"]):
        asked = Symbol("output_size")  # the general rule
    if (asked is None) == (ratio is None):
        raise ValueError(f"{who} wants either output_size or output_ratio")
    kernel = per_axis(arguments["kernel_size"], axes, "kernel_size")
    lead, space = split(who, inputs, axes)
    if asked is not None:
        results = list(per_axis(asked, axes, "output_size"))
    else:
        ratios = per_axis(ratio, axes, "output_ratio")
        if any(each.value is not None and not 0 < each.value < 1 for each in ratios):
            raise ValueError("output_ratio has to lie between 0 and 1")
        results = [(size * each).rounded_down() for size, each in zip(space, ratios, strict=True)]
    for size, k, result in zip(space, kernel, results, strict=True):
        if size.value is None or k.value is None or result.value is None:
            continue
        spare = size.value - (result.value + k.value - 1)
        if spare < (axes == 3):  # of volumes torch wants one place more than there are
            raise ValueError(f"{who}: {result.text} windows of {k.text} do not fit into an axis of {size.text}")
    return _with_indices(arguments, slid(lead, results, lead[-1]))


# --- unpooling --------------------------------------------------------------------------------------------------------


def _unpool_shape(arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """(H − 1)·stride − 2·padding + kernel, on every axis."""
    who = f"MaxUnpool{axes}d"
    kernel, stride = per_axis(arguments["kernel_size"], axes, "kernel_size"), _stride(arguments, axes)
    padding = per_axis(arguments["padding"], axes, "padding")
    lead, space = split(who, inputs, axes)
    if len(inputs) > 1 and inputs[1] != inputs[0]:
        raise ValueError(f"input and indices have different shapes: {' and '.join(map(shape_text, inputs))}")
    zipped = zip(space, stride, padding, kernel, strict=True)
    results = [(size - 1) * s - figure(2) * p + k for size, s, p, k in zipped]
    refuse_below(who, results, 0, "the padding takes away more than all of the output")
    return slid(lead, results, lead[-1])


# --- cards ------------------------------------------------------------------------------------------------------------

_PLACES = {
    1: ("l·s + i{d} − p", ""),
    2: ("h·s + i{d} − p, w·s + j{d} − p", ""),
    3: ("t′, h′, w′", "t′ = t·s + i{d} − p, h′ = h·s + j{d} − p, w′ = w·s + k{d} − p"),
}
_OUTPUT = {1: "l", 2: "h,w", 3: "t,h,w"}
_WINDOW = {
    "kernel_size": "how many neighbours a window holds on each axis of space",
    "stride": "how many places the window moves from one output to the next; None: as many as it is wide",
}
_PADDING = "how many places are put around the input on each side, at most half a window"
_CEIL = "whether a last window that is not full counts too: sizes are rounded up"
_INDICES = "whether the places of the maxima come out as well, as MaxUnpool wants them"


def _formula(axes: int, what: str, dilation: str = "") -> tuple[str, ...]:
    """What happens in one window, and where it stands."""
    place, written_out = (text.format(d=dilation) for text in _PLACES[axes])
    first = f"y[n,c,{_OUTPUT[axes]}] = " + what.format(x=f"x[n, c, {place}]")
    letters = "s: stride, p: padding" + (", d: dilation" if dilation else "")
    inside = {1: "i", 2: "i, j", 3: "i, j, k"}[axes]
    return tuple(filter(None, (first, written_out, f"{inside} go over the window; {letters}")))


def _max_pool(axes: int) -> Card:
    return Card(
        name=f"MaxPool{axes}d",
        family="pooling",
        sentence=f"Slides a window over {OVER[axes]} and keeps the largest number that it sees, in each channel alone.",
        formula=_formula(axes, "max {x}", "·d"),
        arguments={
            **_WINDOW,
            "padding": f"{_PADDING}; never the maximum, as −∞ is put there",
            "dilation": "distance between the places that a window looks at; 1: next to each other",
            "return_indices": _INDICES,
            "ceil_mode": _CEIL,
        },
        defaults={"stride": None, "padding": 0, "dilation": 1, "return_indices": False, "ceil_mode": False},
        shape=lambda arguments, inputs: _max_shape(arguments, inputs, axes),
        pitfalls=("NN211", "NN311"),
    )


def _average_pool(axes: int) -> Card:
    override = {"divisor_override": "what sums are divided by instead of the number of places in a window"}
    return Card(
        name=f"AvgPool{axes}d",
        family="pooling",
        sentence=f"Slides a window over {OVER[axes]} and gives the mean of what it sees, in each channel alone.",
        formula=_formula(axes, "mean {x}"),
        arguments={
            **_WINDOW,
            "padding": _PADDING,
            "ceil_mode": _CEIL,
            "count_include_pad": "whether the zeros of the padding count in the mean",
            **(override if axes > 1 else {}),
        },
        defaults={
            "stride": None,
            "padding": 0,
            "ceil_mode": False,
            "count_include_pad": True,
            **({"divisor_override": None} if axes > 1 else {}),
        },
        shape=lambda arguments, inputs: _mean_shape(f"AvgPool{axes}d", arguments, inputs, axes),
        pitfalls=("NN211", "NN311"),
    )


def _power_pool(axes: int) -> Card:
    return Card(
        name=f"LPPool{axes}d",
        family="pooling",
        sentence=f"Slides a window over {OVER[axes]} and gives the p-norm of what it sees: with p = 1 the sum, with a "
        "large p nearly the maximum; in each channel alone.",
        formula=("y = (Σ xᵖ)^(1/p)        sum over the window, p: norm_type",),
        arguments={"norm_type": "the exponent p", **_WINDOW, "ceil_mode": _CEIL},
        defaults={"stride": None, "ceil_mode": False},
        shape=lambda arguments, inputs: _power_shape(arguments, inputs, axes),
        pitfalls=("NN211", "NN301", "NN311"),
    )


def _adaptive_pool(axes: int, kind: str) -> Card:
    name, indices = f"Adaptive{kind}Pool{axes}d", {"return_indices": _INDICES} if kind == "Max" else {}
    word = "largest number" if kind == "Max" else "mean"
    return Card(
        name=name,
        family="pooling",
        sentence=f"Divides {OVER[axes]} into as many windows as outputs are asked for, whatever its size, and gives "
        f"the {word} of each, in each channel alone.",
        formula=(
            f"y[i] = {'max' if kind == 'Max' else 'mean'} x[⌊i·H/H_out⌋ … ⌈(i + 1)·H/H_out⌉ − 1]        on every axis",
        ),
        arguments={"output_size": "the size that comes out, one number or one for each axis", **indices},
        defaults=dict.fromkeys(indices, False),
        shape=lambda arguments, inputs: _adaptive_shape(name, arguments, inputs, axes),
        pitfalls=("NN311",),
    )


def _fractional_pool(axes: int) -> Card:
    name = f"FractionalMaxPool{axes}d"
    return Card(
        name=name,
        family="pooling",
        sentence=f"Takes maxima over windows of {OVER[axes]} that stand at random places, so that the size can shrink "
        "by a fraction, in each channel alone.",
        formula=("y[i] = max x[aᵢ … aᵢ + kernel_size − 1]", "aᵢ: increasing, drawn anew in each call"),
        arguments={
            "kernel_size": _WINDOW["kernel_size"],
            "output_size": "the size that comes out; either this or output_ratio",
            "output_ratio": "the size that comes out, as a part of the size that goes in, between 0 and 1",
            "return_indices": _INDICES,
            "_random_samples": "the random numbers that place the windows, for tests; None: drawn in each call",
        },
        defaults={"output_size": None, "output_ratio": None, "return_indices": False, "_random_samples": None},
        shape=lambda arguments, inputs: _fractional_shape(name, arguments, inputs, axes),
        modes="None: also in eval mode the windows are drawn anew in each call, so outputs differ from call to call.",
        pitfalls=("NN401", "NN311"),
    )


def _unpool(axes: int) -> Card:
    return Card(
        name=f"MaxUnpool{axes}d",
        family="pooling",
        sentence="Undoes a max pooling as far as that is possible: each maximum goes back to its place, and everything "
        "else is 0.",
        formula=("y[n, c, indices[n,c,i]] = x[n,c,i]        everywhere else 0",),
        arguments={
            "kernel_size": "that of the max pooling",
            "stride": "that of the max pooling; None: as much as kernel_size",
            "padding": "that of the max pooling",
        },
        defaults={"stride": None, "padding": 0},
        shape=lambda arguments, inputs: _unpool_shape(arguments, inputs, axes),
        takes=(
            "two inputs of one shape: the maxima, and their indices (int64) as MaxPool gives them with return_indices",
            "forward also takes output_size, for where several sizes would be right",
        ),
        pitfalls=("NN311",),
    )


_SPACES = (1, 2, 3)
CARDS: tuple[Card, ...] = (
    *map(_max_pool, _SPACES),
    *map(_average_pool, _SPACES),
    *(_adaptive_pool(axes, "Avg") for axes in _SPACES),
    *(_adaptive_pool(axes, "Max") for axes in _SPACES),
    *map(_power_pool, _SPACES),
    *(_fractional_pool(axes) for axes in (2, 3)),
    *map(_unpool, _SPACES),
)
