"""The structure as Markdown, with a run if there was one: for a pull request or a README."""

from __future__ import annotations

from inspector import run_labels
from inspector.format import literal, plural, whole
from inspector.labels import memory, params, percent
from inspector.reports import run_text
from inspector.reports.text_tree import facts_of, shown_rows
from inspector.run_rows import RunRows
from inspector.run_schema import InputSet, RunRecord
from inspector.schema import Target
from inspector.table import ModelTable


def write(
    table: ModelTable,
    target: Target,
    *,
    rows: RunRows | None = None,
    inputs: InputSet | None = None,
    depth: int | None = None,
    keep: str = "",
) -> str:
    """A table of modules, with the `rows` of a run also what came out of them and what it cost; then the totals."""
    run = rows.record if rows is not None else None
    lines = [f"### {_cell(target.call)}", "", f"`{literal(target.file)}` line {target.line}, on {target.device}", ""]
    if said := [f"- {title or 'output'}: {_cell(text)}" for title, text in run_text.above(inputs, run)]:
        lines += [*said, ""]
    names = ["output", "calls", *_NUMBERS[:2], "time", "FLOPs"] if rows is not None else _NUMBERS
    lines.append(f"| {' | '.join(['module', 'type', *names])} |")
    lines.append(f"|:--|:--|{'--:|' * len(names)}")
    for row, level in shown_rows(table, depth, keep):
        kind, marked = facts_of(table, row)
        indent = "&nbsp;" * 4 * level
        numbers = _of_run(rows, row) if rows is not None else _of_structure(table, row)
        lines.append(f"| {' | '.join([f'{indent}{_cell(table.name(row))}', _cell(kind + marked), *numbers])} |")
    lines += ["", _totals(table), *_remarks(run)]
    return "\n".join(lines) + "\n"


_NUMBERS = ["parameters", "%", "memory"]


def _of_structure(table: ModelTable, row: int) -> list[str]:
    return [params(table, row), percent(table, row), memory(table, row)]


def _of_run(rows: RunRows, row: int) -> list[str]:
    flowed = _cell(run_labels.output(rows, row)), run_labels.calls(rows, row)
    cost = run_labels.row_seconds(rows, row), run_labels.row_flops(rows, row)
    return [*flowed, params(rows.table, row), percent(rows.table, row), *cost]


def _totals(table: ModelTable) -> str:
    totals = table.totals
    text = f"**{whole(totals.parameters)}** parameters, {whole(totals.trainable)} trainable; "
    text += f"{whole(totals.bytes)} bytes with buffers; {plural(totals.modules, 'module')}"
    return text + (f"; {plural(totals.lazy, 'lazy tensor')} of unknown size apart" if totals.lazy else "")


def _remarks(run: RunRecord | None) -> list[str]:
    said = [f"- {title}: {_cell(text)}" for title, text in run_text.below(run)] if run is not None else []
    return ["", *said] if said else []


def _cell(text: str) -> str:
    """User text with everything escaped that Markdown or HTML would read."""
    text = literal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "|*_`[]\\~#" else c for c in text)
