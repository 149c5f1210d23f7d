"""Which page answers for a row: the one place that knows all the pages."""

from __future__ import annotations

from inspector import run_labels
from inspector.schema import GhostRow, ModuleRow, OperationRow, Row, RunRow, TensorRow
from inspector.tui.detail import (
    card_page,
    failed_call,
    gradient_page,
    model_page,
    modes_page,
    module_page,
    run_page,
    source_page,
    tensor_page,
)
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel

OVERVIEW, SOURCE, RUN, MODES, CARD = 0, 1, 2, 3, 4
TABS = ("overview", "source", "run", "modes", "card")
FAILURE_TABS = ("what happened", "traceback")


def write(page: Page, model: OpenModel, row: int, tab: int, call: int | None = None) -> None:
    """What is known at this moment about a row; about one call, where a function's is looked at in the trace."""
    table = model.table
    if call is not None and tab != SOURCE and model.flow is not None and not model.flow.run.is_module(call):
        if model.run is not None and model.run.finding is not None and model.run.finding.call == call:
            failed_call.write(page, model.run)
        run_page.write_operation(page, model, call)
        return
    record = table.row(row)
    if tab == SOURCE:
        source_page.write(page, model.details.get(owner(model, row)), alive=model.alive)
        return
    if tab == RUN:
        gradient_page.write(page, model, row)
        run_page.write(page, model, row)
        return
    if tab == MODES:
        modes_page.write(page, model, row)
        return
    if tab == CARD:
        if isinstance(record, OperationRow) and card_page.write_function(page, model, record.call):
            return
        card_page.write(page, model, owner(model, row))
        return
    measured = model.measured.get(row)
    match record:
        case ModuleRow():
            module_page.write_title(page, table, row, record)
            _write_run(page, model, row)
            module_page.write(page, table, row, record, model.details.get(row))
            if row == 0:
                model_page.write(page, model)
        case RunRow():
            module_page.write_run(page, table, row, record)
        case TensorRow():
            tensor_page.write(page, table, row, record, measured)
            gradient_page.write_brief(page, model, row)
        case GhostRow():
            tensor_page.write_ghost(page, table, row, record, measured)
        case OperationRow(call=call):
            _write_failure(page, model, row)
            run_page.write_operation(page, model, call)
        case None:
            page.line(("reading…", page.palette.dim))
    if (failure := model.failed.get(row)) is not None:
        page.heading("asking about it failed")
        page.prose(run_labels.exception(failure), page.palette.error)
        if failure.source is not None:
            page.prose(f"{failure.source.file}:{failure.source.line}  {failure.source.code.strip()}")


def _write_run(page: Page, model: OpenModel, row: int) -> None:
    """What the last run told of a module: why it failed here, else what went in and came out."""
    _write_failure(page, model, row)
    before = len(page.lines)
    run_page.write_brief(page, model, row)
    if len(page.lines) > before:
        page.blank()


def _write_failure(page: Page, model: OpenModel, row: int) -> None:
    if model.run is not None and failed_row(model) == row:
        failed_call.write(page, model.run)
        page.blank()


def failed_row(model: OpenModel) -> int | None:
    """The row that the last run's forward failed in: a function's own where it has one; None when it did not fail."""
    run, flow = model.run, model.flow
    if run is None or run.finding is None:
        return None
    row, call = run.finding.row, run.finding.call
    if row is None or flow is None or not 0 <= call < flow.run.count or flow.run.is_module(call):
        return row or 0
    return next((at for at in model.table.operations(row) if model.table.call_of(at) == call), row)


def name_of_call(model: OpenModel, call: int) -> str:
    """`conv2`, or the function and where it was called: `F.relu :19`."""
    return run_page.made_by(model, call)


def owner(model: OpenModel, row: int) -> int:
    """The module whose source tells about a row: itself, or what it belongs to; of a run its first block.

    A first outline of a large model may tell of a run without its blocks: then there is only the run.
    """
    record = model.table.row(row)
    if isinstance(record, ModuleRow):
        return row
    if isinstance(record, RunRow):
        return next(model.table.children(row), row)
    above = model.table.above(row)
    return above if above == row else owner(model, above)


def has_values(record: Row | None) -> bool:
    """Whether there is a tensor behind a row that can be measured; a list of lost modules has none."""
    return isinstance(record, TensorRow) or (isinstance(record, GhostRow) and record.shape is not None)
