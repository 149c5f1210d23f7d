"""Running statistics step by step, and train mode many times: what came of it, with small plots."""

from __future__ import annotations

import math

from inspector.format import end_cut, literal, number, plural, shape
from inspector.mode_rows import relative
from inspector.mode_schema import NormCurve, OutputSpread, StatisticsStepped, TrainingSampled
from inspector.table import ModelTable
from inspector.tui.detail.histogram import columns
from inspector.tui.detail.page import Page

_CURVES = 12
_HEIGHT = 3


def write_steps(page: Page, table: ModelTable, answer: StatisticsStepped) -> None:
    """How far train and eval are apart before and after, then a plot for each normalisation."""
    plain, dim = page.palette.base, page.palette.dim
    page.line((f"{plural(answer.steps, 'forward')} in train mode on fresh samples", page.palette.strong))
    page.blank()
    if math.isnan(answer.before) or math.isnan(answer.after):
        page.fact("outputs", ("what train and eval give cannot be subtracted", plain))
    else:
        page.fact("before", (f"train and eval outputs differ by {relative(answer.before)} of their size", plain))
        page.fact("after", (f"by {relative(answer.after)}", plain))
    kept = "the model in this window keeps the new statistics; R loads it as the file makes it"
    page.fact("kept", (kept if answer.kept else "no: all is as it was", page.palette.accent if answer.kept else plain))
    for note in answer.notes:
        page.fact("note", (literal(note), page.palette.accent))
    page.fact("guard", (literal(answer.guard), page.palette.error if answer.changed else page.palette.good))
    if not answer.curves:
        page.blank()
        page.line(("no module here keeps running statistics", dim))
    for curve in answer.curves[:_CURVES]:
        _write_curve(page, table, curve)
    if len(answer.curves) > _CURVES:
        page.blank()
        page.line((f"and {len(answer.curves) - _CURVES:,} more", dim))


def _write_curve(page: Page, table: ModelTable, curve: NormCurve) -> None:
    page.heading(
        f"{literal(table.short_path(curve.row)) or 'the model itself'} · {literal(table.type(curve.row).name)}"
    )
    labels = ("running mean: distance from where it ends, in standard deviations", "running variance: part of its end")
    for label, values in zip(labels, (curve.mean, curve.variance), strict=True):
        page.line((end_cut(label, page.width), page.palette.dim))
        for line in columns(_levels(values, page.width), _HEIGHT):
            page.line((line, page.palette.accent))
        page.line((f"{number(values[0])} at first, {number(values[-1])} at the end", page.palette.base))


def _levels(values: tuple[float, ...], width: int) -> list[int]:
    """Values as counts for columns of blocks: zero stays empty, the highest is full."""
    finite = [value if math.isfinite(value) else 0.0 for value in values][:width]
    most = max(finite, default=0.0)
    return [round(1000 * max(value, 0.0) / most) if most > 0 else 0 for value in finite]


def write_samples(page: Page, answer: TrainingSampled) -> None:
    """For each output how far train mode scatters, then element by element."""
    page.line((f"{plural(answer.runs, 'forward')} in train mode on one input", page.palette.strong))
    for note in answer.notes:
        page.fact("note", (literal(note), page.palette.accent))
    page.fact("guard", (literal(answer.guard), page.palette.error if answer.changed else page.palette.good))
    for output in answer.outputs:
        _write_spread(page, output)


def _write_spread(page: Page, output: OutputSpread) -> None:
    plain = page.palette.base
    page.heading(f"{literal(output.path) or 'output'}  {shape(output.shape)}")
    page.fact("scatter", (f"{relative(output.spread)} of its size, from run to run", plain))
    page.fact("moved", (f"the mean of all runs is {relative(output.moved)} away from eval", plain))
    if output.elements:
        page.blank()
        page.line((f"{'element':>10} {'eval':>10} {'mean':>10} {'± std':>10}", page.palette.dim))
    for one in output.elements:
        at = ",".join(map(str, one.index))
        page.line((f"{at:>10} {one.eval:>10.4g} {one.mean:>10.4g} {one.std:>10.3g}", plain))
