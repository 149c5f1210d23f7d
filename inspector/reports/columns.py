"""The columns of numbers beside the names of the plain tree: what the structure is, or what a run made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len

from inspector import labels, run_labels
from inspector.format import bar, padded
from inspector.mode_rows import ModeRows, Word, in_both, noise, relative, word
from inspector.run_rows import Part, RunRows
from inspector.table import ModelTable

Paint = Callable[[str, str], str]
"""Text and the name of a style → text, with escape codes where they are wanted."""

_GAP = "  "
_OUTPUT_CELLS = 40
"""Outputs that would take more are counted."""


class Column(NamedTuple):
    """A title, and a cell for every line."""

    title: str
    cells: list[str]
    width: int
    right: bool = True
    rank: int = 0
    """Those of the highest rank are the first to be left out."""
    styles: tuple[str, ...] = ()
    """Of the cells, where they are not all plain."""

    def aligned(self, text: str) -> str:
        return " " * (self.width - cell_len(text)) + text if self.right else padded(text, self.width)


def _column(title: str, cells: list[str], least: int = 0, *, right: bool = True, rank: int = 0) -> Column:
    width = max([least, len(title), *map(cell_len, cells)])
    return Column(title, cells, width, right, rank)


def of_structure(table: ModelTable, shown: list[tuple[int, str]]) -> list[Column]:
    """Parameters with their share, and memory."""
    rows = [row for row, _ in shown]
    return [
        _column("params", [labels.params(table, row) for row in rows], 8),
        _column("   %", [_share(table, row) for row in rows], 13, right=False),
        _column("memory", [labels.memory(table, row) for row in rows], 8),
    ]


def _share(table: ModelTable, row: int) -> str:
    return f"{labels.percent(table, row):>4} {bar(table.counted(row), table.totals.parameters, 8)}".rstrip()


def of_run(rows: RunRows, shown: list[int]) -> list[Column]:
    """What came out of each row, its parameters, and what its calls cost; no column that has nothing to say."""
    table = rows.table

    def cells(said: Callable[[RunRows, int], str]) -> list[str]:
        return [said(rows, row) for row in shown]

    output = _column("output", [run_labels.output(rows, row, _OUTPUT_CELLS) for row in shown], right=False)
    found = [
        output._replace(styles=tuple(_STYLES.get(rows.part(row), "dim") for row in shown)),
        _column("calls", cells(run_labels.calls), rank=1),
        _column("params", [labels.params(table, row) for row in shown], 8),
        _column("%", [labels.percent(table, row) for row in shown], 4, rank=3),
        _column("time", cells(run_labels.row_seconds), rank=2),
        _column("FLOPs", cells(run_labels.row_flops), rank=1),
    ]
    return [column for column in found if any(column.cells)]


def of_modes(rows: RunRows, modes: ModeRows, shown: list[int]) -> list[Column]:
    """How far the output of each row moves between train and eval, beside how far it moves by chance, and its part."""
    worst = [modes.worst(row) for row in shown]
    compared = [one if one is not None and in_both(one) else None for one in worst]
    roles = [word(one) if one is not None else None for one in worst]
    output = _column("output", [run_labels.output(rows, row, _OUTPUT_CELLS) for row in shown], right=False, rank=2)
    found = [
        output._replace(styles=tuple(_STYLES.get(rows.part(row), "dim") for row in shown)),
        _column("params", [labels.params(rows.table, row) for row in shown], 8, rank=3),
        _column("differs", [relative(one.difference) if one else "" for one in compared], right=False),
        _column("noise", [relative(noise(one)) if one else "" for one in compared], right=False),
        _column("role", [role.value if role else "" for role in roles], right=False)._replace(
            styles=tuple(_ROLES.get(role, "") if role else "" for role in roles)
        ),
    ]
    return [column for column in found if any(column.cells)]


_ROLES = {Word.SOURCE: "bold yellow", Word.UNCHANGED: "dim"}
_STYLES = {Part.CALLED: "", Part.FAILED: "bold red", Part.UNWOUND: "red"}
"""What did not run is dim."""


def taken(columns: list[Column]) -> int:
    """Cells that they take, with the gaps before them."""
    return sum(len(_GAP) + column.width for column in columns)


def fitting(columns: list[Column], width: int, rank: int = 1) -> list[Column]:
    """As many as find room, those below a rank always."""
    found = list(columns)
    while taken(found) > width:
        least = max(found, key=lambda column: column.rank)
        if least.rank < rank:
            break
        found.remove(least)
    return found


def titles(columns: list[Column]) -> str:
    return _GAP.join(column.aligned(column.title) for column in columns)


def of_marks(marks: list[str]) -> Column:
    """What is out of the ordinary, after everything that is aligned."""
    return _column("", marks, right=False)._replace(styles=("dim",) * len(marks))


def line(columns: list[Column], place: int, painted: Paint) -> str:
    """The cells of one line, without blanks at its end."""
    cells = [column.aligned(column.cells[place]) for column in columns]
    while cells and not cells[-1].strip():
        cells.pop()
    if cells:
        cells[-1] = cells[-1].rstrip()
    styled = (
        (cell, column.styles[place] if column.styles else "") for column, cell in zip(columns, cells, strict=False)
    )
    return _GAP.join(painted(cell, style) if cell.strip() else cell for cell, style in styled)
