"""The card of a failed forward: what the module received beside what it takes, who made it, and what would mend it."""

from __future__ import annotations

from rich.cells import cell_len

from inspector import run_labels
from inspector.format import literal
from inspector.gradient_schema import BackwardRecord
from inspector.mode_schema import Comparison
from inspector.run_schema import RunRecord
from inspector.tui.detail.page import Page


def write(page: Page, run: RunRecord | Comparison | BackwardRecord) -> None:
    """The failure in short, and where the rest of it stands."""
    _write_card(page, run)
    if isinstance(run, RunRecord) and run.finding is not None and run.failure is not None:
        page.line(("3", page.palette.strong), (" the whole traceback", page.palette.dim))


def write_whole(page: Page, run: RunRecord) -> None:
    """The failure with Python's and PyTorch's own text, whole and unchanged."""
    _write_card(page, run)
    if run.failure is not None and run.failure.traceback:
        page.heading("traceback")
        page.prose(run.failure.traceback)


def _write_card(page: Page, run: RunRecord | Comparison | BackwardRecord) -> None:
    """The finding in the words that the measurement supports, the user's line, then PyTorch's own words."""
    palette, finding, failure = page.palette, run.finding, run.failure
    if finding is None:
        return
    backward = isinstance(run, BackwardRecord) and run.failed_in == "backward"
    title = f"✗ {'backward' if backward else 'forward'} failed here"
    where = [finding.id]
    if finding.source is not None:
        where.append(f"{literal(finding.source.file.rpartition('/')[2])}:{finding.source.line}")
    if len(title) + cell_len("".join(f"   {word}" for word in where)) <= page.width:
        page.line((title, palette.error), ("".join(f"   {word}" for word in where), palette.dim))
    else:
        page.line((title, palette.error))
        page.prose("   ".join(where), palette.dim)
    if isinstance(run, RunRecord) and run.dry:
        page.prose("in a dry run, whose error may be worded otherwise: r runs it for real", palette.dim)
    if run.inputs.origin == "guessed":
        page.prose("with guessed inputs: i gives others", palette.accent)
    page.blank()
    page.prose(finding.message, palette.strong)
    page.blank()
    for label, words in (
        ("received", finding.received),
        ("expected", finding.expected),
        ("made by", finding.producer),
        ("mend", finding.fix),
    ):
        if words:
            style = palette.good if label == "mend" else palette.error if label == "received" else palette.base
            page.fact(label, (literal(words), style))
    if failure is None:
        return
    if failure.context and failure.source is not None:
        page.blank()
        for number, text in failure.context:
            here = number == failure.source.line
            mark, style = ("▸", palette.strong) if here else (" ", palette.dim)
            page.line((mark, palette.error), (f"{number:>5}  {literal(text.expandtabs(4))}", style))
    page.blank()
    page.prose(run_labels.exception(failure), palette.dim)
