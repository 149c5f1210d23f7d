"""The structure as Markdown, with a run if there was one: for a pull request or a README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inspector import gradient_rows, run_labels
from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal, plural, whole
from inspector.gradient_rows import GradientRows
from inspector.labels import memory, params, percent
from inspector.mode_rows import ModeRows, in_both, noise, relative, word
from inspector.problems import counted
from inspector.reports import checkpoint_text, gradient_text, mode_text, problem_text, run_text
from inspector.reports.text_tree import facts_of, shown_rows
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet
from inspector.schema import Target
from inspector.table import ModelTable


def write(
    table: ModelTable,
    target: Target,
    *,
    rows: RunRows | None = None,
    inputs: InputSet | None = None,
    modes: ModeRows | None = None,
    checkpoint: CheckpointComparison | None = None,
    gradients: GradientRows | None = None,
    findings: Sequence[Finding] = (),
    depth: int | None = None,
    keep: str = "",
) -> str:
    """A table of modules, with the `rows` of a run also what came out of them and what it cost, with `modes` how far
    that differs between train and eval; then the totals, and what was noticed."""
    run = rows.record if rows is not None else None
    lines = [f"### {_cell(target.call)}", "", f"`{literal(target.file)}` line {target.line}, on {target.device}", ""]
    if said := [f"- {title or 'output'}: {_cell(text)}" for title, text in run_text.above(inputs, run)]:
        lines += [*said, ""]
    compared = modes if modes is not None and modes.comparison.differences else None
    names = _NUMBERS if rows is None else _FLOWED if compared is None else _COMPARED
    lines.append(f"| {' | '.join(['module', 'type', *names])} |")
    lines.append(f"|:--|:--|{'--:|' * len(names)}")
    for row, level in shown_rows(table, depth, keep):
        kind, marked = facts_of(table, row)
        indent = "&nbsp;" * 4 * level
        numbers = _of_structure(table, row) if rows is None else _of_run(rows, compared, row)
        lines.append(f"| {' | '.join([f'{indent}{_cell(table.name(row))}', _cell(kind + marked), *numbers])} |")
    lines += ["", _totals(table), *_list(run_text.below(run) if run is not None else ())]
    if modes is not None:
        lines += ["", "#### train against eval", *_list(mode_text.section(modes))]
    if checkpoint is not None:
        lines += ["", "#### checkpoint", *_list(checkpoint_text.section(checkpoint))]
    if gradients is not None:
        lines += ["", "#### backward", *_gradients(gradients)]
    if findings:
        lines += ["", f"#### problems: {counted(findings)}", "", *map(_problem, findings)]
    return "\n".join(lines) + "\n"


_NUMBERS = ["parameters", "%", "memory"]
_FLOWED = ["output", "calls", *_NUMBERS[:2], "time", "FLOPs"]
_COMPARED = ["output", "parameters", "differs", "noise", "role"]


def _of_structure(table: ModelTable, row: int) -> list[str]:
    return [params(table, row), percent(table, row), memory(table, row)]


def _of_run(rows: RunRows, modes: ModeRows | None, row: int) -> list[str]:
    if modes is not None:
        return [_cell(run_labels.output(rows, row)), params(rows.table, row), *_of_modes(modes, row)]
    flowed = _cell(run_labels.output(rows, row)), run_labels.calls(rows, row)
    cost = run_labels.row_seconds(rows, row), run_labels.row_flops(rows, row)
    return [*flowed, params(rows.table, row), percent(rows.table, row), *cost]


def _of_modes(modes: ModeRows, row: int) -> list[str]:
    worst = modes.worst(row)
    if worst is None or not in_both(worst):
        return ["", "", word(worst).value if worst is not None else ""]
    return [relative(worst.difference), relative(noise(worst)), word(worst).value]


def _totals(table: ModelTable) -> str:
    totals = table.totals
    text = f"**{whole(totals.parameters)}** parameters, {whole(totals.trainable)} trainable; "
    text += f"{whole(totals.bytes)} bytes with buffers; {plural(totals.modules, 'module')}"
    return text + (f"; {plural(totals.lazy, 'lazy tensor')} of unknown size apart" if totals.lazy else "")


def _list(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A list of what has titles in the plain tree; what has none belongs to the one before."""
    for number, (title, text) in enumerate(lines):
        if not number:
            yield ""
        yield f"- {title}: {_cell(text)}" if title else f"  {_cell(text)}"


def _gradients(rows: GradientRows) -> Iterator[str]:
    """What was propagated, and a table of every parameter's gradient."""
    yield ""
    yield f"- {_cell(gradient_rows.headline(rows))}"
    yield f"- {_cell(gradient_rows.conditions(rows.record))}"
    if not rows.record.parameters:
        return
    yield f"- {_cell(gradient_rows.summary(rows))}"
    yield from ("", "| norm | largest | zeros % | not finite | parameter |", "|--:|--:|--:|--:|:--|")
    yield from (f"| {' | '.join(map(_cell, line))} |" for line in gradient_text.cells(rows))
    if left_out := gradient_text.left_out(rows):
        yield from ("", f"and {left_out:,} more, with --json")


def _problem(finding: Finding) -> str:
    place = f" ({_cell(problem_text.short_place(finding.source))})" if finding.source is not None else ""
    head = f"- **{finding.severity}** {finding.id} {_cell(problem_text.subject(finding))}{place}: "
    return "  \n  ".join([head + _cell(finding.message), *map(_cell, problem_text.facts(finding))])


def _cell(text: str) -> str:
    """User text with everything escaped that Markdown or HTML would read."""
    text = literal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "|*_`[]\\~#" else c for c in text)
