"""Why the user's file gave no model: what, where in their code, what would mend it."""

from __future__ import annotations

from inspector import run_labels
from inspector.format import caret, literal, middle_cut
from inspector.schema import Failure, Stage
from inspector.tui.detail.page import Page

_TITLES: dict[Stage, str] = {
    "target": "There is no such model",
    "config": "The configuration cannot be used",
    "torch": "torch cannot be imported",
    "import": "The file cannot be imported",
    "construct": "The model cannot be built",
    "structure": "The model cannot be read",
    "inputs": "These inputs cannot be used",
    "forward": "Forward failed",
    "backward": "There was no backward pass",
    "engine": "The process that holds the model ended",
}


def title(failure: Failure) -> str:
    """The failure in one short sentence."""
    if failure.candidates:
        return "Which model of this file?"
    if failure.type == "MissingArguments":
        return "The model needs arguments"
    return _TITLES[failure.stage]


def write(page: Page, failure: Failure) -> None:
    """The answer first, then the place, then the way out; the whole traceback has a page of its own."""
    palette = page.palette
    page.line((title(failure), palette.error))
    if failure.source is not None:
        place = f"{literal(failure.source.file)}:{failure.source.line}"
        page.line((middle_cut(place, page.width), palette.strong))  # the end tells one file from another
    page.blank()
    page.prose(run_labels.exception(failure))
    _write_context(page, failure)
    if failure.mend:
        page.heading("mend")
        page.prose(failure.mend)
    if failure.command:
        page.heading("for example")
        page.prose(failure.command)
    if len(failure.frames) > 1:
        page.heading("how it came there")
        for frame in failure.frames[:-1]:
            place = f"{literal(frame.file.rpartition('/')[2])}:{frame.line} in {literal(frame.function)}"
            page.line((place, palette.dim))
            page.line((f"  {literal(frame.code)}", palette.base))
    if failure.stage == "inputs":
        page.blank()
        page.line(("i", palette.strong), (" gives others", palette.dim))
    if failure.stage == "engine":
        page.blank()
        page.line(("R", palette.strong), (" loads the model again", palette.dim))
    if failure.traceback:
        page.blank()
        page.line(("2", palette.strong), (" the whole traceback", palette.dim))
        page.line(("o", palette.strong), (" what the code printed", palette.dim))


def _write_context(page: Page, failure: Failure) -> None:
    if failure.source is None:
        return
    page.blank()
    lines = failure.context or ((failure.source.line, failure.source.code),)
    for number, text in lines:
        here = number == failure.source.line
        style = page.palette.strong if here else page.palette.dim
        page.line(("▸" if here else " ", page.palette.error), (f"{number:>5}  {literal(text.expandtabs(4))}", style))
        if here and failure.column:
            page.line((" " * 8 + caret(text, failure.column), page.palette.error))


def write_traceback(page: Page, failure: Failure) -> None:
    """Python's own words, whole and unchanged."""
    page.prose(failure.traceback or "there is no traceback")
