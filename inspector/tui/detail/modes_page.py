"""Why a row's output differs between train and eval: what was proven, in words and numbers, channel by channel."""

from __future__ import annotations

import math

from inspector import run_labels
from inspector.format import literal, number, plural, shape, whole
from inspector.mode_rows import (
    ModeRows,
    Word,
    by_chance,
    channel_moves,
    headline,
    moves,
    named,
    relative,
    told_in_reason,
    word,
)
from inspector.mode_schema import Channel, Comparison, DropoutMeasured, ModeDifference, NormMeasured
from inspector.schema import Kind
from inspector.table import ModelTable
from inspector.tui.detail import failed_call
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel

_CHANNELS = 24
_CALLS = 12
_SOURCES = 8

_MEANING = {
    Word.SOURCE: "on the same input it gives something else in train than in eval: its own training flag",
    Word.PASSES: "on the same input it gives the same; what reaches it differs",
    Word.UNCHANGED: "bit for bit the same in both modes",
    Word.ONLY_TRAIN: "called in train mode only",
    Word.ONLY_EVAL: "called in eval mode only",
}


def write(page: Page, model: OpenModel, row: int) -> None:
    """What the last comparison told of a row."""
    rows = model.modes
    if rows is None and model.uncompared is not None:
        write_failed(page, model.uncompared)
        return
    if rows is None:
        dim, strong = page.palette.dim, page.palette.strong
        page.line(("press ", dim), ("d", strong), (" to run it in train and in eval mode, and see what differs", dim))
        return
    if row == 0:
        write_whole(page, rows)
    calls = rows.calls(row)
    for call in calls[:_CALLS]:
        _write_call(page, rows, call, len(calls))
    if len(calls) > _CALLS:
        page.line((f"and {len(calls) - _CALLS:,} more calls", page.palette.dim))
    if not calls and row:
        page.prose(_absence(rows.table, row), page.palette.dim)


def _absence(table: ModelTable, row: int) -> str:
    """Why the comparison has no word about a row."""
    if table.kinds[row] == Kind.OPERATION:
        caller = literal(table.short_path(table.parent[row])) or "the model itself"
        return f"a function is not compared by itself: what it does shows in what {caller}, which called it, gives out"
    if table.kinds[row] == Kind.RUN or table.is_module(row):
        return "not called in either mode"
    return "what modules give out is compared; this row is no registered module"


def write_failed(page: Page, comparison: Comparison) -> None:
    """Where and why forward raised in one of the modes, so that there is nothing to compare."""
    page.prose(f"forward failed in {comparison.failed_in} mode: there is nothing to compare", page.palette.strong)
    page.blank()
    failed_call.write(page, comparison)
    if comparison.finding is None and comparison.failure is not None:
        page.prose(run_labels.exception(comparison.failure), page.palette.error)
    page.blank()
    if comparison.guard:
        style = page.palette.error if comparison.changed else page.palette.good
        page.fact("guard", (literal(comparison.guard), style))
    if comparison.failure is not None and comparison.failure.traceback:
        page.heading("traceback")
        page.prose(comparison.failure.traceback)


def write_whole(page: Page, rows: ModeRows) -> None:
    """What was compared, what came of it, and where it starts."""
    comparison, plain, dim = rows.comparison, page.palette.base, page.palette.dim
    page.heading("train against eval")
    page.line((headline(rows), page.palette.strong))
    page.blank()
    for output in comparison.outputs:
        page.fact(literal(output.path) or "output", (f"{shape(output.shape)}  {moves(output)}", plain))
        page.fact("", (f"by chance {by_chance(output)}", dim))
    page.blank()
    sources = rows.sources()
    for source in sources[:_SOURCES]:
        page.line(("▸ ", page.palette.warning), (named(rows, source), page.palette.base))
        if source.reason:
            page.prose(source.reason, dim, indent=2)
    if len(sources) > _SOURCES:
        page.line((f"and {len(sources) - _SOURCES:,} more", dim))
    page.blank()
    page.fact("inputs", (run_labels.inputs_line(comparison.inputs), plain))
    page.fact("seed", (f"{comparison.seed} in both modes; {comparison.seed + 1} for the noise", plain))
    for finding in comparison.findings:
        page.fact(finding.id, (literal(finding.message), page.palette.warning))
    for note in comparison.notes:
        page.fact("note", (literal(note), page.palette.accent))
    for warning in comparison.warnings:
        page.fact("warning", (run_labels.warned(warning), page.palette.warning))
    if comparison.guard:
        style = page.palette.error if comparison.changed else page.palette.good
        page.fact("guard", (literal(comparison.guard), style))
    page.blank()


def _write_call(page: Page, rows: ModeRows, call: ModeDifference, of: int) -> None:
    said, plain = word(call), page.palette.base
    loud = page.palette.warning if said is Word.SOURCE else page.palette.strong
    number_of = f"  call {call.number:,}" if of > 1 else ""
    path = literal(rows.table.short_path(call.row)) or literal(rows.table.name(call.row))
    page.line((said.value, loud), (f"  {path} · {literal(rows.table.type(call.row).name)}{number_of}", plain))
    page.prose(_MEANING[said], page.palette.dim)
    page.blank()
    if call.reason:
        page.prose(call.reason)
    if call.looks is not None and not told_in_reason(call):
        where = f"{literal(call.looks.file.rpartition('/')[2])}:{call.looks.line}"
        page.fact("looks at it", (f"{where}  {literal(call.looks.code.strip())}", plain))
    if said not in (Word.ONLY_TRAIN, Word.ONLY_EVAL):
        _write_numbers(page, call)
    if call.dropout is not None:
        _write_dropout(page, call.dropout)
    if call.norm is not None:
        _write_norm(page, call.norm)
    if call.note:
        page.fact("note", (literal(call.note), page.palette.accent))
    page.blank()


def _write_numbers(page: Page, call: ModeDifference) -> None:
    plain = page.palette.base
    sampled = "  of a sample of its elements" if call.sampled else ""
    if math.isnan(call.difference):
        page.fact("differs", ("the modes give what cannot be subtracted", plain))
    else:
        words = f"{relative(call.difference)} of its size, an element by at most {number(call.largest)}{sampled}"
        page.fact("differs by", (words, plain))
    if word(call) is Word.SOURCE and not math.isnan(call.own):
        page.fact("by itself", (f"{relative(call.own)} on one and the same input", plain))
    page.fact("by chance", (by_chance(call), plain))


def _write_dropout(page: Page, measured: DropoutMeasured) -> None:
    plain, share = page.palette.base, measured.zeroed / measured.elements if measured.elements else 0.0
    page.heading("what it dropped")
    page.fact("p", (number(measured.p) if measured.p is not None else "not said by the module", plain))
    what = f"{whole(measured.zeroed)} of {whole(measured.elements)}, {share:.1%}"
    together = ", whole samples" if measured.samples else ", whole channels" if measured.channels else ""
    page.fact("zeroed", (what + together, plain))
    if measured.scale is not None:
        rest = f"  = 1/(1 - {measured.p:g})" if measured.p else ""
        page.fact("scaled by", (f"{measured.scale:.4g}{rest}", plain))


def _write_norm(page: Page, measured: NormMeasured) -> None:
    plain, dim = page.palette.base, page.palette.dim
    if not measured.tracked:
        page.heading("train and eval: this batch")
        page.prose("it keeps no running statistics, as with track_running_stats=False: both modes take the batch's")
        page.fact("batch", (f"{plural(measured.values, 'value')} a channel", plain))
        return
    page.heading("train: this batch   eval: running statistics")
    updated = "nobody counts" if measured.batches is None else plural(measured.batches, "time")
    page.fact("updated", ("never" if measured.batches == 0 else updated, plain))
    page.fact("momentum", ("None: the plain average" if measured.momentum is None else f"{measured.momentum:g}", plain))
    page.fact("batch", (f"{plural(measured.values, 'value')} a channel", plain))
    if not measured.channels:
        return
    page.blank()
    page.line((f"{'':>3} {'mean of':>8} {'':>7} {'variance':>8}", dim))
    page.line((f"{'ch':>3} {'batch':>8} {'running':>7} {'batch':>8} {'running':>7} {'far':>5}", dim))
    channels = measured.channels
    order = sorted(range(len(channels)), key=lambda at: -channel_moves(channels[at], measured.eps))[:_CHANNELS]
    for at in order:
        one = measured.channels[at]
        means = f"{one.batch_mean:>8.3g} {one.running_mean:>7.2g}"
        variances = f"{one.batch_variance:>8.3g} {one.running_variance:>7.2g}"
        page.line((f"{at:>3} {means} {variances} {one.distance:>5.2g}", plain))
    page.line(("far: batch from running mean, in standard deviations", dim))
    page.line(("first the channels whose normalised values move most", dim))
    if measured.total > len(order):
        page.line((f"{len(order)} of {plural(measured.total, 'channel')}", dim))
    _write_step(page, measured, measured.channels[order[0]], order[0])


def _write_step(page: Page, measured: NormMeasured, one: Channel, at: int) -> None:
    """The arithmetic of one update, with this channel's numbers."""
    if measured.momentum is not None:
        keep = 1 - measured.momentum
        sums = f"{keep:g}·{one.running_mean:.3g} + {measured.momentum:g}·{one.batch_mean:.3g}"
    else:
        sums = f"the average of {plural((measured.batches or 0) + 1, 'batch', 'batches')}"
    page.blank()
    page.prose(f"after one train step, channel {at}: running mean {sums} = {one.next_mean:.4g}", page.palette.base)
