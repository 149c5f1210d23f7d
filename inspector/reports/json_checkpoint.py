"""A checkpoint beside the model in the JSON document; what does not fit stands among the findings."""

from __future__ import annotations

from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal
from inspector.reports.json_run import Fields


def checkpoint(found: CheckpointComparison | None) -> Fields | None:
    """How much of it fits."""
    if found is None:
        return None
    return {
        "file": literal(found.file),
        "format": literal(found.format),
        "read": found.read,
        "place": literal(found.place),
        "others": [literal(place) for place in found.others],
        "fits": found.fits,
        "fitting": found.fitting,
        "wanted": found.wanted,
        "held": found.held,
        "renamed": found.renamed,
        "seconds": found.seconds,
        "notes": [literal(note, lines=True) for note in found.notes],
        "guard": literal(found.guard),
        "changed": [literal(change, lines=True) for change in found.changed],
    }
