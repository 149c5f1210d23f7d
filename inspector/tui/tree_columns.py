"""The columns of the tree: what stands right of the names, how wide, and by what siblings can be sorted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inspector.format import bar, count
from inspector.labels import memory, params, percent
from inspector.schema import Flag
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


def _bar(table: ModelTable, row: int) -> str:
    return bar(table.counted(row), table.totals.parameters, 5)


def _trains(table: ModelTable, row: int) -> str:
    trains, frozen = table.has(row, Flag.TRAINABLE), table.has(row, Flag.FROZEN)
    return "mixed" if trains and frozen else "yes" if trains else "frozen" if frozen else ""


def _mode(table: ModelTable, row: int) -> str:
    if not table.is_module(row):
        return ""
    return f"{table.mode(row)}*" if table.has(row, Flag.MIXED_MODE) else table.mode(row)


def _buffers(table: ModelTable, row: int) -> str:
    return count(table.buffers[row]) if table.buffers[row] else ""


PARAMS = Column("params", 8, params, gives_way=0)
BAR = Column("", 5, _bar, right=False)
PERCENT = Column("%", 4, percent, gives_way=3)
BYTES = Column("memory", 8, memory, gives_way=2)
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
