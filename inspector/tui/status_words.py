"""What the status line says while nothing goes on: where the cursor is, and what else there is to know."""

from __future__ import annotations

from inspector.format import literal, plural
from inspector.problems import counted
from inspector.tui.open_model import OpenModel, OutputLog


def way_to(model: OpenModel, row: int) -> str:
    """`LeNet › features › 3`: from the model down to a row."""
    return " › ".join(literal(model.table.name(step)) for step in reversed([row, *model.table.ancestors(row)]))


def note(model: OpenModel, log: OutputLog, filter_words: str) -> str:
    """That the tree is not whole, else what was noticed and that something was printed."""
    if filter_words:
        return f"only {literal(filter_words)}: Esc shows all"
    noticed = counted(model.findings)
    printed = f"o: {plural(log.count, 'line')} printed" if log else ""
    return "   ".join(filter(None, (f"x: {noticed}" if noticed else "", printed)))


def alarm(model: OpenModel | None) -> str:
    """`x: 1 error, 2 warnings`: what is to be seen beside whatever else is said; notes can wait until it is read."""
    grave = counted(finding for finding in model.findings if finding.severity != "note") if model is not None else ""
    return f"x: {grave}" if grave else ""
