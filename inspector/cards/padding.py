"""Padding: more places around an input, filled with a constant or with the input itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspector.cards.arithmetic import AXES, Figure, figure, shape_text
from inspector.cards.card import Arguments, Card, Inputs, Shaped, Sizes
from inspector.cards.space import OVER, refuse_below, slid, split

Sides = tuple[tuple[Figure, Figure], ...]
"""Before and after the input, for each axis of space."""
Check = Callable[[float, float], None]
"""Raises ValueError when an axis of this size cannot be continued so far."""


def _sides(padding: Any, axes: int) -> Sides:
    """torch counts from the last axis: (left, right, top, bottom, front, back)."""
    if not isinstance(padding, (tuple, list)):
        return ((figure(padding), figure(padding)),) * axes
    if len(padding) != 2 * axes:
        raise ValueError(f"padding has {len(padding)} values, two for each of {axes} axes are wanted")
    figures = [figure(each) for each in padding]
    return tuple(zip(figures[::2], figures[1::2], strict=True))[::-1]


def _added(lead: Sizes, space: tuple[Figure, ...], sides: Sides, who: str, least: int) -> Shaped:
    results = [size + before + after for size, (before, after) in zip(space, sides, strict=True)]
    refuse_below(who, results, least, "more is cut off than there is")
    return slid(lead, results, lead[-1])


def _constant_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int) -> Shaped:
    """A constant goes around anything that has as many axes."""
    sides = _sides(arguments["padding"], axes)
    x = inputs[0] if inputs else ("N", "C", *AXES[axes])
    if len(x) < axes:
        raise ValueError(f"{who} pads the last {axes} axes, and got {shape_text(x)}")
    lead, space = x[: len(x) - axes], tuple(figure(size) for size in x[len(x) - axes :])
    shaped = _added(("*",), space, sides, who, 0)
    return Shaped(((*lead, *shaped.outputs[0][1:]),), shaped.lines)


def _copied_shape(who: str, arguments: Arguments, inputs: Inputs, axes: int, check: Check) -> Shaped:
    """What is put around comes from the input, which has to have it."""
    sides = _sides(arguments["padding"], axes)
    lead, space = split(who, inputs, axes)
    for size, pair in zip(space, sides, strict=True):
        for side in pair:
            if size.value is not None and side.value is not None:
                check(size.value, side.value)
    shaped = _added(lead, space, sides, who, 0)
    # Of several axes some may be left with nothing, but not all; what goes around itself may be.
    if check is not _circled and all(size == 0 for size in shaped.outputs[0][-axes:]):
        raise ValueError(f"{who}: nothing is left: {'; '.join(shaped.lines)}")
    return shaped


def _reflected(size: float, side: float) -> None:
    if side >= size:
        raise ValueError(f"a mirror image of an axis of {size} has at most {size - 1} values, and not {side}")


def _repeated(size: float, side: float) -> None:
    """An edge can be repeated as often as one likes."""


def _circled(size: float, side: float) -> None:
    if side > size:
        raise ValueError(f"an axis of {size} cannot go around itself by {side}")


_PADDING = {
    1: "how many places are added: one number, or (left, right)",
    2: "how many places are added: one number, or (left, right, top, bottom)",
    3: "how many places are added: one number, or (left, right, top, bottom, front, back)",
}


def _constant(axes: int) -> Card:
    name = f"ConstantPad{axes}d"
    return Card(
        name=name,
        family="padding",
        sentence=f"Puts places with one fixed number around {OVER[axes]}.",
        formula=("v v | a b c d | v v        v: value",),
        arguments={"padding": f"{_PADDING[axes]}; a negative number cuts off", "value": "the number that is put there"},
        shape=lambda arguments, inputs: _constant_shape(name, arguments, inputs, axes),
    )


def _zero(axes: int) -> Card:
    name = f"ZeroPad{axes}d"
    return Card(
        name=name,
        family="padding",
        sentence=f"Puts zeros around {OVER[axes]}.",
        formula=("0 0 | a b c d | 0 0",),
        arguments={"padding": f"{_PADDING[axes]}; a negative number cuts off"},
        shape=lambda arguments, inputs: _constant_shape(name, arguments, inputs, axes),
    )


def _copying(name: str, sentence: str, picture: str, check: Check) -> Callable[[int], Card]:
    def card(axes: int) -> Card:
        full = f"{name}{axes}d"
        return Card(
            name=full,
            family="padding",
            sentence=sentence.format(over=OVER[axes]),
            formula=(picture,),
            arguments={"padding": _PADDING[axes]},
            shape=lambda arguments, inputs: _copied_shape(full, arguments, inputs, axes, check),
            pitfalls=("NN311",),
        )

    return card


_KINDS: tuple[Callable[[int], Card], ...] = (
    _zero,
    _constant,
    _copying(
        "ReflectionPad",
        "Continues {over} by its mirror image at each edge; the edge itself is not repeated.",
        "c b | a b c d | c b",
        _reflected,
    ),
    _copying("ReplicationPad", "Continues {over} by repeating its edges.", "a a | a b c d | d d", _repeated),
    _copying(
        "CircularPad",
        "Continues {over} as if it went round: what follows its end is its beginning.",
        "c d | a b c d | a b",
        _circled,
    ),
)
CARDS: tuple[Card, ...] = tuple(kind(axes) for kind in _KINDS for axes in (1, 2, 3))
