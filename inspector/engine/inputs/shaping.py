"""One leaf of the arguments in another shape: with an axis, a rank or a number of elements that something wants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from inspector.engine.inputs.layers import BATCH, LENGTH, SIZE
from inspector.engine.inputs.leaves import changed
from inspector.engine.inputs.recipes import Drawn
from inspector.engine.inputs.rules import Want
from inspector.engine.inputs.trying import Candidate
from inspector.engine.inputs.watching import Observed, Origin

IMAGE_RANK = 4


def direct(leaf: Drawn, seen: Observed) -> Drawn | None:
    """The leaf with what is wanted of it, where the tensor is the leaf itself, or one of its axes the leaf's own."""
    want, origin = seen.want, seen.origin
    match want.what:
        case "integers":
            shape = leaf.shape if len(leaf.shape) <= 2 else (BATCH, LENGTH)
            return Drawn(shape, "int64", "normal", 0, max(want.size - 1, 0))
        case "truth":
            return Drawn(leaf.shape, "bool", "ones")
        case "floating":
            return Drawn(leaf.shape, want.dtype) if want.dtype.startswith(("float", "bfloat", "complex")) else None
        case "rank" if origin.whole:
            rank = len(leaf.shape) + want.size - want.tensor.dim()
            if 0 < rank < len(leaf.shape) and origin.axes[:1] == (None,):
                return replace(leaf, shape=leaf.shape[-rank:])  # Forward itself makes a batch of the one sample.
            return replace(leaf, shape=with_rank(leaf.shape, rank)) if rank >= 0 else None
        case "axis":
            return with_wanted_axis(leaf, want, origin)
    return None


def with_wanted_axis(leaf: Drawn, want: Want, origin: Origin) -> Drawn | None:
    if want.tensor.dim() <= want.axis:
        return replace(leaf, shape=with_rank(leaf.shape, want.axis + 1)) if origin.whole else None
    if want.tensor.dim() == 1 and origin.whole and len(leaf.shape) == 1:
        return replace(leaf, shape=(leaf.shape[0], want.size))  # One number for each sample becomes several.
    own = origin.own_axis(want.axis)
    return None if own is None else with_axes(leaf, (own,), want.size)


def with_axes(leaf: Drawn, axes: tuple[int, ...], size: int) -> Drawn:
    shape = list(leaf.shape)
    for axis in axes:
        shape[axis] = size
    return replace(leaf, shape=tuple(shape))


def with_rank(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Axes are added, and taken away, at the end, where nothing speaks for another place."""
    if rank <= len(shape):
        return shape[:rank]
    if len(shape) == 2 and rank == 3:
        return shape[0], LENGTH, shape[1]  # Features stay last.
    if len(shape) <= 2 and rank >= IMAGE_RANK:
        return (*shape[:1], 3, *[SIZE] * (rank - 2)) if shape else (BATCH, 3, *[SIZE] * (rank - 2))
    added = (SIZE,) * rank
    return (*shape, *added[: rank - len(shape)])


def of_elements(candidate: Candidate, name: str, leaf: Drawn, wanted: int) -> Iterator[Candidate]:
    """Samples of so many values: a square image of one or three channels, else a row."""
    batch = leaf.shape[0] if leaf.shape else BATCH
    shapes: list[tuple[int, ...]] = []
    for channels in (1, 3):
        side = math.isqrt(wanted // channels) if wanted % channels == 0 else 0
        if side >= 4 and channels * side * side == wanted:
            shapes.append((batch, channels, side, side))
    for shape in [*shapes, (batch, wanted)]:
        yield changed(candidate, name, replace(leaf, shape=shape))
