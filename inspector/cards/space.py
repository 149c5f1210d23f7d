"""Layers that slide over space: how an input is read as batch, channels and one, two or three axes of space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inspector.cards.arithmetic import AXES, Figure, axis_lines, equation, figure, shape_text
from inspector.cards.card import Inputs, Shaped, Sizes

ORDINAL = {1: "1D", 2: "2D", 3: "3D"}
OVER = {1: "a sequence", 2: "an image", 3: "a volume"}
"""What has so many axes of space."""


def split(who: str, inputs: Inputs, axes: int, channels: Any = "C") -> tuple[Sizes, tuple[Figure, ...]]:
    """The leading sizes (batch and channels, or channels alone) and those of space, which are symbols without an input.

    Raises ValueError for another number of axes, and for another number of channels than the layer has.
    """
    letters = AXES[axes]
    wanted = figure(channels).size
    x = inputs[0] if inputs else ("N", wanted, *letters)
    if len(x) not in (axes + 1, axes + 2):
        batch = shape_text(("N", wanted, *letters))
        raise ValueError(f"{who} takes {batch}, or one sample without N, and got {shape_text(x)}")
    lead, space = x[: len(x) - axes], x[len(x) - axes :]
    if isinstance(wanted, int) and isinstance(lead[-1], int) and lead[-1] != wanted:
        axis = "first" if len(lead) == 1 else "second"
        raise ValueError(f"{who} takes {wanted} channels on the {axis} axis, and got {lead[-1]} ({shape_text(x)})")
    return lead, tuple(figure(size) for size in space)


def size_of(result: Figure, axis: str) -> int | str:
    """A size of an output: the number, or a symbol for it."""
    return f"{axis}_out" if result.value is None else int(result.value)


def slid(lead: Sizes, results: Sequence[Figure], channels: Any, say: Callable[[str], str] | None = None) -> Shaped:
    """The output of a layer that has worked out each axis of space, and puts out so many channels."""
    axes = AXES[len(results)]
    out = figure(channels).size
    sizes = tuple(size_of(result, axis) for result, axis in zip(results, axes, strict=True))
    return Shaped(((*lead[:-1], out, *sizes),), axis_lines(axes, results))


def refuse_below(who: str, results: Sequence[Figure], least: int, why: str) -> None:
    """Raises ValueError when the output would have an axis smaller than that."""
    for axis, result in zip(AXES[len(results)], results, strict=True):
        if result.value is not None and result.value < least:
            raise ValueError(f"{who}: {why}: {equation(f'{axis}_out', result)}")


def positive(name: str, values: Sequence[Figure], least: int = 1) -> None:
    """Raises ValueError for an argument that is too small on some axis."""
    for value in values:
        if value.value is not None and value.value < least:
            raise ValueError(f"{name} has to be at least {least}, and is {value.text}")
