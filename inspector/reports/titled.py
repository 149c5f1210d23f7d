"""Lines with a title each, as they stand above and below the table of a plain report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len

TITLE_CELLS = 12
"""Room for the titles."""

_LEAST_TEXT = 28
"""Where a terminal leaves less than that, lines are left to it."""


def titled(lines: Iterable[tuple[str, str]], width: int | None = None) -> Iterator[str]:
    """Titles in a column of their own; text that is too long for a terminal's `width` goes on below itself."""
    room = None if width is None or width < TITLE_CELLS + _LEAST_TEXT else width - TITLE_CELLS
    for title, text in lines:
        for number, part in enumerate(wrapped(text, room)):
            yield f"{'' if number else title:<{TITLE_CELLS}}{part}".rstrip()


def wrapped(text: str, cells: int | None) -> list[str]:
    """Text cut at blanks into lines of so many cells; a longer word has a line of its own, so that it can be copied."""
    if cells is None or cell_len(text) <= cells:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        if line.strip() and cell_len(line) + 1 + cell_len(word) > cells:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
