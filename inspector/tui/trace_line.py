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
_COSTS = ("time", "FLOPs", "makes")
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
    cost: str = "time"
    """The column that stands first, with a bar: where there is room for one alone, it is what was asked for."""
    key: Callable[[RunRows, int], Any] | None = None


ORDERS = (
    Order("in the order of the run"),
    Order("by time of its own", "time", _own_seconds),
    Order("by FLOPs of its own", "FLOPs", lambda flow, call: -flow.run.own_flops(call)),
    Order("by memory that it makes", "makes", lambda flow, call: -_made(flow, call)),
)


def _made(flow: RunRows, call: int) -> int:
    """Bytes that a call made, of what calls nothing: what is around it gives out the same bytes once more."""
    return flow.run.memory[call] if flow.run.size[call] == 1 else 0


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

    @property
    def costs(self) -> tuple[str, ...]:
        """The columns of numbers, from left to right; the first one has a bar."""
        first = self.order.cost
        return (first, *(cost for cost in _COSTS if cost != first)) if self.wide else (first,)


def heading(layout: TraceLayout, palette: Palette, *, ascii_only: bool) -> Strip:
    """The titles of the columns."""
    line = Line().add(f" {end_cut(f'call, {layout.order.title}', layout.name)}", palette.dim)
    line.pad(layout.name + 2, palette.dim)
    first, *others = map(_right, layout.costs)
    line.add(f"{'line':<{_LINE}}{'output':<{_OUTPUT}}{first}{' ' * _BAR}{''.join(others)}", palette.dim)
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
    """The columns of numbers, and what share of the whole the first of them is."""
    first, *others = [_cost(flow, call, cost, layout) for cost in layout.costs]
    share = bar(first.part, first.whole, _BAR - 2)
    line.add(_right(first.text), palette.base).add(f" {share}{' ' * (_BAR - 1 - cell_len(share))}", palette.accent)
    for other in others:
        line.add(_right(other.text), palette.base)


class _Cost(NamedTuple):
    """One number of a call, and whole numbers to draw its share with: of nothing known both are 0."""

    text: str = ""
    part: int = 0
    whole: int = 0


def _cost(flow: RunRows, call: int, cost: str, layout: TraceLayout) -> _Cost:
    run = flow.run
    if cost == "time":
        taken, whole = flow.own_seconds(call) if layout.own else flow.seconds(call), flow.seconds(0)
        if math.isnan(taken):
            return _Cost()
        known = not math.isnan(whole)
        return _Cost(duration(taken), round(taken * 1e9) if known else 0, round(whole * 1e9) if known else 0)
    if cost == "FLOPs":
        counted = run.own_flops(call) if layout.own else run.flops[call]
        return _Cost(flops(counted), counted, run.flops[0]) if counted else _Cost()
    # Storages of several calls may be one and the same, so that there is no whole that they are shares of.
    return _Cost(size(run.memory[call])) if run.memory[call] else _Cost()


def _right(text: str) -> str:
    return " " * (_NUMBER - cell_len(text)) + text
