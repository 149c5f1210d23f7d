"""A card in plain forms: as text, as Markdown, and as data."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from typing import Literal

import msgspec

from inspector.cards.explaining import Explained, ExplainedArgument
from inspector.format import literal
from inspector.schema import ModuleDetail

Form = Literal["text", "markdown", "json"]

_WIDTH = 100
"""Longer lines are hard to read."""
_NAME = 18


def form_of(options: argparse.Namespace) -> Form:
    """The form that the command line asks for."""
    return "json" if options.json else "markdown" if options.markdown else "text"


def write(explained: Explained, form: Form, width: int, path: str = "") -> str:
    """The whole card; of a layer of a model with its path."""
    if form == "json":
        document = {"schema": "nn-inspect/1", "path": path or None, "card": explained}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    if form == "markdown":
        return "\n".join(_markdown(explained, path)) + "\n"
    return "\n".join(_text(explained, min(width, _WIDTH), path)) + "\n"


def _title(explained: Explained, path: str) -> str:
    return f"{literal(path)} · {explained.name}" if path else explained.name


def _text(explained: Explained, width: int, path: str) -> Iterator[str]:
    yield f"{_title(explained, path)}  ({explained.family})"
    for section in explained.sections:
        yield ""
        if section.title:
            yield section.title
        if section.key == "arguments":
            for argument in explained.arguments:
                yield from _argument(argument, width)
            continue
        for line in section.lines:
            yield from _wrapped(literal(line), width, "  " if section.title else "")


def _argument(argument: ExplainedArgument, width: int) -> Iterator[str]:
    """Name, value here, what it means; * marks one that is not at its default."""
    value = argument.value if argument.value is not None else argument.default
    said = literal(value) if value is not None else "required"
    default = f"  (default {literal(argument.default)})" if argument.changed and argument.default is not None else ""
    yield f"{'*' if argument.changed else ' '} {literal(argument.name):<{_NAME}} {said}{default}"
    yield from _wrapped(argument.meaning, width, " " * (_NAME + 3))


def _wrapped(line: str, width: int, indent: str) -> Iterator[str]:
    """A line cut at blanks, all of it as far in as it begins."""
    own = indent + " " * (len(line) - len(line.lstrip()))
    yield from textwrap.wrap(line.strip(), max(width, 30), initial_indent=own, subsequent_indent=own) or [""]


def _markdown(explained: Explained, path: str) -> Iterator[str]:
    yield f"## {_title(explained, path)}"
    for section in explained.sections:
        yield ""
        if section.title:
            yield f"### {section.title}"
            yield ""
        if section.key == "arguments":
            yield "| argument | here | default | meaning |"
            yield "|:--|:--|:--|:--|"
            yield from map(_markdown_argument, explained.arguments)
        elif section.key in ("formula", "shape", "parameters", "initial", "cost"):
            yield "```"
            yield from map(literal, section.lines)
            yield "```"
        else:
            yield from map(literal, section.lines)


def _markdown_argument(argument: ExplainedArgument) -> str:
    value, default = argument.value or "", argument.default if argument.default is not None else "required"
    mark = "**" if argument.changed else ""
    cells = (argument.name, f"{mark}{value}{mark}" if value else "", default, argument.meaning)
    return "| " + " | ".join(literal(cell).replace("|", "\\|") for cell in cells) + " |"


def of_own_class(path: str, detail: ModuleDetail, form: Form, width: int) -> str:
    """A class of the user's own: what it says of itself."""
    if form == "json":
        document = {"schema": "nn-inspect/1", "path": path or None, "card": None, "class": detail}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    name = literal(detail.qualified_type.rpartition(".")[2])
    signature = ", ".join(
        literal(argument.name) + (f"={literal(argument.default)}" if argument.default is not None else "")
        for argument in detail.arguments
    )
    mark = "## " if form == "markdown" else ""
    lines = [f"{mark}{literal(path)} · {name}({signature})" if path else f"{mark}{name}({signature})"]
    lines.append(f"a class of its own, made from {', '.join(map(literal, detail.bases[:2]))}")
    if detail.doc:
        lines.append("")
        lines += [part for raw in literal(detail.doc, lines=True).split("\n") for part in _wrapped(raw, width, "")]
    return "\n".join(lines) + "\n"
