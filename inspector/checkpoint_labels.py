"""What a checkpoint beside the model says of itself in words, for window and reports alike."""

from __future__ import annotations

import os
from collections.abc import Iterator

from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal, plural


def line(found: CheckpointComparison) -> str:
    """`best.pt: 60 of 62 tensors fit`"""
    name = literal(os.path.basename(found.file))
    if not found.read:
        return f"{name}: not read, because reading it would run code"
    if found.fits:
        every = "the only tensor fits" if found.wanted == 1 else f"all {plural(found.wanted, 'tensor')} fit"
        return f"{name}: {every if found.wanted else 'nothing to load'}"
    verb = "fits" if found.wanted == 1 else "fit"
    words = f"{name}: {found.fitting:,} of {plural(found.wanted, 'tensor')} {verb}"
    if not found.findings:
        return f"{words}, and code of the model's own refuses the file"
    return f"{words}, {found.renamed:,} more but for a prefix" if found.renamed else words


def facts(found: CheckpointComparison) -> Iterator[str]:
    """Where its state dict was found, what else must be known, and the proof that nothing was changed."""
    if not found.read:
        return
    where = (
        f"{literal(found.place)} of {literal(found.format)}" if found.place else f"written by {literal(found.format)}"
    )
    others = f"; there is also {', '.join(map(literal, found.others))}" if found.others else ""
    yield f"{where}, {plural(found.held, 'entry', 'entries')}{others}"
    yield from map(literal, found.notes)
