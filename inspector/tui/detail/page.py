"""A page of text being written: headings, facts in two columns, prose that wraps; no widget, no scrolling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len
from rich.style import Style

from inspector.format import end_cut, held_together, literal, parted
from inspector.table import ModelTable
from inspector.tui.palette import Palette

Piece = tuple[str, Style]
LABEL = 11
"""Cells of the left column of facts."""


class Page:
    """Lines of styled pieces for a pane of a known width."""

    def __init__(self, width: int, palette: Palette, *, ascii_only: bool = False) -> None:
        self.width = max(width, 10)
        self.palette = palette
        self.ascii_only = ascii_only
        """Whether drawings have to do without anything else; single characters are replaced when a line is shown."""
        self.spell: Callable[[str], str] = str
        """How words are written here: where signs become longer in ASCII, that is before a line is measured."""
        self.lines: list[list[Piece]] = []

    def line(self, *pieces: Piece) -> None:
        self.lines.append([(self.spell(text), style) for text, style in pieces])

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append([])

    def heading(self, text: str) -> None:
        self.blank()
        self.lines.append([(end_cut(self.spell(text), self.width), self.palette.heading)])

    def fact(self, label: str, *pieces: Piece, column: int = LABEL) -> None:
        """A label and what it is, wrapped under itself when it is long; what it is begins at a column."""
        spelled = [(self.spell(text), style) for text, style in pieces]
        for index, part in enumerate(self._wrapped(spelled, self.width - column)):
            head = "" if index else end_cut(self.spell(label), column - 1)
            self.lines.append([(head + " " * (column - cell_len(head)), self.palette.dim), *part])

    def facts(self, labelled: Sequence[tuple[str, Piece]]) -> None:
        """Facts in a block whose left column is as wide as its longest label, within reason."""
        longest = max((cell_len(label) for label, _ in labelled), default=0)
        column = min(max(longest + 1, LABEL), self.width // 2, 24)
        for label, piece in labelled:
            self.fact(label, piece, column=column)

    def prose(self, text: str, style: Style | None = None, indent: int = 0) -> None:
        """Paragraphs of users' text; its lines are kept, and wrapped where they are too long."""
        style = self.palette.base if style is None else style
        for raw in self.spell(literal(text, lines=True)).expandtabs(4).split("\n"):
            for part in wrap(held_together(raw), self.width - indent):
                self.lines.append([(" " * indent + parted(part), style)])

    def _wrapped(self, pieces: Iterable[Piece], room: int) -> list[list[Piece]]:
        """Rows of at most `room` cells; a piece without room beside the one before it begins a row."""
        rows: list[list[Piece]] = [[]]
        used = 0
        for text, style in pieces:
            if used and used + cell_len(text) > room:
                rows.append([])
                text, used = text.lstrip(), 0
            first, *below = wrap(text, room)
            rows[-1].append((first, style))
            rows += [[(part, style)] for part in below]
            used = cell_len(below[-1]) if below else used + cell_len(first)
        return rows


def wrap(text: str, width: int) -> list[str]:
    """Text cut at blanks into parts of at most `width` cells; a word longer than that is cut where it must be."""
    width = max(width, 1)
    parts = []
    while cell_len(text) > width:
        cut = _fitting(text, width)
        blank = text.rfind(" ", 1, cut + 1)
        cut = blank if blank > len(text) - len(text.lstrip()) else cut
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    parts.append(text)
    return parts


def _fitting(text: str, width: int) -> int:
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return max(index, 1)
    return len(text)


def write_path(page: Page, table: ModelTable, row: int) -> None:
    """The path as the user's code says it, and as state_dict spells it where a wrapper lengthens it."""
    path, short = table.path(row), table.short_path(row)
    page.fact("path", (literal(short) or "(the model itself)", page.palette.base))
    if short != path:
        page.fact("as saved", (literal(path), page.palette.base))
