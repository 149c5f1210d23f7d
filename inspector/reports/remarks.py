"""What must be said beside a report, whatever its form: each in one line, for stderr."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal, size
from inspector.gradient_schema import BackwardRecord
from inspector.messages import FindingsReported, ModelBuilt, Run, StructureFinished
from inspector.mode_schema import Comparison
from inspector.run_labels import argument
from inspector.run_schema import InputSet, RunRecord
from inspector.schema import Failure


def write(
    built: ModelBuilt | None,
    finished: StructureFinished | None,
    asked: Run | None,
    inputs: InputSet | None,
    ran: RunRecord | None,
) -> Iterator[str]:
    """How the model was built, what its inputs are, why it ran otherwise than asked, and what reading and running it
    changed, if anything."""
    if built is not None and built.note:
        yield literal(built.note)
    if inputs is not None and inputs.origin == "none":
        yield f"not run: {literal(inputs.reason) or 'no inputs could be found'}; {_how_to_give(inputs)}"
    if inputs is not None and inputs.origin == "guessed":
        why = f" ({literal(inputs.reason)})" if inputs.reason else ""
        yield f"inputs guessed: {_as_typed(inputs)}{why}"
    if asked is not None and ran is not None and ran.dry and not asked.dry:
        yield _why_dry(asked)
    changes = [*(finished.changed if finished is not None else ()), *(ran.changed if ran is not None else ())]
    yield from (f"not left as found: {literal(change)}" for change in changes)


def of_what_followed(
    comparison: Comparison | None,
    probes: FindingsReported | None,
    unprobed: Failure | None,
    checkpoint: CheckpointComparison | None = None,
) -> Iterator[str]:
    """Which checks after the run came to nothing, and what comparing and checking changed, if anything."""
    if unprobed is not None:
        why = f"{literal(unprobed.type)}: {literal(unprobed.message)}"
        yield f"the checks that run forward again came to nothing: {why}"
    told = (comparison, probes, checkpoint)
    changes = [change for each in told if each is not None for change in each.changed]
    yield from (f"not left as found: {literal(change)}" for change in changes)


def of_backward(backward: BackwardRecord | None, refused: Failure | None) -> Iterator[str]:
    """Why there was no backward pass, and what one changed, if anything."""
    if refused is not None:
        yield f"no backward pass: {literal(refused.message)}"
    changes = backward.changed if backward is not None else ()
    yield from (f"not left as found: {literal(change)}" for change in changes)


def _as_typed(inputs: InputSet) -> str:
    return " ".join(literal(each.text) or argument(each) for each in inputs.arguments) or "no arguments"


def _how_to_give(inputs: InputSet) -> str:
    """A command line, or the option with the names that forward wants."""
    if inputs.command:
        return f"for example: {literal(inputs.command)}"
    names = [literal(each.name) for each in inputs.signature if each.required] or ["x"]
    return "give them with " + " ".join(f"--input {name}=2x3x224x224" for name in names)


def _why_dry(asked: Run) -> str:
    if not asked.unless_larger:
        return "run dry, for shapes alone"
    return f"run dry, for shapes alone: it would need more than the {size(asked.unless_larger)} of memory that are free"
