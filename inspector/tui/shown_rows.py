"""Which rows of the model stand in the tree, in which order: folding, sorting, filtering, without a widget.

Opening or closing a row costs what it shows or hides, never the size of the model; filtering and sorting everything
is only done when asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Iterable
from typing import Any

from inspector.mode_rows import ModeRows
from inspector.run_rows import RunRows
from inspector.schema import Kind
from inspector.table import ModelTable

SortKey = Callable[[int], Any]


class ShownRows:
    """The rows that a tree shows, top to bottom."""

    def __init__(self, table: ModelTable) -> None:
        self.table = table
        self.flow: RunRows | None = None
        """The last run, by row."""
        self.modes: ModeRows | None = None
        """The last comparison of train and eval, by row."""
        self.open: set[int] = {0}
        """Rows whose children are shown, when they themselves are."""
        self.rows: list[int] = []
        self._last: set[int] = set()
        self._sort: SortKey | None = None
        self._kept: Container[int] | None = None
        self.rebuild()

    def __len__(self) -> int:
        return len(self.rows)

    # --- what is shown ------------------------------------------------------------------------------------------

    def rebuild(self) -> None:
        """Lay out everything that is open from the root down."""
        self._last = {0}
        self.rows = [0, *self._below(0)] if self.is_open(0) else [0]

    def is_open(self, row: int) -> bool:
        return row in self.open or (self._kept is not None and row in self._kept and self.can_open(row))

    def can_open(self, row: int) -> bool:
        """Whether anything stands below this row."""
        return self.table.has_children(row)

    def is_last(self, row: int) -> bool:
        """Whether no sibling is shown below this one."""
        return row in self._last

    def depth(self, row: int) -> int:
        return len(self.table.ancestors(row))

    def deepest_open(self) -> int:
        """The depth of the deepest row that is open, counted from row to row, not from each row to the root."""
        depths: dict[int, int] = {}
        for row in self.rows:
            depths[row] = depths[self.table.above(row)] + 1 if row else 0
        return max((depths[row] for row in self.rows if self.is_open(row)), default=0)

    def index(self, row: int) -> int | None:
        """Where a row stands; None when it is not shown."""
        if self._sort is None:
            at = bisect_left(self.rows, self.table.place(row), key=self.table.place)
            return at if at < len(self.rows) and self.rows[at] == row else None
        return self.rows.index(row) if row in self.rows else None

    def _children(self, row: int) -> list[int]:
        children = list(self.table.children(row))
        if self._kept is not None:
            children = [child for child in children if child in self._kept]
        if self._sort is not None:
            children.sort(key=self._sort)
        if children:
            self._last.difference_update(children)
            self._last.add(children[-1])
        return children

    def _below(self, row: int) -> list[int]:
        """The rows shown below an open row, in order."""
        found = []
        waiting = self._children(row)[::-1]
        while waiting:
            child = waiting.pop()
            found.append(child)
            if self.is_open(child):
                waiting.extend(self._children(child)[::-1])
        return found

    # --- folding ------------------------------------------------------------------------------------------------

    def expand(self, row: int) -> None:
        if row in self.open or not self.can_open(row):
            return
        was_open = self.is_open(row)
        self.open.add(row)
        at = self.index(row)
        if at is not None and not was_open:
            self.rows[at + 1 : at + 1] = self._below(row)

    def collapse(self, row: int) -> None:
        self.open.discard(row)
        at = self.index(row)
        if at is None or self.is_open(row):
            return
        stop = at + 1
        while stop < len(self.rows) and self.table.is_below(self.rows[stop], row):
            stop += 1
        del self.rows[at + 1 : stop]

    def toggle(self, row: int) -> None:
        if row in self.open:
            self.collapse(row)
        else:
            self.expand(row)

    def expand_to_depth(self, depth: int) -> None:
        """Show the rows down to a depth below the root, and no others."""
        self.open = {0} if depth else set()
        level = [0]
        for _ in range(depth - 1):
            level = [child for row in level for child in self.table.children(row) if self.can_open(child)]
            self.open.update(level)
        self.rebuild()

    def expand_below(self, row: int) -> None:
        """Open this row and everything below it."""
        table = self.table
        self.open.update(at for at in range(row, table.end(row)) if table.has_children(at))
        self.rebuild()

    def collapse_below(self, row: int) -> None:
        """Close this row and everything below it; the root stays open."""
        self.open = {at for at in self.open if not row <= at < self.table.end(row)} | {0}
        self.rebuild()

    def expand_within(self, budget: int) -> None:
        """Open module by module, level by level, as long as no more than `budget` rows show.

        Modules that hold nothing but tensors stay closed: their parameters are one key away. So do folded runs.
        """
        level = [0]
        while level:
            openable = [row for row in level if self._holds_modules(row)]
            grown = len(self.rows) + sum(1 for row in openable if row not in self.open for _ in self._children(row))
            if grown > budget:
                return
            for row in openable:
                self.expand(row)
            level = [child for row in openable for child in self._children(row)]

    def _holds_modules(self, row: int) -> bool:
        if self.table.kinds[row] not in (Kind.MODULE, Kind.GHOST):
            return False
        inner = (Kind.MODULE, Kind.SHARED, Kind.CYCLE, Kind.RUN, Kind.GHOST)
        return any(self.table.kinds[child] in inner for child in self.table.children(row))

    def reveal(self, row: int) -> int:
        """Open what is above a row and return where it stands; a row that a filter hides shows its ancestor."""
        for ancestor in reversed(self.table.ancestors(row)):
            self.expand(ancestor)
        at = self.index(row)
        return at if at is not None else self.reveal(self.table.above(row))

    # --- order and choice ---------------------------------------------------------------------------------------

    def sort(self, key: SortKey | None) -> None:
        """Order siblings by a key; None is registration order."""
        self._sort = key
        self.rebuild()

    def keep(self, rows: Iterable[int] | None) -> None:
        """Show only these rows and what is above them, all opened; None shows everything again."""
        self._kept = None if rows is None else self.table.with_ancestors(rows)
        self.rebuild()

    @property
    def sorted(self) -> bool:
        return self._sort is not None

    @property
    def filtered(self) -> bool:
        return self._kept is not None
