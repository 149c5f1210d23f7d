"""What a reload changed in the structure, found by descending only where signatures differ."""

from __future__ import annotations

from inspector.format import literal
from inspector.schema import Kind
from inspector.table import ModelTable

ADDED, CHANGED, REMOVED = "+", "~", "-"
"""A row that is new; one that differs, or something below it; one that lost something."""

_NAMED = 3


class Changes:
    """The difference between two structures of what is taken to be the same model."""

    def __init__(self, old: ModelTable, new: ModelTable) -> None:
        self.marks: dict[int, str] = {}
        """Row of the new table → mark."""
        self.added: list[str] = []
        self.changed: list[str] = []
        self.removed: list[str] = []
        waiting = [(0, 0)]
        while waiting:
            before, after = waiting.pop()
            if old.signature[before] != new.signature[after]:
                waiting.extend(reversed(self._compare(old, before, new, after)))

    def _compare(self, old: ModelTable, before: int, new: ModelTable, after: int) -> list[tuple[int, int]]:
        """Mark one differing pair of rows; returns the pairs below it that exist in both."""
        names_before = {old.name(row): row for row in old.members(before)}
        names_after = {new.name(row): row for row in new.members(after)}
        lost = [old.path(row) for name, row in names_before.items() if name not in names_after]
        fresh = [row for name, row in names_after.items() if name not in names_before]
        both = [(names_before[name], row) for name, row in names_after.items() if name in names_before]
        self.removed += lost
        self.added += [new.path(row) for row in fresh]
        self.marks.update(dict.fromkeys(fresh, ADDED))
        self.marks[after] = REMOVED if lost else CHANGED
        if new.kinds[new.above(after)] == Kind.RUN:
            self.marks.setdefault(new.above(after), CHANGED)
        if not lost and not fresh and all(old.signature[b] == new.signature[a] for b, a in both):
            self.changed.append(new.path(after) or "the model itself")
        return both

    def text(self) -> str:
        """`2 added (head.a, head.b), 1 changed (fc1.weight)`, or that nothing is different."""
        parts = []
        for paths, word in ((self.added, "added"), (self.changed, "changed"), (self.removed, "removed")):
            if paths:
                more = ", …" if len(paths) > _NAMED else ""
                parts.append(f"{len(paths):,} {word} ({', '.join(map(literal, paths[:_NAMED]))}{more})")
        return ", ".join(parts) or "same structure"


def carried(old: ModelTable, rows: set[int], new: ModelTable) -> set[int]:
    """The rows of another table that stand where these rows stood, found by walking both trees side by side."""
    found = set()
    waiting = [(0, 0)]
    while waiting:
        before, after = waiting.pop()
        found.add(after)
        names = {new.name(child): child for child in new.members(after)}
        for child in old.members(before):
            twin = names.get(old.name(child))
            if twin is None:
                continue
            if old.above(child) != before and old.above(child) in rows:
                found.add(new.above(twin))
            if child in rows:
                waiting.append((child, twin))
    return found
