"""What a rule about a checkpoint is: it looks at what a file holds beside what the model loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from inspector.engine.checkpoint.contents import StateDict
from inspector.engine.checkpoint.matching import Match
from inspector.engine.checkpoint.slots import Slots
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.structure import Structure
from inspector.run_schema import Finding

MOST = 20
"""Findings of one id; what is beyond that is counted in one more."""
_NAMED = 3
"""Names that a sentence lists."""


@dataclass(frozen=True)
class CheckpointScene:
    """What such a rule may look at."""

    file: str
    """Its name without the folder, as sentences say it."""
    anatomy: Anatomy
    structure: Structure
    slots: Slots
    state: StateDict
    match: Match

    @cached_property
    def held_keys(self) -> set[str]:
        """The model's keys that the file has, prefixes apart."""
        return {*self.state.entries, *(key for each in self.match.renamed for _, key in each.pairs)}

    def row(self, path: str) -> int:
        """The first row of the module at a path."""
        row = self.structure.row_of(self.slots.modules[path]) if path in self.slots.modules else None
        return row or 0

    def name(self, path: str) -> str:
        """What a sentence calls the module at a path."""
        return path or type(self.anatomy.model).__name__

    def finding(self, name: str, path: str, message: str, fix: str = "") -> Finding:
        """What a rule noticed at the module of a path."""
        return self.anatomy.finding(name, self.row(path), message, fix, path=path)


CheckpointRule = Callable[[CheckpointScene], Iterator[Finding]]


def listed(names: Iterable[str]) -> str:
    """`weight` · `weight and bias` · `conv1.weight, bn1.weight, bn1.bias and 12 more`"""
    names = list(names)
    if len(names) <= _NAMED:
        return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"
