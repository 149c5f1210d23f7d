"""What is known of one building block of torch.nn, as data: a card. Its numbers come from functions of the arguments.

A card explains a class to somebody who knows no PyTorch, and a layer to somebody who wants to know where its numbers
come from. So the functions in it give the number and the arithmetic that leads there, as text. They are pure, need no
torch, and are tested against torch itself. What is not known stays a symbol in the text: a card without arguments is
the general rule, a card with the arguments and the input of a layer is that rule worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Symbol:
    """An argument whose value nobody knows, under the name that stands for it in formulas."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and self.text == other.text

    def __hash__(self) -> int:
        return hash(("Symbol", self.text))

    def __repr__(self) -> str:
        return f"Symbol({self.text!r})"


class Part(NamedTuple):
    """A layer that is given to another one, as `TransformerEncoder` is given the layer that it copies."""

    name: str
    """Its class."""
    arguments: Mapping[str, Any]
    """Those that are not at their default, as far as it tells them."""


Arguments = Mapping[str, Any]
"""Constructor arguments by name, all of them, defaults filled in: Python values, or a Symbol for what is not known."""
Sizes = tuple[int | str, ...]
"""A shape; a size that is not known is a symbol (`N`, `H`)."""
Inputs = tuple[Sizes, ...]
"""The shapes of the tensors that forward gets, in its order. Empty when nothing was run: then a card makes symbols."""


class Shaped(NamedTuple):
    """What comes out, and why."""

    outputs: tuple[Sizes, ...]
    """The shape of each tensor that comes out, in its order."""
    lines: tuple[str, ...]
    """The arithmetic: `H_out = ⌊(224 + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1 = 112`."""


class Counted(NamedTuple):
    """A number of parameters, or of floating point operations, and why."""

    total: int | None
    """None when something in it is not known."""
    lines: tuple[str, ...]
    """The arithmetic, one term a line: `weight 64·3·7·7 = 9,408`."""


class Drawn(NamedTuple):
    """How the values of a parameter are chosen when the layer is built."""

    text: str
    """`U(−√k, √k), k = 1/576 → ±0.04167`; `all 1`; `N(0, 1)`."""
    low: float | None = None
    """No value is below this one. None: there is no bound, or it is not known. Equal to `high`: all are this one."""
    high: float | None = None
    std: float | None = None
    """The standard deviation of the distribution; 0 of a constant."""


class Initial(NamedTuple):
    """The initial distribution of one parameter, or of several that are alike."""

    parameter: str
    """`weight`, or a pattern as fnmatch reads it: `weight_hh_l*`."""
    of: Callable[[Arguments], Drawn | None]
    """None when a layer with these arguments has no such parameter."""


class Curve(NamedTuple):
    """A function of one number, to be drawn."""

    function: Callable[[float, Arguments], float]
    derivative: Callable[[float, Arguments], float]
    interval: tuple[float, float] = (-4.0, 4.0)
    """Where it is interesting."""


Shape = Callable[[Arguments, Inputs], Shaped]
"""Raises ValueError, with words, where torch refuses."""
Parameters = Callable[[Arguments], Counted]
Cost = Callable[[Arguments, Inputs], Counted]
"""FLOPs of one call: one multiply-add is two, and only multiply-adds count, as everywhere in this program."""


class Card(NamedTuple):
    """One class of torch.nn."""

    name: str
    """`Conv2d`"""
    family: str
    """`convolution`"""
    sentence: str
    """What it does."""
    formula: tuple[str, ...] = ()
    """In Unicode, at most 76 cells wide and one screen high."""
    arguments: Mapping[str, str] = {}
    """Name → meaning in one clause, in the order of the signature."""
    defaults: Mapping[str, Any] = {}
    """Of the arguments that have one; a default that is no plain value is a Symbol with its source text."""
    shape: Shape | None = None
    parameters: Parameters | None = None
    """None: it has none, whatever the arguments."""
    initial: tuple[Initial, ...] = ()
    cost: Cost | None = None
    """None: nothing, by the convention that only multiply-adds count."""
    modes: str = ""
    """What differs between train and eval; empty: nothing."""
    pitfalls: tuple[str, ...] = ()
    """Ids of findings, to be looked up in inspector.catalogue."""
    curve: Curve | None = None
    """Of an activation that works on each number alone."""
    takes: tuple[str, ...] = ()
    """What goes in, where a shape alone does not say it: shapes and dtypes of input and target, in words."""
