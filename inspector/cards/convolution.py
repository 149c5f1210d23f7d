"""Convolutions: one small kernel of weights, met at every position; and transposed ones, which go the other way."""

from __future__ import annotations

from typing import Any

from inspector.cards.arithmetic import (
    AXES,
    Figure,
    costs,
    counted,
    figure,
    per_axis,
    product,
    uniform_root,
)
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Symbol
from inspector.cards.linear import PLACE, PLACE_DEFAULTS, from_first
from inspector.cards.space import OVER, positive, refuse_below, slid, split

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _kernel(arguments: Arguments, axes: int) -> tuple[Figure, ...]:
    return per_axis(arguments["kernel_size"], axes, "kernel_size")


def _channels(arguments: Arguments) -> Any:
    return arguments.get("in_channels", Symbol("in_channels"))


def _per_group(channels: Any, groups: Any) -> Figure:
    """The channels of one group, without a division where there is but one."""
    return figure(channels) if groups == 1 else figure(channels) / figure(groups)


def _check_groups(arguments: Arguments) -> None:
    groups = figure(arguments["groups"])
    positive("groups", (groups,))
    for name in ("in_channels", "out_channels"):
        channels = figure(arguments.get(name, Symbol(name)))
        if channels.value is not None and groups.value is not None and channels.value % groups.value:
            raise ValueError(f"{name} {channels.text} cannot be divided into {groups.text} groups")


# --- shapes -----------------------------------------------------------------------------------------------------------


def _shape(arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """⌊(H + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1, on every axis."""
    who = f"Conv{axes}d"
    kernel, stride = _kernel(arguments, axes), per_axis(arguments["stride"], axes, "stride")
    dilation = per_axis(arguments["dilation"], axes, "dilation")
    _check_groups(arguments)
    for name, values in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        positive(name, values)
    lead, space = split(who, inputs, axes, _channels(arguments))
    if isinstance(arguments["padding"], str):
        results = _named_padding(arguments, space, kernel, stride, dilation)
    else:
        padding = per_axis(arguments["padding"], axes, "padding")
        positive("padding", padding, 0)
        results = [
            (size + figure(2) * p - d * (k - 1) - 1) // s + 1
            for size, p, d, k, s in zip(space, padding, dilation, kernel, stride, strict=True)
        ]
        pads = [(p.value, p.value) for p in padding]
        _check_padding_mode(arguments["padding_mode"], space, pads)
    refuse_below(who, results, 1, "the kernel is larger than its input, padding included")
    return slid(lead, results, arguments["out_channels"])


def _named_padding(
    arguments: Arguments,
    space: tuple[Figure, ...],
    kernel: tuple[Figure, ...],
    stride: tuple[Figure, ...],
    dilation: tuple[Figure, ...],
) -> list[Figure]:
    """padding="valid" is none, padding="same" as much as keeps the size."""
    if arguments["padding"] == "valid":
        zipped = zip(space, dilation, kernel, stride, strict=True)
        return [(size - d * (k - 1) - 1) // s + 1 for size, d, k, s in zipped]
    if arguments["padding"] != "same":
        raise ValueError(f"padding is a number, 'valid' or 'same', and not {arguments['padding']!r}")
    if any(s.value not in (1, None) for s in stride):
        raise ValueError("padding='same' wants stride 1")
    pads = [_halves(d, k) for d, k in zip(dilation, kernel, strict=True)]
    _check_padding_mode(arguments["padding_mode"], space, pads)
    return [size + d * (k - 1) - d * (k - 1) for size, d, k in zip(space, dilation, kernel, strict=True)]


def _halves(dilation: Figure, kernel: Figure) -> tuple[int | None, int | None]:
    """What padding="same" puts on either side."""
    if dilation.value is None or kernel.value is None:
        return None, None
    total = int(dilation.value * (kernel.value - 1))
    return total // 2, total - total // 2


def _check_padding_mode(mode: Any, space: tuple[Figure, ...], pads: list[tuple[Any, Any]]) -> None:
    """What is padded with comes from the input itself, unless it is zeros: then there must be enough of it."""
    if mode not in PADDING_MODES:
        raise ValueError(f"padding_mode is one of {', '.join(PADDING_MODES)}, and not {mode!r}")
    least = {"reflect": 1, "circular": 0}.get(mode)
    for size, sides in zip(space, pads, strict=True):
        for side in sides:
            if least is not None and size.value is not None and side is not None and side + least > size.value:
                raise ValueError(f"padding_mode={mode!r} cannot take {side} values from an axis of {size.text}")


def _transposed_shape(arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """(H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1, on every axis."""
    who = f"ConvTranspose{axes}d"
    names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
    kernel, stride, padding, extra, dilation = (per_axis(arguments[name], axes, name) for name in names)
    _check_groups(arguments)
    for name, values in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        positive(name, values)
    positive("padding", padding, 0)
    positive("output_padding", extra, 0)
    if arguments["padding_mode"] != "zeros":
        raise ValueError(f"{who} knows no padding_mode but 'zeros'")
    for e, s, d in zip(extra, stride, dilation, strict=True):
        if None not in (e.value, s.value, d.value) and e.value >= max(s.value, d.value):  # type: ignore[operator, type-var]
            raise ValueError(f"output_padding {e.text} has to be smaller than stride or dilation")
    lead, space = split(who, inputs, axes, _channels(arguments))
    results = [
        (size - 1) * s - figure(2) * p + d * (k - 1) + e + 1
        for size, s, p, d, k, e in zip(space, stride, padding, dilation, kernel, extra, strict=True)
    ]
    refuse_below(who, results, 0, "the padding takes away more than all of the output")
    return slid(lead, results, arguments["out_channels"])


# --- parameters, distribution, cost -----------------------------------------------------------------------------------


def _weight_sizes(arguments: Arguments, axes: int, transposed: bool) -> tuple[Any, ...]:
    """[out, in / groups, kernel …], or transposed [in, out / groups, kernel …]."""
    out, into, groups = arguments["out_channels"], _channels(arguments), arguments["groups"]
    leading = (into, _per_group(out, groups)) if transposed else (out, _per_group(into, groups))
    return (*leading, *_kernel(arguments, axes))


def _parameters(arguments: Arguments, axes: int, transposed: bool) -> Counted:
    weight = ("weight", _weight_sizes(arguments, axes, transposed))
    return counted(weight, ("bias", (arguments["out_channels"],))) if arguments["bias"] else counted(weight)


def _drawn(arguments: Arguments, axes: int, transposed: bool) -> Drawn:
    """By how many numbers of the weight one step of the kernel meets: of the axes behind the first."""
    return uniform_root(product(_weight_sizes(arguments, axes, transposed)[1:]))


def _drawn_bias(arguments: Arguments, axes: int, transposed: bool) -> Drawn | None:
    return _drawn(arguments, axes, transposed) if arguments["bias"] else None


def _cost(arguments: Arguments, inputs: Inputs, axes: int, transposed: bool) -> Counted:
    """The whole weight is met at every position: of the output, or transposed of the input."""
    lead, space = split("the convolution", inputs, axes)
    if not transposed:
        letters = tuple(f"{axis}_out" for axis in AXES[axes])
        sizes = _shape({**arguments, "in_channels": _channels(arguments)}, inputs, axes).outputs[0][-axes:]
    else:
        letters, sizes = AXES[axes], tuple(size.size for size in space)
    batch = (("N", lead[0]),) if len(lead) > 1 else ()
    names = ("in", "out/groups") if transposed else ("out", "in/groups")
    weight = zip((*names, *("kernel",) * axes), _weight_sizes(arguments, axes, transposed), strict=True)
    return costs((*batch, *zip(letters, sizes, strict=True), *weight))


# --- cards ------------------------------------------------------------------------------------------------------------

_PLAIN_FORMULA = {
    1: (
        "y[n,o,l] = b[o] + Σ W[o,c,i] · x[n, c, l·s + i·d − p]",
        "           sum over the channels c and the places i of the kernel",
    ),
    2: (
        "y[n,o,h,w] = b[o] + Σ W[o,c,i,j] · x[n, c, h·s + i·d − p, w·s + j·d − p]",
        "             sum over the channels c and the places i, j of the kernel",
    ),
    3: (
        "y[n,o,t,h,w] = b[o] + Σ W[o,c,i,j,k] · x[n, c, t′, h′, w′]",
        "               t′ = t·s + i·d − p, h′ = h·s + j·d − p, w′ = w·s + k·d − p",
        "               sum over the channels c and the places i, j, k of the kernel",
    ),
}

_LETTERS = "s: stride, d: dilation, p: padding, b: bias; outside the input x is 0"

_TRANSPOSED_FORMULA = {
    1: ("y[n, o, l·s + i·d − p] = b[o] + Σ W[c,o,i] · x[n,c,l]",),
    2: ("y[n, o, h·s + i·d − p, w·s + j·d − p] = b[o] + Σ W[c,o,i,j] · x[n,c,h,w]",),
    3: (
        "y[n, o, t′, h′, w′] = b[o] + Σ W[c,o,i,j,k] · x[n,c,t,h,w]",
        "t′ = t·s + i·d − p, h′ = h·s + j·d − p, w′ = w·s + k·d − p",
    ),
}
_TRANSPOSED_LETTERS = (
    "each number of x puts a kernel into y; where several meet, they add up",
    "s: stride, d: dilation, p: padding, b: bias",
)
_CHANNELS = {
    "in_channels": "how many channels go in: the size of the axis before those of space",
    "out_channels": "how many channels come out: the number of kernels",
    "kernel_size": "how wide the kernel is, on all axes or one number for each",
}
_STRIDE = "how many places the kernel moves from one output to the next"
_GROUPS = "into how many parts the channels are divided that do not see each other; in_channels of them: each alone"
_BIAS = "whether each output channel gets a number of its own added"
_DILATION = "distance between the places that the kernel looks at; 1: next to each other"
_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}


def _plain(axes: int) -> Card:
    return Card(
        name=f"Conv{axes}d",
        family="convolution",
        sentence=f"Slides small kernels of weights over {OVER[axes]}: each output is the weighted sum of what one "
        "kernel sees at one place, over all channels.",
        formula=(*_PLAIN_FORMULA[axes], _LETTERS),
        arguments={
            **_CHANNELS,
            "stride": _STRIDE,
            "padding": "how many values are put around the input on each side; 'same': as many as keep its size",
            "dilation": _DILATION,
            "groups": _GROUPS,
            "bias": _BIAS,
            "padding_mode": "what is put there: zeros, or the input itself (reflect, replicate, circular)",
            **PLACE,
        },
        defaults={**_DEFAULTS, **PLACE_DEFAULTS},
        shape=lambda arguments, inputs: _shape(arguments, inputs, axes),
        parameters=lambda arguments: _parameters(arguments, axes, False),
        initial=(
            Initial("weight", lambda arguments: _drawn(arguments, axes, False)),
            Initial("bias", lambda arguments: _drawn_bias(arguments, axes, False)),
        ),
        cost=lambda arguments, inputs: _cost(arguments, inputs, axes, False),
        pitfalls=("NN202", "NN211", "NN311", "NN204", "NN118"),
    )


def _transposed(axes: int) -> Card:
    return Card(
        name=f"ConvTranspose{axes}d",
        family="convolution",
        sentence=f"Makes {OVER[axes]} larger: each input number spreads a kernel of weights over the output, and what "
        "overlaps adds up; the shapes are those of a convolution backwards.",
        formula=(*_TRANSPOSED_FORMULA[axes], *_TRANSPOSED_LETTERS),
        arguments={
            **_CHANNELS,
            "stride": "how many places the kernel moves in the output from one input to the next: how much larger",
            "padding": "how many places are cut off the output on each side",
            "output_padding": "how many places the output gets at its end, where several sizes would be right",
            "groups": _GROUPS,
            "bias": _BIAS,
            "dilation": _DILATION,
            "padding_mode": "zeros: there is no other",
            **PLACE,
        },
        defaults={**_DEFAULTS, "output_padding": 0, **PLACE_DEFAULTS},
        shape=lambda arguments, inputs: _transposed_shape(arguments, inputs, axes),
        parameters=lambda arguments: _parameters(arguments, axes, True),
        initial=(
            Initial("weight", lambda arguments: _drawn(arguments, axes, True)),
            Initial("bias", lambda arguments: _drawn_bias(arguments, axes, True)),
        ),
        cost=lambda arguments, inputs: _cost(arguments, inputs, axes, True),
        pitfalls=("NN202", "NN311", "NN204", "NN118"),
    )


def _lazy(card: Card, axes: int) -> Card:
    """The same layer before it has seen how many channels go in."""
    rule = card.shape
    assert rule is not None

    def shape(arguments: Arguments, inputs: Inputs) -> Shaped:
        channels = inputs[0][-axes - 1] if inputs and len(inputs[0]) > axes else Symbol("in_channels")
        known = Symbol(channels) if isinstance(channels, str) else channels
        shaped = rule({**arguments, "in_channels": known}, inputs)
        return Shaped(shaped.outputs, (from_first("in_channels", figure(known).size), *shaped.lines))

    def cost(arguments: Arguments, inputs: Inputs) -> Counted:
        channels = inputs[0][-axes - 1] if inputs else Symbol("in_channels")
        return _cost({**arguments, "in_channels": channels}, inputs, axes, "Transpose" in card.name)

    return card._replace(
        name=f"Lazy{card.name}",
        sentence=f"A {card.name} that reads in_channels off its first input, makes its parameters then, and is a plain "
        f"{card.name} from there on.",
        arguments={name: meaning for name, meaning in card.arguments.items() if name != "in_channels"},
        shape=shape,
        cost=cost,
        pitfalls=("NN111", *(each for each in card.pitfalls if each != "NN202")),
    )


_PLAIN = tuple(_plain(axes) for axes in (1, 2, 3))
_TRANSPOSED = tuple(_transposed(axes) for axes in (1, 2, 3))
CARDS: tuple[Card, ...] = (
    *_PLAIN,
    *_TRANSPOSED,
    *(_lazy(card, axes) for axes, card in enumerate(_PLAIN, 1)),
    *(_lazy(card, axes) for axes, card in enumerate(_TRANSPOSED, 1)),
)
