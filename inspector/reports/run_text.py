"""What stands above and below the table of a plain report: what went in, what the run took, and what must be said."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import run_labels
from inspector.format import literal, whole
from inspector.run_schema import InputSet, RunRecord

_OUTPUTS = 8
"""Outputs of the model that are listed."""


def above(inputs: InputSet | None, run: RunRecord | None) -> Iterator[tuple[str, str]]:
    """Inputs with their origin, mode and cost, and the proof that nothing was changed, each with its title."""
    if inputs is not None:
        yield "inputs", run_labels.inputs_line(inputs)
    if run is None:
        return
    yield (
        "run",
        ", ".join([run_labels.mode(run), *([] if run.ok else [run_labels.stopped(run)]), *run_labels.measured(run)]),
    )
    for number, seen in enumerate(run.outputs[:_OUTPUTS]):
        yield "" if number else "output", run_labels.value(seen)
    if len(run.outputs) > _OUTPUTS:
        yield "", f"and {len(run.outputs) - _OUTPUTS:,} more"
    if run.guard:
        yield "guard", literal(run.guard)


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
