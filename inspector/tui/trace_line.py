"""One line of the trace: what was called and from where, what came out, what it cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from inspector import run_labels
from inspector.format import bar, duration, end_cut, flops, literal, middle_cut, size
from inspector.run_rows import RunRows
from inspector.run_schema import CallState
from inspector.tui.canvas import Line
from inspector.tui.palette import Palette

_LINE, _OUTPUT, _NUMBER, _BAR = 7, 16, 9, 7
_WIDE = 96
"""Cells from which on there is room for FLOPs and memory beside the time."""
_DEEPEST = 12
"""Levels that are indented; what is deeper stands where these stand."""


def _own_seconds(flow: RunRows, call: int) -> float:
    own = flow.own_seconds(call)
    return 0.0 if math.isnan(own) else -own


class Order(NamedTuple):
    """An order of the calls; those but the first put hot spots on top.

    A hot spot is what costs by itself: what stands around it would only repeat its numbers.
    """

    title: str
    key: Callable[[RunRows, int], Any] | None = None


ORDERS = (
    Order("in the order of the run"),
    Order("by time of its own", _own_seconds),
    Order("by FLOPs of its own", lambda flow, call: -flow.run.own_flops(call)),
    Order("by memory that it makes", lambda flow, call: -flow.run.memory[call] if flow.run.size[call] == 1 else 0),
)


class TraceLayout(NamedTuple):
    """Where the columns begin, at one width and in one order."""

    width: int
    order: Order

    @property
    def wide(self) -> bool:
        return self.width >= _WIDE

    @property
    def name(self) -> int:
        """Cells for what was called."""
        more = 2 * _NUMBER if self.wide else 0
        return max(self.width - 2 - _LINE - _OUTPUT - _NUMBER - _BAR - more, 14)

    @property
    def own(self) -> bool:
        """Whether the numbers are those of the call alone, without what it called."""
        return self.order.key is not None


def heading(layout: TraceLayout, palette: Palette, *, ascii_only: bool) -> Strip:
    """The titles of the columns."""
    line = Line().add(f" {end_cut(f'call, {layout.order.title}', layout.name)}", palette.dim)
    line.pad(layout.name + 2, palette.dim)
    line.add(f"{'line':<{_LINE}}{'output':<{_OUTPUT}}{_right('time')}{' ' * _BAR}", palette.dim)
    if layout.wide:
        line.add(_right("FLOPs") + _right("makes"), palette.dim)
    return line.strip(layout.width, palette, ascii_only=ascii_only)


def trace_line(
    flow: RunRows, call: int, layout: TraceLayout, palette: Palette, *, cursor: Style | None, ascii_only: bool
) -> Strip:
    """The whole line of one call."""
    run, line = flow.run, Line()
    line.add(" " if run.state(call) is CallState.DONE else "✗", palette.error)
    indent = "" if layout.own else "  " * min(run.depth(call), _DEEPEST)
    line.add(end_cut(indent, layout.name // 2), palette.dim)
    _add_name(line, flow, call, layout, palette)
    line.pad(layout.name + 2, palette.base)
    _add_flow(line, flow, call, palette)
    _add_costs(line, flow, call, layout, palette)
    return line.strip(layout.width, palette, style=cursor, ascii_only=ascii_only)


def _add_name(line: Line, flow: RunRows, call: int, layout: TraceLayout, palette: Palette) -> None:
    """A module by its name and class, a function by its name; away from its place in the run, where it stands."""
    run, table, row = flow.run, flow.table, flow.run.row[call]
    end = layout.name + 1
    path = literal(table.short_path(row)) or "the model itself"
    if not run.is_module(call):
        line.add(end_cut(literal(run.name(call)), max(end - line.width, 1)), palette.base)
        line.add(end_cut(f"  in {path}" if layout.own else "", max(end - line.width, 0)), palette.dim)
        return
    kind = table.type(row)
    line.add(middle_cut(path if layout.own else literal(table.name(row)), max(end - line.width, 1)), palette.strong)
    number = f" #{run.number[call]}" if len(run.calls_of(row)) > 1 else ""
    line.add(end_cut(number, max(end - line.width, 0)), palette.dim)
    line.add(end_cut(f"  {literal(kind.name)}", max(end - line.width, 0)), palette.group(kind.group))


def _add_flow(line: Line, flow: RunRows, call: int, palette: Palette) -> None:
    """The line of the user's code that made the call, and what came out."""
    record, begin = flow.run.record(call), line.width
    if record is not None:
        place = f":{record.source.line}" if record.source is not None else ""
        line.add(end_cut(place, _LINE - 1), palette.dim).pad(begin + _LINE, palette.base)
        failed = flow.run.state(call) is CallState.FAILED
        said = f"✗ got {run_labels.shapes(record.inputs)}" if failed else run_labels.shapes(record.outputs, _OUTPUT - 1)
        line.add(end_cut(said, _OUTPUT - 1), palette.error if failed else palette.base)
    line.pad(begin + _LINE + _OUTPUT, palette.base)


def _add_costs(line: Line, flow: RunRows, call: int, layout: TraceLayout, palette: Palette) -> None:
    run = flow.run
    taken, whole = flow.own_seconds(call) if layout.own else flow.seconds(call), flow.seconds(0)
    timed = not math.isnan(taken)
    line.add(_right(duration(max(taken, 0.0)) if timed else ""), palette.base)
    shared = timed and not math.isnan(whole)
    share = bar(round(max(taken, 0.0) * 1e9), round(whole * 1e9), _BAR - 2) if shared else ""
    line.add(f" {share}{' ' * (_BAR - 1 - cell_len(share))}", palette.accent)
    if layout.wide:
        counted = run.own_flops(call) if layout.own else run.flops[call]
        line.add(_right(flops(counted) if counted else ""), palette.base)
        line.add(_right(size(run.memory[call]) if run.memory[call] else ""), palette.base)


def _right(text: str) -> str:
    return " " * (_NUMBER - cell_len(text)) + text
