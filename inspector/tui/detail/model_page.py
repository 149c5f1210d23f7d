"""What holds for the whole model: where it came from and why it was taken, its sums, and that it was left as found."""

from __future__ import annotations

from inspector import checkpoint_labels
from inspector.format import duration, literal, plural, size, whole
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel


def write(page: Page, model: OpenModel) -> None:
    """Below the root module's own facts."""
    plain, dim, target, totals = page.palette.base, page.palette.dim, model.target, model.table.totals
    page.heading("model")
    page.fact("file", (f"{literal(target.file)}:{target.line}", plain))
    page.fact("built by", (literal(target.call), plain), (f" in {duration(model.seconds)}", dim))
    if target.chosen:
        page.fact("taken as", (literal(target.chosen), plain))
    if model.note:
        page.fact("note", (literal(model.note), page.palette.accent))
    if model.others:
        page.fact("besides", (f"{plural(len(model.others), 'other candidate')} in the file: M", plain))
    page.fact("modules", (whole(totals.modules), plain))
    lazy = f" + {plural(totals.lazy, 'lazy tensor')}" if totals.lazy else ""
    frozen = totals.parameters - totals.trainable
    page.fact("params", (f"{whole(totals.parameters)}{lazy}, {whole(frozen)} of them frozen", plain))
    if totals.buffers:
        page.fact("buffers", (plural(totals.buffers, "element"), plain))
    where = "" if totals.allocated else ", not allocated"
    page.fact("memory", (f"{whole(totals.bytes)} bytes ({size(totals.bytes)}{where}), each storage once", plain))
    if (found := model.checkpoint) is not None:
        page.fact("checkpoint", (checkpoint_labels.line(found), plain if found.fits else page.palette.warning))
        for text in checkpoint_labels.facts(found):
            page.fact("", (text, dim))
    if model.guard:
        page.fact("guard", (literal(model.guard), plain))
