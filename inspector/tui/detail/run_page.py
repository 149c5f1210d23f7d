"""What the last run told of a row: in short for its first page, call by call for a page of its own."""

from __future__ import annotations

import math

from inspector import run_labels
from inspector.format import duration, flops, literal, number, plural, size, whole
from inspector.run_rows import Part, RunRows
from inspector.run_schema import CallRecord, CallState, RunRecord, Seen
from inspector.schema import OperationRow, Source, TensorStats
from inspector.tui.detail import failed_call
from inspector.tui.detail.page import Page, Piece
from inspector.tui.open_model import OpenModel

_CALLS = 20
"""Calls of one module that are told one by one."""
_VALUES = 24
"""Inputs or outputs of one call that are told one by one."""

# --- in short ---------------------------------------------------------------------------------------------------------


def write_brief(page: Page, model: OpenModel, row: int) -> None:
    """What went in and came out, and what it cost: the last call, and how many there were."""
    flow = model.flow
    if flow is None or (call := flow.last_call(row)) is None:
        _write_absence(page, flow, row)
        return
    record = flow.run.record(call)
    if record is None:
        page.line(("reading…", page.palette.dim))
        return
    for label, values in (("in", record.inputs), ("out", record.outputs)):
        for value in values[:4]:
            page.fact(label, *_value(page, model, value, named=label == "in"))
            label = ""
        if len(values) > 4:
            page.fact("", (f"and {len(values) - 4:,} more", page.palette.dim))
    if words := _cost(flow, row):
        page.fact("cost", (words, page.palette.base))


def _write_absence(page: Page, flow: RunRows | None, row: int) -> None:
    if flow is None:
        return
    part = flow.part(row)
    if part is Part.WEIGHTS_USED:
        page.fact("run", ("not called in this forward, but its weights were used", page.palette.accent))
    elif part is Part.NOT_CALLED:
        page.fact("run", ("not called in this forward", page.palette.accent))
    elif part is Part.NOT_REACHED:
        page.fact("run", ("not reached: forward stopped before", page.palette.dim))


def _cost(flow: RunRows, row: int) -> str:
    """`0.41 ms, 138 kFLOP, makes 960 B · 3 calls`"""
    known, times = flow.cost(row), flow.calls(row)
    words = [] if math.isnan(known.seconds) else [duration(known.seconds)]
    if known.flops:
        words.append(flops(known.flops, "FLOP"))
    if known.memory:
        words.append(f"makes {size(known.memory)}")
    return ", ".join(words) + (f"  ·  {plural(times, 'call')}" if times > 1 else "")


def _value(page: Page, model: OpenModel, value: Seen, *, named: bool) -> list[Piece]:
    """One value, and which call made it."""
    words = run_labels.value(value)
    pieces: list[Piece] = [(words, page.palette.base)]
    if named and value.maker >= 0 and (maker := made_by(model, value.maker)):
        pieces.append((f"  ← {maker}", page.palette.dim))
    return pieces


def made_by(model: OpenModel, call: int) -> str:
    """The module or the function that made a value, in words: `conv2`, `view :21`."""
    flow = model.flow
    if flow is None or call >= flow.run.count:
        return ""
    if flow.run.is_module(call):
        return literal(model.table.short_path(flow.run.row[call])) or "the model itself"
    record = flow.run.record(call)
    line = f" :{record.source.line}" if record is not None and record.source is not None else ""
    return literal(flow.run.name(call)) + line


# --- call by call -----------------------------------------------------------------------------------------------------


def write(page: Page, model: OpenModel, row: int) -> None:
    """Everything that the last run told of a row."""
    run, flow = model.run, model.flow
    if run is None or flow is None:
        _write_nothing(page, model)
        return
    if row == 0:
        write_whole(page, model, run)
    record = model.table.row(row)
    if isinstance(record, OperationRow):
        if run.finding is not None and run.finding.call == record.call:
            failed_call.write_whole(page, run)
        write_operation(page, model, record.call)
        return
    if run.finding is not None and run.finding.row == row:
        failed_call.write_whole(page, run)
    calls = flow.run.calls_of(model.table.first_place(row)) if model.table.is_module(row) else ()
    if not calls:
        write_brief(page, model, row)
        if not page.lines:
            page.line(("the run tells nothing of this row", page.palette.dim))
        return
    dry = " of the dry run: shapes alone, nothing computed" if run.dry else ""
    for call in calls[:_CALLS]:
        title = "the call" if len(calls) == 1 else f"call {flow.run.number[call]:,} of {len(calls):,}"
        title, dry = title + dry, ""
        _write_call(page, model, call, title)
    if len(calls) > _CALLS:
        page.blank()
        page.line((f"and {len(calls) - _CALLS:,} more calls; t shows all of them", page.palette.dim))


def _write_nothing(page: Page, model: OpenModel) -> None:
    strong, dim = page.palette.strong, page.palette.dim
    if model.inputs is not None and model.inputs.origin == "none":
        page.prose(run_labels.origin(model.inputs), page.palette.accent)
        page.line(("press ", dim), ("i", strong), (" to say what goes in", dim))
    elif model.running:
        page.line(("the first run is going on", dim))
    else:
        page.line(("no run yet: ", dim), ("r", strong), (" runs the model, ", dim), ("i", strong), (" inputs", dim))


def write_operation(page: Page, model: OpenModel, call: int) -> None:
    """One call of a function."""
    assert model.flow is not None
    run = model.flow.run
    made_in = literal(model.table.short_path(run.row[call])) or "the model itself"
    page.line((literal(run.name(call)), page.palette.strong), (f" · called by {made_in}", page.palette.base))
    _write_call(page, model, call, "")


def _write_call(page: Page, model: OpenModel, call: int, title: str) -> None:
    assert model.flow is not None
    run = model.flow.run
    if title:
        page.heading(title)
    else:
        page.blank()
    if run.state(call) is not CallState.DONE:
        words = "✗ it raised" if run.state(call) is CallState.FAILED else "✗ something in it raised"
        page.line((words, page.palette.error))
    record = run.record(call)
    if record is None:
        page.line(("reading…", page.palette.dim))
        return
    write_source(page, record.source)
    _write_values(page, model, "in", record.inputs, named=True)
    _write_values(page, model, "out", record.outputs, named=False)
    _write_times(page, model.flow, call)
    for note in record.notes:
        page.fact("note", (literal(note), page.palette.accent))
    _write_statistics(page, record)


def write_source(page: Page, source: Source | None) -> None:
    """The line that made the call."""
    if source is not None:
        place = f"{literal(source.file.rpartition('/')[2])}:{source.line}"
        page.fact("called at", (f"{place}  ", page.palette.base), (literal(source.code.strip()), page.palette.dim))


def _write_values(page: Page, model: OpenModel, label: str, values: tuple[Seen, ...], *, named: bool) -> None:
    for value in values[:_VALUES]:
        page.fact(label, *_value(page, model, value, named=named))
        label = ""
    if len(values) > _VALUES:
        page.fact("", (f"and {len(values) - _VALUES:,} more", page.palette.dim))


def _write_times(page: Page, flow: RunRows, call: int) -> None:
    run, plain = flow.run, page.palette.base
    if not math.isnan(taken := flow.seconds(call)):
        page.fact("time", (run_labels.seconds(taken, run.spread[call]), plain))
        if run.size[call] > 1:
            own = run_labels.seconds(flow.own_seconds(call))
            page.fact("of its own", (own, plain) if own else ("not told apart from the calls in it", page.palette.dim))
    if run.flops[call]:
        page.fact("FLOPs", (whole(run.flops[call]), plain))
    if run.memory[call]:
        page.fact("makes", (f"{whole(run.memory[call])} bytes  ({size(run.memory[call])})", plain))


def _write_statistics(page: Page, record: CallRecord) -> None:
    for value in record.outputs[:_VALUES]:
        if value.stats is not None:
            _write_stats(page, f"values{' of ' + literal(value.path) if value.path else ''}", value.stats)


def _write_stats(page: Page, label: str, stats: TensorStats) -> None:
    page.heading(label)
    plain = page.palette.base
    if stats.note:
        page.prose(stats.note, page.palette.dim)
    if stats.minimum is not None:
        page.fact("min … max", (f"{number(stats.minimum)} … {number(stats.maximum)}", plain))
        page.fact("mean ± std", (f"{number(stats.mean)} ± {number(stats.std)}", plain))
    if stats.elements:
        page.fact("zeros", (f"{whole(stats.zeros)} of {whole(stats.elements)}" if stats.zeros else "none", plain))
    odd = ((stats.nan, "NaN"), (stats.positive_infinity, "+Inf"), (stats.negative_infinity, "-Inf"))
    for found, name in odd:
        if found:
            page.fact(name, (f"{whole(found)} of {whole(stats.elements)}", page.palette.error))


# --- the whole run ----------------------------------------------------------------------------------------------------


def write_whole(page: Page, model: OpenModel, run: RunRecord) -> None:
    """What was run, how, and what it took together."""
    plain, dim = page.palette.base, page.palette.dim
    page.heading("the dry run" if run.dry else "the run")
    page.fact("inputs", (run_labels.inputs_line(run.inputs), plain))
    page.fact("mode", (f"{run_labels.mode(run)}, on {literal(run.device)}, seed {run.seed}", plain))
    if not run.dry and run.ok:
        repeats = f"  median of {run.repeats}" if run.repeats > 1 else "  once"
        page.fact("time", (run_labels.seconds(run.seconds, run.spread), plain), (repeats, dim))
    if (alone := model.untouched) is not None and alone.ok:
        page.fact("unwatched", (run_labels.whole_seconds(alone), plain), ("  of the same with nothing watched", dim))
    page.fact("FLOPs", (f"{whole(run.flops)}  ({run_labels.cost(run)})" if run.flops_by else "not counted", plain))
    if run.uncounted:
        page.fact("not counted", (run_labels.uncounted(run), page.palette.accent))
    if run.peak_bytes is not None:
        page.fact("peak", (f"{size(run.peak_bytes)} of tensors made in the run, without gradients", plain))
    if run.training_bytes is not None:
        page.fact("training", (f"{size(run.training_bytes)} held for backward when forward returns", plain))
    calls = f"{plural(run.calls, 'call')} of modules, {plural(run.operations, 'call')} of functions"
    page.fact("calls", (calls, plain))
    for note in run.notes:
        page.fact("note", (literal(note), page.palette.accent))
    for warning in run.warnings:
        page.fact("warning", (run_labels.warned(warning), page.palette.warning))
    if run.guard:
        page.fact("guard", (literal(run.guard), page.palette.error if run.changed else page.palette.good))
    for change in run.changed:
        page.fact("", (literal(change), page.palette.error))
