"""The columns of the tree: what stands right of the names, how wide, and by what siblings can be sorted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.style import Style

from inspector import labels
from inspector.format import bar, count
from inspector.run_rows import Cost
from inspector.schema import Flag
from inspector.table import ModelTable
from inspector.tui import mode_columns, run_columns
from inspector.tui.palette import Palette
from inspector.tui.shown_rows import ShownRows


@dataclass(frozen=True)
class Column:
    """One column of numbers or short words."""

    title: str
    width: int
    cell: Callable[[ShownRows, int], str]
    """What is shown, and a row of it → text of at most `width` cells."""
    right: bool = True
    gives_way: int = 1
    """Where there is too little room, the column with the highest number goes first; 0 stays."""
    style: Callable[[ShownRows, int, Palette], Style] | None = None
    of_run: bool = False
    """Whether a run tells it."""
    of_modes: bool = False
    """Whether a comparison of train and eval tells it."""


def _of_table(cell: Callable[[ModelTable, int], str]) -> Callable[[ShownRows, int], str]:
    return lambda shown, row: cell(shown.table, row)


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


PARAMS = Column("params", 8, _of_table(labels.params), gives_way=0)
BAR = Column("", 5, _of_table(_bar), right=False)
PERCENT = Column("%", 4, _of_table(labels.percent), gives_way=3)
BYTES = Column("memory", 8, _of_table(labels.memory), gives_way=2)
TRAINS = Column("trains", 6, _of_table(_trains), right=False)
MODE = Column("mode", 6, _of_table(_mode), right=False)
BUFFERS = Column("buffers", 8, _of_table(_buffers))
DTYPE = Column("dtype", 9, lambda shown, row: shown.table.dtype(row)[:9], right=False)
DEVICE = Column("device", 8, lambda shown, row: shown.table.device(row)[:8], right=False)
OUTPUT = Column(
    "output",
    run_columns.OUTPUT_CELLS,
    run_columns.output,
    right=False,
    gives_way=0,
    style=run_columns.output_style,
    of_run=True,
)
TIME = Column("time", 8, run_columns.seconds, gives_way=0, of_run=True)
TIME_BAR = Column("", 5, run_columns.seconds_bar, right=False, gives_way=2, of_run=True)
FLOPS = Column("FLOPs", 7, run_columns.flop_count, of_run=True)
KEPT = Column("makes", 8, run_columns.kept, gives_way=3, of_run=True)

DIFFERENCE = Column("differs", 8, mode_columns.difference, gives_way=0, of_modes=True)
DIFFERENCE_BAR = Column("", 5, mode_columns.difference_bar, right=False, gives_way=2, of_modes=True)
NOISE = Column("noise", 8, mode_columns.noise, of_modes=True)
ROLE = Column("role", 13, mode_columns.role, right=False, gives_way=0, style=mode_columns.role_style, of_modes=True)

SETS: tuple[tuple[Column, ...], ...] = (
    (OUTPUT, PARAMS, BAR, PERCENT, BYTES),
    (OUTPUT, TIME, TIME_BAR, FLOPS, KEPT),
    (DIFFERENCE, DIFFERENCE_BAR, NOISE, ROLE),
    (PARAMS, TRAINS, MODE, BUFFERS),
    (PARAMS, DTYPE, DEVICE, BYTES),
)
STRUCTURE, COSTS, MODES = 0, 1, 2
"""What a key press goes through."""

SortKey = Callable[[ShownRows, int], Any]
ORDERS: tuple[tuple[str, SortKey | None], ...] = (
    ("registration order", None),
    ("params", lambda shown, row: -shown.table.elements[row]),
    ("memory", lambda shown, row: -shown.table.held[row]),
    ("time", lambda shown, row: -_known(shown, row).seconds),
    ("FLOPs", lambda shown, row: -_known(shown, row).flops),
    ("difference", mode_columns.sort_key),
    ("name", lambda shown, row: _natural(shown.table.name(row))),
    ("type", lambda shown, row: (shown.table.type(row).name, row)),
)
"""What siblings can be sorted by."""


def orders(shown: ShownRows) -> list[int]:
    """Which of these say something now: nothing is sorted by what nobody has measured."""
    run = shown.flow is not None and shown.flow.record
    known = {"time": run and not run.dry, "FLOPs": run, "difference": shown.modes is not None}
    return [at for at, (title, _) in enumerate(ORDERS) if known.get(title, True)]


def _known(shown: ShownRows, row: int) -> Cost:
    """What a row took; nothing where nobody knows, so that it sorts last."""
    known = run_columns.cost(shown, row)
    return known if known is not None and known.seconds == known.seconds else Cost(0.0, known.flops if known else 0, 0)


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
