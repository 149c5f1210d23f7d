"""Everything that can be noticed, by its id: how bad it is, what it is called, and a paragraph for people.

Ids are public and never change meaning. Rules measure and say what they measured; what there is to know beyond that
stands here, one file a family, where a front end can read it without torch.
"""

from __future__ import annotations

from inspector.catalogue import checkpoints, failures, gradients, modes, runs, structure
from inspector.catalogue.entry import Entry

_FAMILIES = (structure, failures, runs, modes, gradients, checkpoints)

CATALOGUE: dict[str, Entry] = {entry.id: entry for family in _FAMILIES for entry in family.ENTRIES}
"""By id, in their order."""

__all__ = ["CATALOGUE", "Entry"]
