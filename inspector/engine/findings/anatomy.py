"""The anatomy of a model: what rules about structure may look at, quickly even in a quarter of a million rows.

Rows of equal modules share one description, so a rule looks at distinct descriptions first, and at rows only where
there is something to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import compress
from typing import Any

from torch import Tensor, nn

from inspector.catalogue import CATALOGUE
from inspector.engine.class_text import assignment, class_place, is_users
from inspector.engine.examination import Own
from inspector.engine.failure import sendable
from inspector.engine.forms import Form
from inspector.engine.kinds import is_a
from inspector.engine.sharing import Sharing
from inspector.engine.structure import Structure
from inspector.run_schema import Finding
from inspector.schema import Kind, Outline, Source

_SELECTED = {kind: bytes(int(index == kind) for index in range(256)) for kind in Kind}
"""For `bytes.translate`: 1 where a row is of a kind."""


class Anatomy:
    """The rows of one model with the live objects that they stand for."""

    def __init__(self, model: nn.Module, structure: Structure, device: str = "cpu", origin: Source | None = None):
        self.model = model
        self.device = device
        """Where the model was asked to be."""
        self.origin = origin
        """Where the user's file defines the model."""
        self.outline: Outline = structure.outline
        describer = structure.describer
        self.kinds: bytes = describer.kinds
        self.flags: memoryview = describer.flags
        self.parents: memoryview = describer.parents
        self.told: list[Any] = describer.told
        self.things: list[Any] = describer.things
        self.sharing: Sharing = describer.sharing
        self.path = describer.path
        self._names = (describer.names, describer.name_indices)
        self.sizes = memoryview(self.outline.size).cast("I")
        self.elements = memoryview(self.outline.elements).cast("Q")
        self.trainable = memoryview(self.outline.trainable).cast("Q")
        self.buffers = memoryview(self.outline.buffers).cast("Q")
        self._places: dict[int, Source | None] = {}

    # --- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, kind: Kind) -> list[int]:
        """Every row of a kind."""
        return list(compress(range(len(self.kinds)), self.kinds.translate(_SELECTED[kind])))

    @cached_property
    def module_rows(self) -> list[int]:
        """The first row of every module."""
        return self.rows(Kind.MODULE)

    @cached_property
    def distinct(self) -> dict[Own, int]:
        """Every distinct description of a module, and the first row that has it."""
        rows = self.module_rows
        owns = list(compress(self.told, self.kinds.translate(_SELECTED[Kind.MODULE])))
        return dict(zip(reversed(owns), reversed(rows), strict=True))

    def rows_of(self, owns: Iterable[Own]) -> list[int]:
        """Every module that has one of these descriptions."""
        wanted = set(owns)
        return [row for row in self.module_rows if self.told[row] in wanted] if wanted else []

    def children(self, row: int) -> Iterator[int]:
        """The rows directly below one."""
        child, end = row + 1, row + self.sizes[row]
        while child < end:
            yield child
            child += self.sizes[child]

    def module(self, row: int) -> nn.Module:
        """The module of a module's row."""
        module: nn.Module = self.things[row]
        return module

    def module_of(self, row: int) -> int:
        """The row of the module that holds a tensor or a ghost."""
        row = self.parents[row]
        while self.kinds[row] not in (Kind.MODULE, Kind.SHARED, Kind.CYCLE):
            row = self.parents[row]
        return row

    def tensors(self) -> Iterator[tuple[int, Tensor, Form]]:
        """Every parameter and buffer at the first place where it stands."""
        tied = self.sharing.tied
        for kind in (Kind.PARAMETER, Kind.BUFFER):
            for row in self.rows(kind):
                if row not in tied and is_a(self.things[row], Tensor):
                    yield row, self.things[row], self.told[row]

    def own_name(self, row: int) -> str:
        """The last part of a row's path."""
        names, indices = self._names
        return names[indices[row]]

    def name(self, row: int) -> str:
        """What a sentence calls a row: its path, the model itself by its class."""
        return sendable(self.path(row)) or sendable(type(self.model).__name__)

    # --- lines --------------------------------------------------------------------------------------------------------

    def place(self, row: int) -> Source | None:
        """The line of the user's that made a row: where a class of theirs assigned it, or what it stands in."""
        if row not in self._places:
            self._places[row] = self._find_place(row)
        return self._places[row]

    def _find_place(self, row: int) -> Source | None:
        below = row
        while row:
            row = self.module_of(row)
            cls = type(self.things[row])
            if is_users(cls):
                path, own = self.path(below), self.path(row)
                name = path[len(own) :].removeprefix(".") if own else path
                return assignment(cls, name.partition(".")[0].partition("[")[0]) or class_place(cls)
        return class_place(type(self.model)) or self.origin

    # --- what is said -------------------------------------------------------------------------------------------------

    def finding(
        self, name: str, row: int, message: str, fix: str = "", source: Source | None = None, path: str | None = None
    ) -> Finding:
        """What a rule noticed about a row, or about something in it that has no row of its own, as it is told."""
        return Finding(
            id=name,
            severity=CATALOGUE[name].severity,
            row=row,
            path=sendable(self.path(row) if path is None else path),
            message=sendable(message),
            fix=sendable(fix),
            source=source if source is not None else self.place(row),
        )
