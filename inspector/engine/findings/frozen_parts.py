"""NN106: a model, or a whole part of it, in which nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.findings.anatomy import Anatomy
from inspector.run_schema import Finding
from inspector.schema import Flag, Kind


def frozen_parts(anatomy: Anatomy) -> Iterator[Finding]:
    """The model itself when nothing in it is trained, else each of its parts of which that is true."""
    if not anatomy.elements[0] or anatomy.trainable[0] == anatomy.elements[0]:
        return
    tops = [0] if not anatomy.trainable[0] else list(_parts(anatomy, 0))
    for row in tops:
        if anatomy.elements[row] and not anatomy.trainable[row]:
            message = f"{anatomy.name(row)}: 0 of {anatomy.elements[row]:,} parameters trainable"
            yield anatomy.finding("NN106", row, message)


def _parts(anatomy: Anatomy, top: int) -> Iterator[int]:
    for row in anatomy.children(top):
        if anatomy.kinds[row] == Kind.RUN or (
            anatomy.kinds[row] == Kind.MODULE and anatomy.flags[top] & Flag.WRAPPER and top == 0
        ):
            yield from _parts(anatomy, row)
        elif anatomy.kinds[row] == Kind.MODULE:
            yield row
