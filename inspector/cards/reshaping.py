"""The cards of what moves numbers without changing them: Flatten, Unflatten, and patches taken out and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inspector.cards.arithmetic import Figure, equation, figure, given, is_known, product, said, shape_text
from inspector.cards.broadcasting import axis_of
from inspector.cards.card import Arguments, Card, Inputs, Shaped, Sizes, Symbol


def _flatten(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = given(inputs, 0, "N C H W")
    first, last = arguments["start_dim"], arguments["end_dim"]
    if not is_known(first, last):
        return Shaped((("∗",),), ("the axes from start_dim to end_dim become one, of their product",))
    start, end = axis_of(first, len(sizes)), axis_of(last, len(sizes))
    if start > end:
        raise ValueError(f"start_dim={first} comes after end_dim={last}: the input has {len(sizes)} axes")
    together = product(sizes[start : end + 1])
    out = (*sizes[:start], together.size, *sizes[end + 1 :])
    lines = [equation(f"axis {start}", together), f"{shape_text(sizes)} → {shape_text(out)}"]
    return Shaped((out,), tuple(lines))


def _unflatten(arguments: Arguments, inputs: Inputs) -> Shaped:
    dim, parts = arguments["dim"], arguments["unflattened_size"]
    sizes = given(inputs, 0, "N C ∗")
    if not is_known(dim, parts) or isinstance(dim, str):
        return Shaped((("∗",),), ("axis dim becomes several, whose product it was",))
    if not parts:
        raise ValueError("unflattened_size is empty: an axis becomes one or more")
    axis = axis_of(dim, len(sizes))
    there = figure(sizes[axis] if sizes else 1)
    holes = [place for place, part in enumerate(parts) if part == -1]
    if len(holes) > 1 or any(part < -1 for part in parts):
        raise ValueError(f"{tuple(parts)} has more than one size to be worked out, or a negative one")
    known = product(part for part in parts if part != -1)
    filled: list[int | str] = list(parts)
    if holes and there.value is None:
        filled[holes[0]] = (there / known).size
    elif holes:
        filled[holes[0]] = _rest(there, known, axis)
    elif there.value is not None and known.value != there.value:
        raise ValueError(f"{said(known)}, and axis {axis} has {there.text}")
    out = (*sizes[:axis], *filled, *sizes[axis + 1 :])
    return Shaped(
        (out,), (f"axis {axis}: {there.text} = {product(filled).text}", f"{shape_text(sizes)} → {shape_text(out)}")
    )


def _rest(there: Figure, known: Figure, axis: int) -> int:
    """The size that is left for −1."""
    whole, divisor = int(there.value or 0), int(known.value or 0)
    if not divisor or whole % divisor:
        raise ValueError(f"axis {axis} has {whole}, which {said(known)} does not divide")
    return whole // divisor


# --- patches ----------------------------------------------------------------------------------------------------------


def _pair(arguments: Arguments, name: str, least: int) -> tuple[Figure, Figure]:
    """An argument for two axes. Raises ValueError for another number of them, or one that is too small."""
    value: Any = arguments[name]
    if isinstance(value, Symbol):
        return figure(f"{value.text}₀"), figure(f"{value.text}₁")
    if isinstance(value, Sequence) and len(value) != 2:
        raise ValueError(f"{name} has {len(value)} values, one for each of 2 axes is wanted")
    first, second = value if isinstance(value, Sequence) else (value, value)
    if first < least or second < least:
        raise ValueError(f"{name}={value!r} is below {least}")
    return figure(first), figure(second)


def _blocks(arguments: Arguments, height: object, width: object) -> tuple[Figure, Figure]:
    """How many places a window has on both axes."""
    names = (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1))
    kernel, dilation, padding, stride = (_pair(arguments, name, least) for name, least in names)
    blocks = []
    for axis, size in enumerate((height, width)):
        reach = dilation[axis] * (kernel[axis] - 1)
        places = (figure(size) + figure(2) * padding[axis] - reach - 1) // stride[axis] + 1
        if places.value is not None and places.value < 1:
            raise ValueError(f"the window does not fit: {said(places)} places on axis {'HW'[axis]}")
        blocks.append(places)
    return blocks[0], blocks[1]


def _unfold(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = given(inputs, 0, "N C H W")
    _check_axes(sizes, 4)
    *batch, channels, height, width = sizes
    rows, columns = _blocks(arguments, height, width)
    kernel = _pair(arguments, "kernel_size", 1)
    patch = product((channels, *kernel))
    places = rows.settled() * columns.settled()
    return Shaped(
        ((*batch, patch.size, places.size),),
        (
            equation("numbers in a patch", patch),
            equation("patches down", rows),
            equation("patches across", columns),
            equation("patches", places),
        ),
    )


def _fold(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = given(inputs, 0, "N C·kernel patches")
    _check_axes(sizes, 3)
    *batch, patch, places = sizes
    height, width = _pair(arguments, "output_size", 1)
    rows, columns = _blocks(arguments, height, width)
    kernel = product(_pair(arguments, "kernel_size", 1))
    wanted = rows.settled() * columns.settled()
    if isinstance(patch, int) and kernel.value is not None and patch % kernel.value:
        raise ValueError(f"a patch has {patch} numbers, which the window of {said(kernel)} does not divide")
    if isinstance(places, int) and wanted.value is not None and places != wanted.value:
        raise ValueError(f"there are {places} patches, and an output of {height.text}×{width.text} has {said(wanted)}")
    channels = figure("C") if isinstance(patch, str) else figure(patch) / kernel
    return Shaped(
        ((*batch, channels.size, height.size, width.size),),
        (
            equation("C", channels) if isinstance(patch, int) else "C = numbers in a patch / kernel",
            equation("patches down", rows),
            equation("patches across", columns),
            equation("patches", wanted),
        ),
    )


def _check_axes(sizes: Sizes, batched: int) -> None:
    """Only the batch may be missing, or empty."""
    if len(sizes) not in (batched - 1, batched):
        raise ValueError(f"an input of {batched - 1} or {batched} axes is wanted; this one has {len(sizes)}")
    if 0 in sizes[1 - batched :]:
        raise ValueError(f"an input of {shape_text(sizes)} is empty")


_PATCHES = {
    "kernel_size": "height and width of a patch",
    "dilation": "how far apart the numbers of a patch lie: 1 is side by side",
    "padding": "zeros around the image, on each side",
    "stride": "how far one patch is from the next",
}
_PATCH_DEFAULTS = {"dilation": 1, "padding": 0, "stride": 1}

CARDS: tuple[Card, ...] = (
    Card(
        "Flatten",
        "reshaping",
        "Makes one axis of several, for a Linear layer behind a convolution; the batch stays, and every number does.",
        ("[N, C, H, W] → [N, C·H·W]",),
        {
            "start_dim": "the first axis that is made part of the one",
            "end_dim": "the last one; −1 is the last there is",
        },
        {"start_dim": 1, "end_dim": -1},
        _flatten,
        pitfalls=("NN201", "NN205"),
    ),
    Card(
        "Unflatten",
        "reshaping",
        "Parts one axis into several whose product it was: what Flatten did, undone.",
        ("[N, C·H·W] → [N, C, H, W]",),
        {"dim": "the axis that is parted", "unflattened_size": "the sizes of the parts; one may be −1, what is left"},
        {},
        _unflatten,
        pitfalls=("NN205",),
    ),
    Card(
        "Fold",
        "reshaping",
        "Puts patches back to an image; where they overlap, their numbers are added.",
        ("[N, C·kh·kw, patches] → [N, C, H, W]", "Fold(Unfold(x)) = x · (how many patches cover each place)"),
        {"output_size": "height and width of the image", **_PATCHES},
        _PATCH_DEFAULTS,
        _fold,
        pitfalls=("NN211",),
    ),
    Card(
        "Unfold",
        "reshaping",
        "Takes every patch that a sliding window sees out of an image and lays it down as one column.",
        ("[N, C, H, W] → [N, C·kh·kw, patches]", "a convolution is Unfold, then one matrix product"),
        _PATCHES,
        _PATCH_DEFAULTS,
        _unfold,
        pitfalls=("NN211",),
    ),
)
