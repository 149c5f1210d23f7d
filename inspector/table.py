"""The model's rows as a front end holds them: columns in arrays, records decoded only for rows that are looked at.

A quarter of a million rows take about 60 bytes each here, and nothing but a lookup touches them one by one.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec

from inspector.messages import CHUNK_ROWS, RowsDescribed
from inspector.run_table import RunTable
from inspector.schema import Flag, Kind, ModuleRow, OperationRow, Outline, Row, TensorRow, Totals, TypeRecord

_decode_rows = msgspec.msgpack.Decoder(list[Row]).decode
_DECODED_CHUNKS = 64

_ELIDED = int(Flag.ELIDED)
"""As a plain number: an operation with a Flag makes a Flag, which takes ten times as long."""

_UNSPOKEN = (Kind.RUN, Kind.MADE, Kind.OPERATION)
"""Rows that stand between an object and its parent in the tree but not in its path."""


class ModelTable:
    """Rows 0 … count-1 in preorder; row 0 is the root.

    What a run told of may be attached: then the functions that a module's forward called are rows from `count` on,
    grown when somebody asks for the children of that module.
    """

    def __init__(self, outline: Outline) -> None:
        self.count = outline.count
        self.totals: Totals = outline.totals
        self.names = outline.names
        self.types: tuple[TypeRecord, ...] = outline.types
        self.dtypes = outline.dtypes
        self.devices = outline.devices
        self.parent = _column("I", outline.parent)
        self.size = _column("I", outline.size)
        self.name_index = _column("I", outline.name)
        self.type_index = _column("I", outline.type)
        self.kinds = bytearray(outline.kind)
        self.flags = _column("H", outline.flags)
        self.dtype_index = bytearray(outline.dtype)
        self.device_index = bytearray(outline.device)
        self.elements = _column("Q", outline.elements)
        self.trainable = _column("Q", outline.trainable)
        self.buffers = _column("Q", outline.buffers)
        self.held = _column("Q", outline.held)
        self.signature = _column("q", outline.signature)
        self._numbers = (self.elements, self.trainable, self.buffers, self.held)
        self._packed: dict[int, bytes] = {}
        self._decoded: OrderedDict[int, list[Row]] = OrderedDict()
        self._single: dict[int, Row] = {}
        self.run: RunTable | None = None
        """The run that is attached."""
        self._operations: dict[int, range] = {}
        """Row of a module → rows of what its forward called."""
        self._calls: list[int] = []
        """Of the rows from `count` on: their calls in the run."""

    def set_flags(self, flags: bytes) -> None:
        """Take in other flags of all rows, as when modules change their modes."""
        given = _column("H", flags)
        self.flags[: self.count] = given[: self.count]

    # --- what a run told --------------------------------------------------------------------------------------------

    def attach(self, run: RunTable | None) -> None:
        """Take what a run told, in place of what one before it told; the rows of its operations end."""
        self.run = run
        self._operations.clear()
        self._calls.clear()
        own: array[int]
        for own in (self.parent, self.size, self.type_index, self.flags, *self._numbers):
            del own[self.count :]
        for narrow in (self.kinds, self.dtype_index, self.device_index):
            del narrow[self.count :]

    def operations(self, row: int) -> range:
        """The rows of what the module's own forward called in its first call, beside modules, in that order."""
        if self.run is None or self.kinds[row] != Kind.MODULE:
            return _NO_ROWS
        known = self._operations.get(row)
        if known is None:
            known = self._operations[row] = self._grow(row, self.run.operations_of(row))
        return known

    def _grow(self, row: int, calls: list[int]) -> range:
        first, more = len(self.parent), len(calls)
        self._calls += calls
        self.parent.extend([row] * more)
        self.size.extend([1] * more)
        self.type_index.extend([self.type_index[row]] * more)
        self.flags.extend([self.flags[row] & _MODE] * more)
        for column in self._numbers:
            column.extend([0] * more)
        self.kinds += bytes([Kind.OPERATION]) * more
        self.dtype_index += bytes(more)
        self.device_index += bytes(more)
        return range(first, first + more)

    def call_of(self, row: int) -> int | None:
        """The call that a row stands for: that of an operation, or the last one of a module; None when not called."""
        if self.run is None:
            return None
        if row >= self.count:
            return self._calls[row - self.count]
        calls = self.run.calls_of(self.first_place(row))
        return calls[-1] if calls else None

    def place(self, row: int) -> tuple[int, int]:
        """What orders the rows of the plain tree: operations stand below everything that is registered."""
        if row < self.count:
            return row, 0
        parent = self.parent[row]
        # Of two modules that end together the inner one's operations come first; a module begins later than it is deep.
        return self.end(parent) - 1, (self.count - parent) * _MOST_CALLS + row

    # --- records ------------------------------------------------------------------------------------------------

    def add(self, event: RowsDescribed) -> None:
        """Take in the records of some rows: whole aligned chunks stay packed, single ones are decoded."""
        if event.first % CHUNK_ROWS == 0 and event.count == min(CHUNK_ROWS, self.count - event.first):
            self._packed[event.first // CHUNK_ROWS] = event.rows
        else:
            self._single.update(enumerate(_decode_rows(event.rows), event.first))

    def row(self, index: int) -> Row | None:
        """The record of one row; None while it has not arrived."""
        if index >= self.count:
            return OperationRow(self._calls[index - self.count])
        chunk = index // CHUNK_ROWS
        rows = self._decoded.get(chunk)
        if rows is None:
            if (packed := self._packed.get(chunk)) is None:
                return self._single.get(index)
            rows = self._decoded[chunk] = _decode_rows(packed)
            if len(self._decoded) > _DECODED_CHUNKS:
                self._decoded.popitem(last=False)
        return rows[index - chunk * CHUNK_ROWS]

    @property
    def complete(self) -> bool:
        """Whether the record of every row is here."""
        return len(self._packed) * CHUNK_ROWS >= self.count

    # --- facts of one row ---------------------------------------------------------------------------------------

    def name(self, row: int) -> str:
        if row >= self.count:
            return "" if self.run is None else self.run.name(self._calls[row - self.count])
        return self.names[self.name_index[row]]

    def kind(self, row: int) -> Kind:
        return _KINDS[self.kinds[row]]

    def has(self, row: int, flag: Flag) -> bool:
        return bool(self.flags[row] & flag)

    def type(self, row: int) -> TypeRecord:
        return self.types[self.type_index[row]]

    def dtype(self, row: int) -> str:
        return self.dtypes[self.dtype_index[row]]

    def device(self, row: int) -> str:
        return self.devices[self.device_index[row]]

    def is_module(self, row: int) -> bool:
        return self.kinds[row] in (Kind.MODULE, Kind.SHARED, Kind.CYCLE)

    def mode(self, row: int) -> str:
        """The mode of a module itself: train or eval."""
        return "train" if self.has(row, Flag.TRAINING) else "eval"

    def frozen(self, row: int) -> bool:
        """Whether there are parameters here and none of them requires grad."""
        return self.flags[row] & (Flag.FROZEN | Flag.TRAINABLE) == Flag.FROZEN

    def counted(self, row: int) -> int:
        """Parameters of the row that are in the model's total."""
        return 0 if self.kinds[row] in (Kind.BUFFER, Kind.GHOST, Kind.MADE) else self.elements[row]

    def is_below(self, other: int, row: int) -> bool:
        """Whether one row stands somewhere below another."""
        place = other if other < self.count else self.parent[other]
        return row < place < self.end(row) or (place == row and other >= self.count)

    # --- places -------------------------------------------------------------------------------------------------

    def end(self, row: int) -> int:
        """One past the last row of the subtree."""
        return row + self.size[row]

    def children(self, row: int) -> Iterator[int]:
        """Rows one level below in registration order; what is below an elided row stands in its place."""
        child, end = row + 1, self.end(row)
        while child < end:
            if self.flags[child] & _ELIDED:
                yield from self.children(child)
            else:
                yield child
            child += self.size[child]
        if self.run is not None:
            yield from self.operations(row)

    def has_children(self, row: int) -> bool:
        """Whether anything stands below a row."""
        return self.size[row] > 1 or bool(self.operations(row))

    def above(self, row: int) -> int:
        """The row that this one is shown below; the root's is itself."""
        parent = self.parent[row]
        while self.flags[parent] & _ELIDED and parent:
            parent = self.parent[parent]
        return parent

    def ancestors(self, row: int) -> list[int]:
        """The rows that this one is shown below, nearest first, the root last."""
        found = []
        while row:
            row = self.above(row)
            found.append(row)
        return found

    def with_ancestors(self, rows: Iterable[int]) -> set[int]:
        """These rows and what they are shown below; at least the root."""
        found = {0}
        for row in rows:
            while row not in found:
                found.add(row)
                row = self.above(row)
        return found

    def path(self, row: int) -> str:
        """The dotted path, spelled as named_modules() and named_parameters() spell it; "" for the root."""
        parts: list[str] = []
        at = row
        while at:
            if self.kinds[at] not in _UNSPOKEN or at == row:
                parts.append(self.name(at))
            at = self.parent[at]
        return join_path(reversed(parts))

    def module_at(self, path: str) -> int | None:
        """The row of a module by its dotted path, as saved or as the user's code calls it; None if none has it."""
        for row in range(self.count):
            if self.is_module(row) and path in (self.path(row), self.short_path(row)):
                return row
        return None

    def short_path(self, row: int) -> str:
        """The path without the steps that only wrappers add (`module.`, `_orig_mod.`): as the user's code calls it."""
        parts: list[str] = []
        at = row
        while at:
            parent = self.parent[at]
            inside = self.flags[parent] & Flag.WRAPPER and self.is_module(at)
            if not inside and (self.kinds[at] not in _UNSPOKEN or at == row):
                parts.append(self.name(at))
            at = parent
        return join_path(reversed(parts))

    def members(self, row: int) -> Iterator[int]:
        """The rows that belong to this one by their path: its children, with runs of blocks taken apart."""
        for child in self.children(row):
            if self.kinds[child] == Kind.RUN:
                yield from self.children(child)
            elif child < self.count:
                yield child

    def trail(self, row: int) -> tuple[str, ...]:
        """The names of members from below the root down to this row."""
        steps = [step for step in [row, *self.ancestors(row)] if step and self.kinds[step] != Kind.RUN]
        return tuple(self.name(step) for step in reversed(steps))

    def follow(self, trail: tuple[str, ...]) -> tuple[int, int]:
        """The row that a trail leads to, or as far as it leads, and how many steps that were."""
        row = 0
        for steps, name in enumerate(trail):
            row_below = next((member for member in self.members(row) if self.name(member) == name), None)
            if row_below is None:
                return row, steps
            row = row_below
        return row, len(trail)

    def first_place(self, row: int) -> int:
        """Of a module or tensor that stands here for the second time the row of its first place, else the row."""
        record = self.row(row)
        if isinstance(record, ModuleRow) and record.same_as is not None:
            return record.same_as
        return record.tied_to if isinstance(record, TensorRow) and record.tied_to is not None else row


def join_path(parts: Iterator[str]) -> str:
    """layers, [0], weight → layers[0].weight"""
    path = ""
    for part in parts:
        path += part if not path or part.startswith("[") else f".{part}"
    return path


def _column(typecode: str, data: bytes) -> array[int]:
    column: array[int] = array(typecode)
    column.frombytes(data)
    return column


_KINDS = tuple(Kind)
_NO_ROWS = range(0)
_MODE = int(Flag.TRAINING)
_MOST_CALLS = 1 << 40
"""More than there are rows."""
