"""The arguments and inputs of a layer as lines to edit, and what was typed in them as a request for a trial."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec import structs

from inspector.format import literal
from inspector.run_schema import Seen
from inspector.schema import Argument
from inspector.tui.input_text import InputTextError, meaning, tensor_text

_PLACE = ("device", "dtype")
_NAMED = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w.]*")
_NUMBERS = frozenset(
    ["int", "float", "bool", "None", "tuple", "Tuple", "list", "List", "Sequence", "Optional", "Union"]
)
"""Of annotations that name nothing but numbers, and how they stand together."""
_OPENING, _CLOSING = "([{", ")]}"


class Asked(NamedTuple):
    """What a trial is asked to do, as in `TryLayer`."""

    arguments: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    dry: bool = True
    mode: Literal["train", "eval"] = "eval"


def editable(arguments: Iterable[Argument]) -> tuple[Argument, ...]:
    """Those that have a line: what can be given by its name and changes what the layer is."""
    return tuple(each for each in arguments if each.name not in _PLACE and not each.name.startswith("*"))


def own_text(argument: Argument) -> str:
    """What stands in a line at first: the layer's own value, else the default."""
    return literal(argument.value if argument.value is not None else argument.default or "")


def changed(arguments: Sequence[Argument], lines: Sequence[str]) -> tuple[str, ...]:
    """Each argument that was changed, as `name=literal`; an empty line is the layer's own value."""
    return tuple(
        f"{argument.name}={line.strip()}"
        for argument, line in zip(arguments, lines, strict=True)
        if line.strip() and line.strip() != own_text(argument)
    )


def misfit(argument: Argument, line: str) -> str:
    """Why a line cannot be what its argument wants: a word where its annotation names numbers only; "" when it may."""
    text, wanted = line.strip(), set(_WORD.findall(argument.annotation))
    if not text or text == own_text(argument) or not wanted or not wanted <= _NUMBERS:
        return ""
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = text
    if isinstance(value, str):
        return f"{argument.name} wants {argument.annotation}, and not the text {text!r}"
    if isinstance(value, float) and "float" not in wanted:
        return f"{argument.name} wants {argument.annotation}, and {text} is no whole number"
    if value is None and not wanted & {"None", "Optional"} and argument.default != "None":
        return f"{argument.name} wants {argument.annotation}, and not None"
    return ""


def with_lines(arguments: Sequence[Argument], lines: Sequence[str]) -> tuple[Argument, ...]:
    """The arguments as they would be then, for a card that works them out."""
    return tuple(
        structs.replace(argument, value=line.strip() or argument.value or argument.default)
        for argument, line in zip(arguments, lines, strict=True)
    )


def inputs_of(line: str) -> tuple[str, ...]:
    """The inputs that stand in one line, parted by semicolons outside of brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for place, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        elif sign == ";" and depth <= 0:
            parts.append(line[start:place])
            start = place + 1
    return tuple(part.strip() for part in (*parts, line[start:]) if part.strip())


def problem_of(line: str) -> str:
    """Why an input means nothing; empty when all of them mean something."""
    for text in inputs_of(line):
        match = _NAMED.fullmatch(text)
        try:
            meaning(match[2] if match else text)
        except InputTextError as error:
            return str(error)
    return ""


def seen_in(line: str) -> tuple[Seen, ...]:
    """The tensors that stand in the line, for a card that works out their shapes; () when one is not to be told."""
    found = []
    for text in inputs_of(line):
        match = _NAMED.fullmatch(text)
        typed = tensor_text((match[2] if match else text).strip())
        if typed is None or problem_of(text):
            return ()
        shape = tuple(int(size) for size in re.findall(r"\d+", typed.shape))
        found.append(Seen(match[1] if match else "", shape, typed.whole_dtype or "float32"))
    return tuple(found)
