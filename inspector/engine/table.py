"""The rows of a model under construction and after: one list a column, and beside each row what it stands for."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Any

from inspector.engine.forms import EVAL, FROZEN, LAZY, META, TRAIN, TRAINABLE, single
from inspector.schema import Flag, Kind
from inspector.wire import encodable


@dataclass(slots=True)
class Line:
    """One row before it has its place."""

    name: str
    kind: Kind
    told: Any
    """What its record is made from: an Own, a Form, a Made, a Ghost or a Fold."""
    thing: Any = None
    """The module or tensor itself; an int is the position among the module's tensors."""
    parent: int = 0
    """Row of its parent, counted from the module's own row."""
    size: int = 1
    type: int = 0
    flags: int = 0
    dtype: int = 0
    device: int = 0
    elements: int = 0
    trainable: int = 0
    buffers: int = 0
    held: int = 0
    signature: int = 0
    bits: int = 0
    """For rows of modules: what the module itself contains, as the bits of `forms`."""


_COLUMNS = (
    "kind", "size", "type", "flags", "dtype", "device", "elements", "trainable", "buffers", "held", "signature", "bits",
    "told",
)  # fmt: skip
_columns_of = attrgetter(*_COLUMNS)
_ENUMERATED = (_COLUMNS.index("kind"), _COLUMNS.index("flags"))


class Chunk:
    """The rows of one module in itself, column by column, ready to be appended wherever such a module stands."""

    __slots__ = ("columns", "count", "flat", "lines", "names", "rows_of_tensors")

    def __init__(self, lines: Sequence[Line], names: Sequence[int]) -> None:
        self.lines = lines
        self.names = names
        self.count = len(lines)
        columns: list[tuple[Any, ...]] = list(zip(*map(_columns_of, lines), strict=True))
        for index in _ENUMERATED:  # plain integers: arithmetic on enum members takes ten times as long
            columns[index] = tuple(map(int, columns[index]))
        self.columns = tuple(columns)
        below = lines[1:]
        self.flat = all(
            line.parent == 0 and type(line.thing) is int and line.thing == slot for slot, line in enumerate(below)
        )
        """Whether the rows below the first are the module's tensors in their order, and nothing else."""
        rows = {line.thing: row for row, line in enumerate(lines) if type(line.thing) is int}
        self.rows_of_tensors = [rows[slot] for slot in sorted(rows)]
        """Row of each of the module's tensors, counted from the module's own."""


class Table:
    """All rows, in preorder."""

    def __init__(self) -> None:
        self.name_indices: dict[str, int] = {}
        self.names: list[int] = []
        self.parents: list[int] = []
        self.things: list[Any] = []
        """Module or tensor of each row; None for a run, a container of ghosts and a tensor that is made."""
        self.columns: tuple[list[Any], ...] = tuple([] for _ in _COLUMNS)
        (
            self.kinds,
            self.sizes,
            self.types,
            self.flags,
            self.dtypes,
            self.devices,
            self.elements,
            self.trainable,
            self.buffers,
            self.held,
            self.signatures,
            self.bits,
            self.told,
        ) = self.columns

    def __len__(self) -> int:
        return len(self.kinds)

    def index_of_name(self, name: object) -> int:
        """Where a row name stands among the distinct names."""
        index = self.name_indices.get(name)  # type: ignore[call-overload]
        if index is None:
            index = self.name_indices.setdefault(encodable(str(name)), len(self.name_indices))
        return int(index)

    def chunk(self, lines: Sequence[Line]) -> Chunk:
        """Prepare the rows of one module; the first is the module's own."""
        return Chunk(lines, [self.index_of_name(line.name) for line in lines])

    def append(self, chunk: Chunk, parent: int, module: Any, tensors: Sequence[Any]) -> int:
        """Append the rows of a module, and return the row of the module itself."""
        row = len(self.kinds)
        deque(map(list.extend, self.columns, chunk.columns), maxlen=0)
        self.names.extend(chunk.names)
        self.parents.append(parent)
        self.things.append(module)
        if chunk.flat:
            self.parents.extend(repeat(row, chunk.count - 1))
            self.things.extend(tensors)
        else:
            for line in chunk.lines[1:]:
                self.parents.append(row + line.parent)
                self.things.append(tensors[line.thing] if type(line.thing) is int else line.thing)
        return row

    def sum_up(self, nodes: list[int], above: list[int]) -> None:
        """Add every module's numbers to those of the one above it, last to first.

        nodes: rows of modules and runs in preorder; above: for each, the row that counts it in.
        """
        elements, trainable, buffers, held, bits = self.elements, self.trainable, self.buffers, self.held, self.bits
        for row, up in zip(reversed(nodes), reversed(above), strict=True):
            if row != up:
                elements[up] += elements[row]
                trainable[up] += trainable[row]
                buffers[up] += buffers[row]
                held[up] += held[row]
                bits[up] |= bits[row]

    def decide(self, nodes: list[int]) -> None:
        """Turn the bits of every module into flags, dtype and device."""
        meanings: dict[int, tuple[int, int, int]] = {}
        flags, dtypes, devices, all_bits = self.flags, self.dtypes, self.devices, self.bits
        for row in nodes:
            bits = all_bits[row]
            meaning = meanings.get(bits)
            if meaning is None:
                meaning = meanings[bits] = (_flags(bits), *single(bits))
            flags[row] |= meaning[0]
            dtypes[row], devices[row] = meaning[1], meaning[2]


def _flags(bits: int) -> int:
    flags = 0
    for bit, flag in ((TRAINABLE, Flag.TRAINABLE), (FROZEN, Flag.FROZEN), (LAZY, Flag.LAZY), (META, Flag.META)):
        if bits & bit:
            flags |= flag
    if bits & TRAIN and bits & EVAL:
        flags |= Flag.MIXED_MODE
    return int(flags)


def packed(typecode: str, column: Sequence[int]) -> bytes:
    """A column as the bytes of an array in this machine's byte order."""
    return array(typecode, column).tobytes()
