"""One row of the model as one line of the tree: branch lines, name, type and facts, marks, columns."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from inspector.format import count, end_cut, literal, middle_cut, shape
from inspector.labels import marks, registration
from inspector.schema import GhostRow, Kind, ModuleRow, RunRow, TensorRow
from inspector.table import ModelTable
from inspector.tui.canvas import Line
from inspector.tui.palette import Palette
from inspector.tui.run_columns import failed, operation
from inspector.tui.shown_rows import ShownRows
from inspector.tui.tree_columns import Column

Piece = tuple[str, Style]
_BRANCHES_AT_MOST = 24
"""Cells of branch lines; what is nested deeper says its depth as a number instead."""
_NAME_AT_LEAST = 8
"""Cells that branch lines leave to the name where the column is narrow."""
_LEFT_TO_NAMES = (0, 50, 50, 64)
"""Per cent of the line that name and type keep, by how readily the next column gives way."""


@dataclass(frozen=True)
class Layout:
    """Where the columns of the tree begin, at one width."""

    width: int
    name: int
    """Cells for branch lines and the name."""
    type: int
    """Cells for type, facts and marks."""
    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, width: int, columns: tuple[Column, ...]) -> Layout:
        """As many columns as leave most of the line to name and type; the same for every row, so nothing jumps."""
        room = list(columns)
        while len(room) > 1:
            first_to_go = max(room, key=lambda column: column.gives_way)
            if width - _cells(room) >= max(width * _LEFT_TO_NAMES[first_to_go.gives_way] // 100, 34):
                break
            room.remove(first_to_go)
        rest = width - _cells(room) - 2
        name = max(min(rest * 9 // 20, 48), 12)
        return cls(width, name, rest - name, tuple(room))


def _cells(columns: list[Column]) -> int:
    return sum(column.width + 1 for column in columns)


def heading(layout: Layout, palette: Palette, order: str, ascii_only: bool) -> Strip:
    """The titles of the columns."""
    title = "module" if order == "registration order" else f"module, by {order}"
    line = Line().add(" ", palette.dim).add(end_cut(title, layout.name), palette.dim)
    line.pad(layout.name + 2, palette.dim).add("type", palette.dim)
    line.pad(layout.name + 2 + layout.type, palette.dim)
    for column in layout.columns:
        title = f"{column.title:>{column.width}}" if column.right else f"{column.title:<{column.width}}"
        line.add(f" {title}", palette.dim)
    return line.strip(layout.width, palette, ascii_only=ascii_only)


def branches(shown: ShownRows, row: int, at_most: int = _BRANCHES_AT_MOST) -> str:
    """│ ├ └ from the root's children down to this row."""
    ancestors = shown.table.ancestors(row)
    if not ancestors:
        return ""
    stems = ["  " if shown.is_last(above) else "│ " for above in reversed(ancestors[:-1])]
    if len(stems) * 2 > at_most:
        stems = [f"{len(stems)}… "]
    return "".join(stems) + ("└" if shown.is_last(row) else "├")


def marker(shown: ShownRows, row: int) -> str:
    """Whether something is below: ▸ closed, ▾ open; of what forward failed in, that it did."""
    if failed(shown, row):
        return "✗"
    if not shown.can_open(row):
        return " " if row else ""
    return "▾" if shown.is_open(row) else "▸"


def name_of(table: ModelTable, row: int) -> str:
    """The row's name, as it may be printed; a run of blocks says how many."""
    name = literal(table.name(row))
    if table.kinds[row] != Kind.RUN:
        return name
    record = table.row(row)
    return f"{name} · {record.count:,} ×" if isinstance(record, RunRow) else name


def type_pieces(table: ModelTable, row: int, palette: Palette) -> tuple[list[Piece], list[Piece]]:
    """What the row is (type, then facts), and every mark that it bears, the most urgent first."""
    kind, record = table.kind(row), table.row(row)
    what: list[Piece] = []
    if kind in (Kind.MODULE, Kind.SHARED, Kind.CYCLE, Kind.RUN):
        what.append((literal(table.type(row).name), palette.group(table.type(row).group)))
        facts = record.facts if isinstance(record, ModuleRow | RunRow) else ""
        what.append((f" {literal(facts)}" if facts else "", palette.base))
    elif isinstance(record, TensorRow):
        what.append((shape(record.shape), palette.base))
        what.append((f" {record.dtype}" if record.dtype else "", palette.dim))
    elif isinstance(record, GhostRow):
        mark = registration(record)
        what.append((mark.text, palette.accent if mark.quiet else palette.warning))
        sizes = f" {shape(record.shape)} {record.dtype}" if record.shape is not None else ""
        what.append((f" {literal(record.type)}{sizes}", palette.base))
    found = marks(table, row, ties=True)
    return what, [(f"  {mark.text}", palette.dim if mark.quiet else palette.accent) for mark in found]


def operation_pieces(shown: ShownRows, row: int, palette: Palette) -> tuple[list[Piece], list[Piece]]:
    """The line of the user's code that called a function."""
    call = operation(shown, row)
    record = shown.table.run.record(call) if shown.table.run is not None and call is not None else None
    if record is None or record.source is None:
        return [("", palette.dim)], []
    return [(f":{record.source.line}", palette.base), (f"  {literal(record.source.code.strip())}", palette.dim)], []


def fitted(what: list[Piece], marked: list[Piece], room: int) -> list[Piece]:
    """Pieces cut to a number of cells: facts give way to marks, and marks to the type."""
    first, *rest = what or [("", Style.null())]
    needed = sum(cell_len(text) for text, _ in marked)
    pieces = [(end_cut(first[0], room), first[1])]
    room -= cell_len(pieces[0][0])
    for text, style in rest:
        pieces.append((end_cut(text, max(room - needed, 0)), style))
        room -= cell_len(pieces[-1][0])
    for text, style in marked:
        pieces.append((end_cut(text, max(room, 0)), style))
        room -= cell_len(pieces[-1][0])
    return pieces


def tree_line(
    shown: ShownRows, row: int, layout: Layout, palette: Palette, *, cursor: Style | None, change: str, ascii_only: bool
) -> Strip:
    """The whole line of one row; `change` is the mark of what a reload did to it (+ ~ -), or of what was noticed."""
    table = shown.table
    line = Line().add(change or " ", _mark_style(change, palette))
    stem = branches(shown, row, min(layout.name - _NAME_AT_LEAST - 2, _BRANCHES_AT_MOST)) + marker(shown, row)
    line.add(stem, palette.error if stem.endswith("✗") else palette.dim)
    name = middle_cut(name_of(table, row), max(layout.name - cell_len(stem), 4))
    line.add(name, _name_style(table, row, palette))
    line.pad(layout.name + 2, palette.base)
    pieces = operation_pieces(shown, row, palette) if row >= table.count else type_pieces(table, row, palette)
    for text, style in fitted(*pieces, layout.type - 1):
        line.add(text, style)
    line.pad(layout.name + 2 + layout.type, palette.base)
    for column in layout.columns:
        text = end_cut(column.cell(shown, row), column.width)
        blank = " " * (column.width - cell_len(text))
        style = palette.base if column.style is None else column.style(shown, row, palette)
        line.add(f" {blank}{text}" if column.right else f" {text}{blank}", style)
    return line.strip(layout.width, palette, style=cursor, ascii_only=ascii_only)


def _mark_style(mark: str, palette: Palette) -> Style:
    """Loud for what a reload changed and for warnings; a finding further below, or a note, is only hinted at."""
    if mark == "E":
        return palette.error
    return palette.dim if mark in ("e", "w", "n") else palette.warning if mark else palette.base


def _name_style(table: ModelTable, row: int, palette: Palette) -> Style:
    record = table.row(row)
    if isinstance(record, GhostRow) and not registration(record).quiet:
        return palette.warning
    return palette.base if table.is_module(row) or table.kinds[row] == Kind.RUN else palette.dim


def totals_line(table: ModelTable) -> str:
    """61,706 params, or how many at least when some are not known yet."""
    text = f"{count(table.totals.parameters)} params"
    if table.totals.lazy:
        text += f" + {table.totals.lazy} lazy"
    return text
