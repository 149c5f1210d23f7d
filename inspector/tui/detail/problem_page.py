"""One finding: what was measured, where in the user's code, what would mend it, and what the rule is about."""

from __future__ import annotations

from inspector.catalogue import CATALOGUE
from inspector.format import literal
from inspector.run_schema import Finding
from inspector.tui.detail.page import Page


def write(page: Page, finding: Finding | None) -> None:
    """The answer first, the rule's own paragraph last."""
    if finding is None:
        page.line(("nothing was noticed", page.palette.good))
        page.prose("What was checked without a run, in the last run and in the checks after it says nothing more.")
        return
    palette = page.palette
    loud = {"error": palette.error, "warning": palette.warning}.get(finding.severity, palette.accent)
    path = literal(finding.path) or "the model itself"
    page.line((f"{finding.severity} ", loud), (finding.id, palette.strong), (f"  {path}", palette.strong))
    page.blank()
    page.prose(finding.message, palette.base)
    page.blank()
    for label, words in (
        ("received", finding.received),
        ("expected", finding.expected),
        ("made by", finding.producer),
        ("mend", finding.fix),
    ):
        if words:
            page.fact(label, (literal(words), palette.good if label == "mend" else palette.base))
    if finding.source is not None:
        page.fact("line", (f"{literal(finding.source.file)}:{finding.source.line}", palette.base))
        page.fact("", (literal(finding.source.code.strip()), palette.dim))
    if (entry := CATALOGUE.get(finding.id)) is not None:
        page.heading(f"{finding.id}: {entry.title}")
        page.prose(entry.documentation, palette.dim)
    page.blank()
    page.line((f"--ignore {finding.id} silences it", palette.dim))
