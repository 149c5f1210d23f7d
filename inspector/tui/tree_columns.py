"""The columns of the tree: what stands right of the names, how wide, and by what siblings can be sorted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inspector.format import bar, count, share, size
from inspector.schema import Flag, Kind
from inspector.table import ModelTable


@dataclass(frozen=True)
class Column:
    """One column of numbers or short words."""

    title: str
    width: int
    cell: Callable[[ModelTable, int], str]
    """Table and row → text of at most `width` cells."""
    right: bool = True
    gives_way: int = 1
    """Where there is too little room, the column with the highest number goes first; 0 stays."""


def _params(table: ModelTable, row: int) -> str:
    if table.kinds[row] == Kind.BUFFER:
        return ""
    if not table.elements[row] and table.has(row, Flag.LAZY):
        return "lazy"
    if table.kinds[row] == Kind.GHOST:
        return f"({count(table.elements[row])})" if table.elements[row] else ""
    return count(table.elements[row]) if table.elements[row] else ""


def _counted(table: ModelTable, row: int) -> int:
    """Parameters of the row that are in the model's total."""
    return 0 if table.kinds[row] in (Kind.BUFFER, Kind.GHOST, Kind.MADE) else table.elements[row]


def _bar(table: ModelTable, row: int) -> str:
    return bar(_counted(table, row), table.totals.parameters, 5)


def _percent(table: ModelTable, row: int) -> str:
    return share(_counted(table, row), table.totals.parameters)


def _held(table: ModelTable, row: int) -> str:
    return size(table.held[row]) if table.held[row] else ""


def _trains(table: ModelTable, row: int) -> str:
    trains, frozen = table.has(row, Flag.TRAINABLE), table.has(row, Flag.FROZEN)
    return "mixed" if trains and frozen else "yes" if trains else "frozen" if frozen else ""


def _mode(table: ModelTable, row: int) -> str:
    if not table.is_module(row):
        return ""
    own = "train" if table.has(row, Flag.TRAINING) else "eval"
    return f"{own}*" if table.has(row, Flag.MIXED_MODE) else own


def _buffers(table: ModelTable, row: int) -> str:
    return count(table.buffers[row]) if table.buffers[row] else ""


PARAMS = Column("params", 8, _params, gives_way=0)
BAR = Column("", 5, _bar, right=False)
PERCENT = Column("%", 4, _percent, gives_way=3)
BYTES = Column("memory", 8, _held, gives_way=2)
TRAINS = Column("trains", 6, _trains, right=False)
MODE = Column("mode", 6, _mode, right=False)
BUFFERS = Column("buffers", 8, _buffers)
DTYPE = Column("dtype", 9, lambda table, row: table.dtype(row)[:9], right=False)
DEVICE = Column("device", 8, lambda table, row: table.device(row)[:8], right=False)

SETS: tuple[tuple[Column, ...], ...] = (
    (PARAMS, BAR, PERCENT, BYTES),
    (PARAMS, TRAINS, MODE, BUFFERS),
    (PARAMS, DTYPE, DEVICE, BYTES),
)
"""What a key press goes through."""

SortKey = Callable[[ModelTable, int], Any]
ORDERS: tuple[tuple[str, SortKey | None], ...] = (
    ("registration order", None),
    ("params", lambda table, row: -table.elements[row]),
    ("memory", lambda table, row: -table.held[row]),
    ("name", lambda table, row: _natural(table.name(row))),
    ("type", lambda table, row: (table.type(row).name, row)),
)
"""What siblings can be sorted by."""


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts layer2 before layer10."""
    parts: list[tuple[int, int, str]] = []
    digits = text = ""
    for character in f"{name}\0":
        if character.isdecimal():
            digits += character
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        text = character
        parts.append((1, 0, text))
    return tuple(parts)
