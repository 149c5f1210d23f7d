"""The structure as Markdown: for a pull request or a README."""

from __future__ import annotations

from inspector.format import literal, plural, whole
from inspector.labels import memory, params, percent
from inspector.reports.text_tree import facts_of, shown_rows
from inspector.schema import Target
from inspector.table import ModelTable


def write(table: ModelTable, target: Target, *, depth: int | None = None, keep: str = "") -> str:
    """A table of modules, then the totals."""
    totals = table.totals
    lines = [
        f"### {_cell(target.call)}",
        "",
        f"`{literal(target.file)}` line {target.line}, on {target.device}",
        "",
        "| module | type | parameters | % | memory |",
        "|:--|:--|--:|--:|--:|",
    ]
    for row, level in shown_rows(table, depth, keep):
        kind, marked = facts_of(table, row)
        indent = "&nbsp;" * 4 * level
        cells = (
            f"{indent}{_cell(table.name(row))}",
            _cell(kind + marked),
            params(table, row),
            percent(table, row),
            memory(table, row),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"**{whole(totals.parameters)}** parameters, {whole(totals.trainable)} trainable; "]
    lines[-1] += f"{whole(totals.bytes)} bytes with buffers; {plural(totals.modules, 'module')}"
    if totals.lazy:
        lines[-1] += f"; {plural(totals.lazy, 'lazy tensor')} of unknown size apart"
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """User text with everything escaped that Markdown or HTML would read."""
    text = literal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "|*_`[]\\~#" else c for c in text)
