"""How a checkpoint fits, as text: for the end of the plain tree, and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import checkpoint_labels
from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal


def section(found: CheckpointComparison | None) -> Iterator[tuple[str, str]]:
    """How much of it fits, where in the file that was found, and the proof that the model was left alone."""
    if found is None:
        return
    yield "checkpoint", checkpoint_labels.line(found)
    yield from (("", text) for text in checkpoint_labels.facts(found))
    yield "guard", literal(found.guard)
