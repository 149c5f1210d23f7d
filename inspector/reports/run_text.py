"""What stands above and below the table of a plain report: what went in, what the run took, and what must be said."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import run_labels
from inspector.format import literal, whole
from inspector.run_schema import InputSet, RunRecord


def above(inputs: InputSet | None, run: RunRecord | None) -> Iterator[tuple[str, str]]:
    """Inputs with their origin, mode and cost, and the proof that nothing was changed, each with its title."""
    if inputs is not None:
        yield "inputs", run_labels.inputs_line(inputs)
    if run is None:
        return
    yield "run", ", ".join([run_labels.mode(run), *([] if run.ok else [stopped(run)]), *run_labels.measured(run)])
    for number, seen in enumerate(run.outputs):
        yield "" if number else "output", run_labels.value(seen)
    if run.guard:
        yield "guard", literal(run.guard)


def stopped(run: RunRecord) -> str:
    """`forward failed in fc1, line 21`"""
    found, failure = run.finding, run.failure
    where = f" in {literal(found.path)}" if found is not None and found.path else ""
    source = (found.source if found is not None else None) or (failure.source if failure is not None else None)
    return f"forward failed{where}" + (f", line {source.line}" if source is not None else "")


def below(run: RunRecord) -> Iterator[tuple[str, str]]:
    """Exact cost with what is not in it, then notes and warnings, each with its title."""
    if run.flops_by:
        yield "FLOPs", f"{whole(run.flops)}{_of_a_part(run)}"
    if run.uncounted:
        yield "uncounted", run_labels.uncounted(run)
    yield from (("note", literal(note)) for note in run.notes)
    yield from (("warning", run_labels.warned(warning)) for warning in run.warnings)


def _of_a_part(run: RunRecord) -> str:
    return "" if run.ok else "  (as far as it ran)"
