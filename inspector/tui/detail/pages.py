"""Which page answers for a row: the one place that knows all the pages."""

from __future__ import annotations

from inspector.schema import GhostRow, ModuleRow, Row, RunRow, TensorRow
from inspector.tui.detail import model_page, module_page, source_page, tensor_page
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel

OVERVIEW, SOURCE = 0, 1
TABS = ("overview", "source")
FAILURE_TABS = ("what happened", "traceback")


def write(page: Page, model: OpenModel, row: int, tab: int) -> None:
    """What is known about a row at this moment."""
    table = model.table
    record = table.row(row)
    if tab == SOURCE:
        source_page.write(page, model.details.get(owner(model, row)), alive=model.alive)
        return
    measured = model.measured.get(row)
    match record:
        case ModuleRow():
            module_page.write(page, table, row, record, model.details.get(row))
            if row == 0:
                model_page.write(page, model)
        case RunRow():
            module_page.write_run(page, table, row, record)
        case TensorRow():
            tensor_page.write(page, table, row, record, measured)
        case GhostRow():
            tensor_page.write_ghost(page, table, row, record, measured)
        case None:
            page.line(("reading…", page.palette.dim))
    if (failure := model.failed.get(row)) is not None:
        page.heading("asking about it failed")
        page.prose(f"{failure.type}: {failure.message}", page.palette.error)
        if failure.source is not None:
            page.prose(f"{failure.source.file}:{failure.source.line}  {failure.source.code.strip()}")


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
