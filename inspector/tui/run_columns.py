"""What the columns of the tree say of the last run: rows of modules by all their calls, operations by their own."""

from __future__ import annotations

import math

from rich.style import Style

from inspector import run_labels
from inspector.format import bar, duration, end_cut, flops, size
from inspector.run_rows import Cost, Part, RunRows
from inspector.run_schema import CallState
from inspector.schema import OperationRow
from inspector.tui.palette import Palette
from inspector.tui.shown_rows import ShownRows

OUTPUT_CELLS = 14
_QUIET = (Part.NOT_CALLED, Part.NOT_REACHED, Part.WEIGHTS_USED)


def operation(shown: ShownRows, row: int) -> int | None:
    """The call that an operation's row stands for; None of every other row."""
    record = shown.table.row(row) if row >= shown.table.count else None
    return record.call if isinstance(record, OperationRow) else None


def output(shown: ShownRows, row: int) -> str:
    """What came out of the row's last call, how often it was called, or what became of it."""
    flow = shown.flow
    if flow is None:
        return ""
    if (call := operation(shown, row)) is not None:
        return _of_operation(shown, call)
    if flow.part(row) is Part.WEIGHTS_USED:
        return "weights used"  # which says that it was not called
    times = run_labels.calls(flow, row)
    if not times:
        return run_labels.output(flow, row, OUTPUT_CELLS)
    said = run_labels.output(flow, row, OUTPUT_CELLS - len(times) - 1)
    return f"{said} {times}" if said else end_cut(times, OUTPUT_CELLS)


def _of_operation(shown: ShownRows, call: int) -> str:
    assert shown.flow is not None
    run = shown.flow.run
    if run.state(call) is CallState.FAILED:
        return "✗ failed"
    record = run.record(call)
    return run_labels.shapes(record.outputs, OUTPUT_CELLS) if record is not None else ""


def output_style(shown: ShownRows, row: int, palette: Palette) -> Style:
    """Loud where forward failed, dim where a module had no part in the run."""
    if failed(shown, row):
        return palette.error
    if shown.flow is None or row >= shown.table.count:
        return palette.base
    return palette.dim if shown.flow.part(row) in _QUIET else palette.base


def failed(shown: ShownRows, row: int) -> bool:
    """Whether the row is the call that raised in the last run, or stands around it."""
    flow = shown.flow
    if flow is None:
        return False
    if (call := operation(shown, row)) is not None:
        return flow.run.state(call) is not CallState.DONE and _stopped(flow)
    return flow.part(row) in (Part.FAILED, Part.UNWOUND) and _stopped(flow)


def _stopped(flow: RunRows) -> bool:
    """Whether the forward raised; a module whose error the user's code caught is no failure of the run."""
    return flow.record is not None and not flow.record.ok


def cost(shown: ShownRows, row: int) -> Cost | None:
    """What the row's calls took; None of what was not called."""
    flow = shown.flow
    if flow is None:
        return None
    if (call := operation(shown, row)) is not None:
        return Cost(flow.seconds(call), flow.run.flops[call], flow.run.memory[call])
    return flow.cost(row) if flow.calls(row) else None


def seconds(shown: ShownRows, row: int) -> str:
    known = cost(shown, row)
    return duration(known.seconds) if known is not None and not math.isnan(known.seconds) else ""


def seconds_bar(shown: ShownRows, row: int) -> str:
    """The row's share of the whole forward."""
    known, whole = cost(shown, row), cost(shown, 0)
    if known is None or whole is None or math.isnan(known.seconds) or math.isnan(whole.seconds):
        return ""
    return bar(round(known.seconds * 1e9), round(whole.seconds * 1e9), 5)


def flop_count(shown: ShownRows, row: int) -> str:
    known = cost(shown, row)
    return flops(known.flops) if known is not None and known.flops else ""


def kept(shown: ShownRows, row: int) -> str:
    """Bytes that the row's calls made."""
    known = cost(shown, row)
    return size(known.memory) if known is not None and known.memory else ""
