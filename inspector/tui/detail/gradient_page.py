"""What the last backward pass told of a row: the gradient of a parameter, of a module those of all in it."""

from __future__ import annotations

import math

from inspector import gradient_rows, run_labels
from inspector.format import literal, number, plural, whole
from inspector.gradient_rows import GradientRows
from inspector.gradient_schema import BackwardRecord, ParameterGradient
from inspector.schema import Kind
from inspector.tui.detail import failed_call
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel

_PARAMETERS = 24
"""Parameters of one module that are told one by one."""
_CALLS = 8


def write(page: Page, model: OpenModel, row: int) -> None:
    """All that is known of a row; nothing, when there was no backward pass or it has no word about the row."""
    rows = model.gradients
    if rows is None:
        return
    record = rows.record
    if record.failed_in:
        if row == 0 or (record.finding is not None and record.finding.row == row):
            _write_failed(page, record)
        return
    if row == 0:
        _write_whole(page, rows)
    gradient = rows.of(row)
    if gradient is not None:
        page.heading("its gradient")
        write_facts(page, gradient)
        _write_words(page, record)
    elif record.objective:
        _write_module(page, rows, row)
    if page.lines:
        page.blank()


def write_facts(page: Page, gradient: ParameterGradient) -> None:
    """One gradient in numbers."""
    plain, accent = page.palette.base, page.palette.accent
    stats = gradient.stats
    if stats is None:
        words = "forward did not call its module" if gradient.state == "uncalled" else "backward gave it none"
        page.fact("gradient", (f"none: {words}", accent))
        return
    page.fact("norm", (number(gradient.norm), plain))
    page.fact("largest", (number(gradient.largest), plain))
    zeros = f"{whole(stats.zeros)} of {whole(stats.elements)}" if stats.zeros else "none"
    page.fact("zeros", (zeros, accent if stats.zeros == stats.elements else plain))
    if words := gradient_rows.not_finite(gradient):
        page.fact("not finite", (f"{words} of {whole(stats.elements)}", page.palette.error))


def write_brief(page: Page, model: OpenModel, row: int) -> None:
    """The gradient of a parameter, in the words of its own page."""
    gradient = model.gradients.of(row) if model.gradients is not None else None
    if gradient is not None:
        page.heading("gradient of the last backward pass")
        write_facts(page, gradient)


def _write_words(page: Page, record: BackwardRecord) -> None:
    page.blank()
    page.prose(record.words, page.palette.dim)


def _write_module(page: Page, rows: GradientRows, row: int) -> None:
    found = rows.below(row)
    if not found or rows.table.kinds[row] in (Kind.PARAMETER, Kind.BUFFER):
        return
    page.heading(f"gradients of {plural(len(found), 'parameter')}")
    norm = rows.norm(row)
    page.fact("norm", (number(norm) if norm is not None else "none", page.palette.base))
    layers = rows.layers(row)
    for layer in layers[:_CALLS]:
        which = f"of call {layer.number}" if len(layers) > 1 and layer.number else ""
        words = f"{number(layer.norm)}{' NaN or Inf' if math.isnan(layer.norm) else ''}"
        page.fact("its output", (f"{words}  {which}".rstrip(), page.palette.base))
    _write_list(page, rows, row, found)
    if row:  # The page of the whole has begun with them.
        _write_words(page, rows.record)


def _write_list(page: Page, rows: GradientRows, row: int, found: list[ParameterGradient]) -> None:
    """A line for each: norm, largest, share of zeros, what is not finite, and the name below the row."""
    base = rows.table.path(rows.table.first_place(row))
    page.blank()
    page.line((f"{'norm':<11}{'largest':<11}{'zeros %':<9}", page.palette.dim))
    for gradient in found[:_PARAMETERS]:
        path = rows.table.path(gradient.row).removeprefix(base).lstrip(".")
        cells = (gradient_rows.norm(gradient), gradient_rows.largest(gradient), gradient_rows.zeros(gradient))
        numbers = "".join(f"{cell:<{width}}" for cell, width in zip(cells, (11, 11, 9), strict=True))
        wrong = gradient_rows.not_finite(gradient)
        style = page.palette.base if gradient.state == "measured" else page.palette.accent
        page.line((numbers, style), (f"{wrong}  " if wrong else "", page.palette.error), (literal(path), style))
    if len(found) > _PARAMETERS:
        page.line((f"and {len(found) - _PARAMETERS:,} more, each on its own row", page.palette.dim))


def _write_whole(page: Page, rows: GradientRows) -> None:
    """What was propagated, how, and how many parameters got something of it."""
    record, plain = rows.record, page.palette.base
    page.heading("forward and backward")
    page.prose(gradient_rows.headline(rows), plain if record.objective else page.palette.accent)
    page.fact("mode", (gradient_rows.conditions(record), plain))
    page.fact("inputs", (run_labels.inputs_line(record.inputs), plain))
    if record.parameters:
        page.fact("parameters", (gradient_rows.summary(rows), plain))
    for note in record.notes:
        page.fact("note", (literal(note), page.palette.accent))
    _write_guard(page, record)


def _write_failed(page: Page, record: BackwardRecord) -> None:
    page.line((gradient_rows.stopped(record), page.palette.strong))
    page.blank()
    failed_call.write(page, record)
    if record.finding is None and record.failure is not None:
        page.prose(run_labels.exception(record.failure), page.palette.error)
    page.blank()
    _write_guard(page, record)
    if record.failure is not None and record.failure.traceback:
        page.heading("traceback")
        page.prose(record.failure.traceback)
    page.blank()


def _write_guard(page: Page, record: BackwardRecord) -> None:
    if record.guard:
        page.fact("guard", (literal(record.guard), page.palette.error if record.changed else page.palette.good))
    for change in record.changed:
        page.fact("", (literal(change), page.palette.error))
