"""The arguments of a layer as values that a card can count with: read from source text, or taken at their defaults."""

from __future__ import annotations

import ast
import re
from ast import literal_eval
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from inspector.cards.card import Arguments, Card, Part, Symbol
from inspector.schema import Argument


class Read(NamedTuple):
    """All arguments of a card."""

    values: Arguments
    """For the card's functions: nothing is missing."""
    texts: Mapping[str, str]
    """The value here as source text, of those that the layer told."""
    present: tuple[str, ...]
    """Those that this version of torch has, in the order of its signature."""


def general(card: Card) -> Read:
    """No layer, the class itself: what is a number is a symbol, everything else at its default."""
    values = {name: _symbol_for(name, card.defaults) for name in card.arguments}
    return Read(values, {}, tuple(card.arguments))


def _symbol_for(name: str, defaults: Mapping[str, Any]) -> Any:
    default = defaults.get(name)
    is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
    return Symbol(name) if name not in defaults or name in _STANDS_FOR or is_number else default


def of_layer(card: Card, arguments: Iterable[Argument], attributes: Iterable[tuple[str, str]]) -> Read:
    """A layer's own values: by its constructor's arguments, or by attributes of the same names.

    What is told nowhere is at its default when that is a yes or no, a word or nothing; a number stays a symbol.
    """
    told = {argument.name: argument for argument in arguments}
    texts = {name: text for name, text in attributes if name in card.arguments}
    texts |= {name: argument.value for name, argument in told.items() if argument.value is not None}
    texts = {name: text for name, text in texts.items() if name in card.arguments}
    symbols = general(card).values
    values = {name: value_of(texts[name], name) if name in texts else symbols[name] for name in card.arguments}
    own = tuple(name for name in card.arguments if name in told)
    return Read(values, texts, own or tuple(card.arguments))


def value_of(text: str, name: str) -> Any:
    """What a piece of source text says: a literal, or a symbol under its own text."""
    inner = re.fullmatch(r"(?:torch\.)?Size\((.*)\)", text)
    try:
        return literal_eval(inner[1] if inner else text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    if text in ("inf", "-inf", "nan"):
        return float(text)
    if text.startswith(_PARTS) and (part := _part(text)) is not None:
        return part
    return Symbol(text if text.isprintable() and len(text) <= 60 and "…" not in text else name)


_PARTS = ("TransformerEncoderLayer(", "TransformerDecoderLayer(", "LayerNorm(", "RMSNorm(")
"""Layers that other ones are given."""


def _part(text: str) -> Part | None:
    """A layer written as the call that makes it, with names for all of its arguments; None of anything else."""
    try:
        call = ast.parse(text, mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        return None
    given = {each.arg: value_of(ast.unparse(each.value), each.arg) for each in call.keywords if each.arg is not None}
    return Part(call.func.id, given)


def is_changed(name: str, values: Arguments, defaults: Mapping[str, Any]) -> bool:
    """Whether an argument is not at its default: `(1, 1)` is where 1 is, and so is what None stands for."""
    if name not in defaults:
        return False
    value, default = values.get(name), defaults[name]
    if isinstance(value, Symbol) or isinstance(default, Symbol):
        return isinstance(value, Symbol) and isinstance(default, Symbol) and _last(value) != _last(default)
    if default is None and name in _STANDS_FOR:
        return value is not None and _axes(value) != _axes(values.get(_STANDS_FOR[name]))
    return bool(_axes(value) != _axes(default))


_STANDS_FOR = {"stride": "kernel_size", "kdim": "embed_dim", "vdim": "embed_dim"}
"""Arguments whose default None means: as much as that one."""


def _last(symbol: Symbol) -> str:
    """A function is the same whether its module is named or not."""
    return symbol.text.rpartition(".")[2]


def _axes(value: Any) -> Any:
    """One number where all axes have the same."""
    if isinstance(value, (tuple, list)) and value and all(each == value[0] for each in value):
        return value[0]
    return value
