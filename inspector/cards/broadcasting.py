"""How torch brings several shapes to one: from the last axis on sizes are equal, or 1, or not there."""

from __future__ import annotations

from inspector.cards.arithmetic import shape_text
from inspector.cards.card import Sizes


def broadcast(*shapes: Sizes) -> Sizes:
    """The one shape. Raises ValueError where two sizes do not fit; a symbol fits everything."""
    result: Sizes = ()
    for shape in shapes:
        result = _two(result, shape)
    return result


def _two(one: Sizes, other: Sizes) -> Sizes:
    length = max(len(one), len(other))
    pairs = zip(_filled(one, length), _filled(other, length), strict=True)
    sizes = []
    for axis, (left, right) in enumerate(pairs):
        if isinstance(left, int) and isinstance(right, int) and left != right and 1 not in (left, right):
            texts = f"{shape_text(one)} and {shape_text(other)}"
            raise ValueError(
                f"{texts} do not fit: {left} and {right} on axis {axis - length}, which are not equal or 1"
            )
        sizes.append(right if left == 1 else left)
    return tuple(sizes)


def _filled(shape: Sizes, length: int) -> Sizes:
    return (1,) * (length - len(shape)) + shape


def axis_of(dim: int, rank: int) -> int:
    """An axis counted from the front. Raises ValueError when there is none; a single number counts as one axis."""
    axes = max(rank, 1)
    if not -axes <= dim < axes:
        raise ValueError(f"axis {dim} is wanted, and the input has {rank} axes")
    return dim % axes
