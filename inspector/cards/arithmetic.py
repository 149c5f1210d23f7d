"""Numbers that remember how they came about: `⌊(224 + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1 = 112`.

A Figure is a number, or a symbol where the number is not known, together with the expression that made it. A rule is
written once, as arithmetic on figures, and gives the result and the text that leads to it, with numbers or without.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from inspector.cards.card import Counted, Drawn, Inputs, Sizes, Symbol
from inspector.figures import number, whole

_SUM, _PRODUCT, _ATOM = 1, 2, 3
"""How tightly an expression holds together."""


class Figure:
    """A number or a symbol, and the expression that made it."""

    __slots__ = ("strength", "text", "value")

    def __init__(self, text: str, value: float | None, strength: int = _ATOM) -> None:
        self.text = text
        self.value = value
        """None when something in the expression is not known."""
        self.strength = strength

    def __repr__(self) -> str:
        return f"Figure({said(self)})"

    def __add__(self, other: object) -> Figure:
        right = figure(other)
        return _made(f"{self.text} + {right.text}", _SUM, (self, right), lambda a, b: a + b)

    def __sub__(self, other: object) -> Figure:
        right = figure(other)
        return _made(f"{self.text} − {right.within(_PRODUCT)}", _SUM, (self, right), lambda a, b: a - b)

    def __mul__(self, other: object) -> Figure:
        right = figure(other)
        text = f"{self.within(_PRODUCT)}·{right.within(_PRODUCT)}"
        return _made(text, _PRODUCT, (self, right), lambda a, b: a * b)

    def __truediv__(self, other: object) -> Figure:
        """A division that leaves no rest, as of channels into groups; as a factor it stands in brackets."""
        right = figure(other)
        text = f"{self.within(_PRODUCT)}/{right.within(_ATOM)}"
        return _made(text, _SUM, (self, right), lambda a, b: a // b if a % b == 0 else a / b)

    def __floordiv__(self, other: object) -> Figure:
        right = figure(other)
        text = f"⌊{self.within(_PRODUCT)}/{right.within(_ATOM)}⌋"
        return _made(text, _ATOM, (self, right), lambda a, b: a // b)

    def rounded_up(self, other: object) -> Figure:
        """Divided by the other, and up to the next whole number."""
        right = figure(other)
        text = f"⌈{self.within(_PRODUCT)}/{right.within(_ATOM)}⌉"
        return _made(text, _ATOM, (self, right), lambda a, b: -(-a // b))

    def rounded_down(self) -> Figure:
        """Down to the next whole number."""
        return Figure(f"⌊{self.text}⌋", None if self.value is None else math.floor(self.value))

    def within(self, strength: int) -> str:
        """The expression as a part of one that holds as tightly as that."""
        return self.text if self.strength >= strength else f"({self.text})"

    @property
    def size(self) -> int | str:
        """As a size of a shape: the number, or the expression when there is none."""
        return self.text if self.value is None else int(self.value)

    def settled(self) -> Figure:
        """The number without its expression, where it is known."""
        return self if self.value is None else figure(self.value)


def _made(text: str, strength: int, parts: tuple[Figure, Figure], work: Any) -> Figure:
    left, right = (part.value for part in parts)
    return Figure(text, None if left is None or right is None else work(left, right), strength)


def figure(value: Any) -> Figure:
    """A figure from a number, or from a symbol: of an argument, or of a shape."""
    if isinstance(value, Figure):
        return value
    if isinstance(value, Symbol):
        return Figure(value.text, None)
    if isinstance(value, str):
        return Figure(value, None, _ATOM if re.fullmatch(r"\w+|[⌊⌈][^⌊⌈⌋⌉]*[⌋⌉]", value) else _SUM)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number")
    text = str(value) if isinstance(value, int) else f"{value:g}"
    return Figure(text.replace("-", "−"), value, _ATOM if value >= 0 else _SUM)


def is_known(*values: Any) -> bool:
    """Whether none of these is a symbol."""
    return not any(isinstance(value, Symbol) for value in values)


# --- lines of text ----------------------------------------------------------------------------------------------------


def said(result: Figure) -> str:
    """`3·7 = 21`; of what is no expression, or has no number, the one thing that there is to say."""
    if result.value is None:
        return result.text
    text = whole(result.value) if isinstance(result.value, int) else number(result.value)
    plain = result.strength == _ATOM and not result.text.startswith(("⌊", "⌈"))
    return text if plain else f"{result.text} = {text}"


def equation(name: str, result: Figure) -> str:
    """`H_out = ⌊4/2⌋ + 1 = 3`"""
    return f"{name} = {said(result)}"


def axis_lines(axes: Sequence[str], results: Sequence[Figure]) -> tuple[str, ...]:
    """One equation for each axis of the result; axes on which the same happens share one."""
    lines: list[str] = []
    first, name = results[0], axes[0]
    alike = [axis for axis, result in zip(axes, results, strict=True) if result.text == first.text]
    lines.append(equation(" = ".join(f"{axis}_out" for axis in alike), first))
    rest = [(axis, result) for axis, result in zip(axes, results, strict=True) if axis not in alike]
    same_rule = [axis for axis, result in rest if re.sub(rf"\b{axis}\b", name, result.text) == first.text]
    lines.extend(equation(f"{axis}_out", result) for axis, result in rest if axis not in same_rule)
    if same_rule:
        named = " and ".join(f"{axis}_out" for axis in same_rule)
        lines.append(f"{named} likewise, from {' and '.join(same_rule)}")
    return tuple(lines)


def shape_text(sizes: Iterable[int | str]) -> str:
    """`2×64×H×W`; a size that is an expression stands in brackets."""
    texts = [figure(size).within(_PRODUCT) for size in sizes]
    return "×".join(texts) or "scalar"


# --- what goes in -----------------------------------------------------------------------------------------------------

AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""What the axes of space are called, by how many there are."""


def given(inputs: Inputs, place: int, symbols: str) -> Sizes:
    """The shape of the tensor at this place, or symbols where nothing was run: `N C H W`."""
    return inputs[place] if place < len(inputs) else tuple(symbols.split())


def per_axis(value: Any, axes: int, name: str) -> tuple[Figure, ...]:
    """An argument that is one number for all axes or one for each. Raises ValueError for another number of them."""
    if not isinstance(value, (tuple, list)):
        return (figure(value),) * axes
    if len(value) == 1:
        return (figure(value[0]),) * axes
    if len(value) != axes:
        raise ValueError(f"{name} has {len(value)} values, one for each of {axes} axes is wanted")
    return tuple(figure(each) for each in value)


def product(sizes: Iterable[Any]) -> Figure:
    """All of these multiplied: `64·3·7·7`; of nothing 1."""
    figures = [figure(size) for size in sizes]
    result = figures[0] if figures else figure(1)
    for each in figures[1:]:
        result = result * each
    return result


def total_of(results: Iterable[Figure]) -> int | None:
    """The sum, when all of them are known."""
    values = [result.value for result in results]
    return None if None in values else int(sum(value for value in values if value is not None))


# --- parameters, cost, initial values ---------------------------------------------------------------------------------


def counted(*terms: tuple[str, Iterable[Any]]) -> Counted:
    """How many parameters there are, from their names and shapes."""
    results = [(name, product(sizes)) for name, sizes in terms]
    return Counted(
        total_of(result for _, result in results), tuple(f"{name} {said(result)}" for name, result in results)
    )


def costs(*terms: Sequence[tuple[str, Any]]) -> Counted:
    """FLOPs of sums of products of multiply-adds, from the names and values of the factors.

    One line a product: `2·rows·in_features·out_features = 2·2·576·120 = 276,480`.
    """
    results = [product((2, *(value for _, value in factors))) for factors in terms]
    lines = []
    for factors, result in zip(terms, results, strict=True):
        names = "·".join(("2", *(name for name, _ in factors)))
        known = any(figure(value).value is not None for _, value in factors)
        lines.append(f"{names} = {said(result)}" if known else names)
    return Counted(total_of(results), tuple(lines))


def uniform_root(fan: Figure) -> Drawn:
    """Uniform between ± the root of 1/fan, which is what torch draws most weights from."""
    if fan.value is None:
        return Drawn(f"U(−√k, √k), k = 1/{fan.within(_ATOM)}")
    if fan.value <= 0:
        return Drawn("nothing to draw")
    bound = math.sqrt(1 / fan.value)
    return Drawn(f"U(−√k, √k), k = 1/{fan.within(_ATOM)} → ±{number(bound)}", -bound, bound, bound / math.sqrt(3))


def constant(value: float) -> Drawn:
    """The same everywhere."""
    return Drawn(f"all {number(value)}", value, value, 0.0)


def normal(std: float = 1.0) -> Drawn:
    """The bell curve around 0, which has no bound."""
    return Drawn(f"N(0, {number(std)}²)" if std != 1 else "N(0, 1)", std=std)
