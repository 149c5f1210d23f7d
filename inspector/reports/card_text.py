"""A card in plain forms: as text, as Markdown, and as data."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from inspector import card_drawings
from inspector.cards.explaining import Explained, ExplainedArgument, Flow
from inspector.cards.transliteration import in_ascii
from inspector.format import end_cut, held_together, literal, parted, plural
from inspector.own_class import OwnClass
from inspector.schema import ModuleDetail, TensorStats

Form = Literal["text", "markdown", "json"]

_WIDTH = 100
"""Longer lines are hard to read."""
_NAME = 18
_ELSEWHERE = ("device", "dtype")
"""Arguments that every layer has, and that the tree tells of."""


def form_of(options: argparse.Namespace) -> Form:
    """The form that the command line asks for."""
    return "json" if options.json else "markdown" if options.markdown else "text"


class Sheet(NamedTuple):
    """What is written on."""

    form: Form
    width: int
    ascii_only: bool = False

    def spelled(self, lines: Iterable[str]) -> Iterator[str]:
        """As the terminal can show them; before they are wrapped, because signs become longer."""
        return map(in_ascii, lines) if self.ascii_only else iter(lines)


class Layer(NamedTuple):
    """The module of a model that is explained."""

    path: str
    detail: ModuleDetail
    flow: Flow | None = None
    got: TensorStats | None = None
    """Statistics of what went into it, with a histogram."""


def write(explained: Explained, sheet: Sheet, layer: Layer | None = None) -> str:
    """The whole card; of a layer of a model with its path and its drawings."""
    path = layer.path if layer is not None else ""
    if sheet.form == "json":
        document = {"schema": "nn-inspect/1", "path": path or None, "card": explained}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    if sheet.form == "markdown":
        return "\n".join(sheet.spelled(_markdown(explained, _title(explained.name, path, sheet)))) + "\n"
    return "\n".join(_text(explained, sheet._replace(width=min(sheet.width, _WIDTH)), layer)) + "\n"


def _title(name: str, path: str, sheet: Sheet) -> str:
    """`fc1 · Linear`; in ASCII that dot would be one more multiplication."""
    return f"{literal(path)} {'-' if sheet.ascii_only else '·'} {name}" if path else name


def _text(explained: Explained, sheet: Sheet, layer: Layer | None) -> Iterator[str]:
    title = _title(explained.name, layer.path if layer is not None else "", sheet)
    yield from sheet.spelled([f"{title}  ({explained.family})"])
    for section in explained.sections:
        yield ""
        if section.title:
            yield section.title
        if section.key == "arguments":
            for argument in explained.arguments:
                if layer is None or argument.changed or argument.name not in _ELSEWHERE:
                    yield from _argument(argument, sheet)
            continue
        for line in sheet.spelled(map(literal, section.lines)):
            yield from _wrapped(line, sheet.width, "  " if section.title else "")
        if layer is not None:
            yield from (f"  {line}".rstrip() for line in _drawing(explained, section.key, sheet, layer))


def _drawing(explained: Explained, key: str, sheet: Sheet, layer: Layer) -> Iterator[str]:
    """What belongs below a section."""
    room, ascii_only = sheet.width - 2, sheet.ascii_only
    if key == "formula":
        curve = card_drawings.curve(explained, layer.detail, layer.got, room, ascii_only=ascii_only)
        if curve is not None:
            yield from ("", *curve.lines, card_drawings.LEGEND)
            yield from sheet.spelled(filter(None, [card_drawings.got(layer.got) if layer.got is not None else ""]))
    if key == "shape" and layer.flow is not None:
        sizes = next((seen.shape for seen in layer.flow.inputs if seen.shape), None)
        window = card_drawings.window(explained, layer.detail, sizes, room, ascii_only=ascii_only)
        yield from ("", *window) if window else ()


def _argument(argument: ExplainedArgument, sheet: Sheet) -> Iterator[str]:
    """Name, value here, what it means; * marks one that is not at its default."""
    value = argument.value if argument.value is not None else argument.default
    said = literal(value) if value is not None else "required"
    default = f"  (default {literal(argument.default)})" if argument.changed and argument.default is not None else ""
    mark = "*" if argument.changed else " "
    yield from sheet.spelled([f"{mark} {literal(argument.name):<{_NAME}} {said}{default}"])
    for line in sheet.spelled([argument.meaning]):
        yield from _wrapped(line, sheet.width, " " * (_NAME + 3))


def _wrapped(line: str, width: int, indent: str) -> Iterator[str]:
    """A line cut at blanks, all of it as far in as it begins."""
    own = indent + " " * (len(line) - len(line.lstrip()))
    text = held_together(line.strip())
    parts = textwrap.wrap(text, max(width, 30), initial_indent=own, subsequent_indent=own, break_on_hyphens=False)
    yield from map(parted, parts or [""])


def _markdown(explained: Explained, title: str) -> Iterator[str]:
    yield f"## {title}"
    for section in explained.sections:
        yield ""
        if section.title:
            yield f"### {section.title}"
            yield ""
        if section.key == "arguments":
            yield "| argument | here | default | meaning |"
            yield "|:--|:--|:--|:--|"
            yield from map(_markdown_argument, explained.arguments)
        elif section.key in ("tryout", "formula", "shape", "parameters", "initial", "cost"):
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


def of_own_class(path: str, detail: ModuleDetail, own: OwnClass, sheet: Sheet) -> str:
    """A class of the user's own: what it says of itself, what it holds, what its forward was seen to call."""
    if sheet.form == "json":
        document = {"schema": "nn-inspect/1", "path": path or None, "card": None, "class": detail}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    return "\n".join(_own_class(path, own, sheet)) + "\n"


def _own_class(path: str, own: OwnClass, sheet: Sheet) -> Iterator[str]:
    heading = "## " if sheet.form == "markdown" else ""
    yield from sheet.spelled([heading + _title(literal(own.signature), path, sheet)])
    yield from sheet.spelled([f"a class of its own, made from {literal(own.made_from)}"])
    yield from sheet.spelled([own.here] if own.here else [])
    yield from [""] if own.doc else []
    for line in sheet.spelled(literal(line) for line in own.doc):
        yield from _wrapped(line, sheet.width, "")
    count = len(own.children) + own.more_children
    yield from _listed(f"holds {plural(count, 'child', 'children')}", own.children, own.more_children, sheet)
    yield from _listed("its forward calls", own.calls, own.more_calls, sheet)
    if own.note:
        yield from ("", *sheet.spelled([literal(own.note)]))


def _listed(title: str, pairs: Sequence[tuple[str, str]], more: int, sheet: Sheet) -> Iterator[str]:
    """A heading and two columns; nothing where there is nothing."""
    if not pairs:
        return
    yield from ["", f"### {title}", ""] if sheet.form == "markdown" else ["", title]
    mark = "- " if sheet.form == "markdown" else "  "
    column = max(len(name) for name, _ in pairs)
    for name, words in pairs:
        line = f"{mark}{literal(name):<{column}}  {literal(words)}".rstrip()
        yield from sheet.spelled([line if sheet.form == "markdown" else end_cut(line, sheet.width)])
    yield from [f"{mark}and {more:,} more"] if more else []
