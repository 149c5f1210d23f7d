"""The calls of a run as a front end holds them: columns in arrays, records decoded for calls that are looked at."""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec

from inspector.messages import CHUNK_ROWS, CallsDescribed
from inspector.run_schema import CallKind, CallRecord, CallState, Trace

_decode_calls = msgspec.msgpack.Decoder(list[CallRecord]).decode
_DECODED_CHUNKS = 64


class RunTable:
    """Calls 0 … count-1 in preorder; call 0 is the model's own."""

    def __init__(self, trace: Trace) -> None:
        self.count = trace.count
        self.names = trace.names
        self.row = _column("I", trace.row)
        self.parent = _column("I", trace.parent)
        self.size = _column("I", trace.size)
        self.name_index = _column("H", trace.name)
        self.kinds = trace.kind
        self.states = trace.state
        self.number = _column("I", trace.number)
        self.seconds = _reals(trace.seconds)
        self.spread = _reals(trace.spread)
        self.flops = _column("Q", trace.flops)
        self.memory = _column("Q", trace.memory)
        self._packed: dict[int, bytes] = {}
        self._decoded: OrderedDict[int, list[CallRecord]] = OrderedDict()

    def add(self, event: CallsDescribed) -> None:
        """Take in the records of a whole aligned chunk of calls; they stay packed."""
        self._packed[event.first // CHUNK_ROWS] = event.calls

    def record(self, call: int) -> CallRecord | None:
        """What flowed through one call; None while its record has not arrived."""
        chunk = call // CHUNK_ROWS
        records = self._decoded.get(chunk)
        if records is None:
            if (packed := self._packed.get(chunk)) is None:
                return None
            records = self._decoded[chunk] = _decode_calls(packed)
            if len(self._decoded) > _DECODED_CHUNKS:
                self._decoded.popitem(last=False)
        return records[call - chunk * CHUNK_ROWS]

    # --- facts of one call ----------------------------------------------------------------------------------------

    def name(self, call: int) -> str:
        """What an operation is called; "" for a module."""
        return self.names[self.name_index[call]]

    def is_module(self, call: int) -> bool:
        return self.kinds[call] == CallKind.MODULE

    def state(self, call: int) -> CallState:
        return _STATES[self.states[call]]

    def end(self, call: int) -> int:
        """One past the last call that this one made, or that these made."""
        return call + self.size[call]

    def children(self, call: int) -> Iterator[int]:
        """The calls that this one made itself, in order."""
        child, end = call + 1, self.end(call)
        while child < end:
            yield child
            child += self.size[child]

    def own_seconds(self, call: int) -> float:
        """Time of a call that none of the calls in it took; NaN where it was not timed."""
        inside = (self.seconds[child] for child in self.children(call))
        return self.seconds[call] - sum(taken for taken in inside if not math.isnan(taken))

    def own_flops(self, call: int) -> int:
        """FLOPs of a call that none of the calls in it took."""
        return self.flops[call] - sum(self.flops[child] for child in self.children(call))

    def depth(self, call: int) -> int:
        """How many calls stand around it."""
        depth = 0
        while call:
            call = self.parent[call]
            depth += 1
        return depth

    # --- the calls of a row ---------------------------------------------------------------------------------------

    @cached_property
    def _of_rows(self) -> dict[int, array[int]]:
        found: dict[int, array[int]] = {}
        kinds, module = self.kinds, int(CallKind.MODULE)
        for call, row in enumerate(self.row):
            if kinds[call] == module:
                if row in found:
                    found[row].append(call)
                else:
                    found[row] = array("I", (call,))
        return found

    def calls_of(self, row: int) -> array[int]:
        """The calls of the module at a row, in order; empty when it was not called."""
        return self._of_rows.get(row, _NONE)

    def called_rows(self) -> Iterable[int]:
        """The rows of all modules that were called."""
        return self._of_rows.keys()

    def outermost_calls_of(self, row: int) -> list[int]:
        """The calls of the module at a row that are in no other call of it: what may be added up."""
        found: list[int] = []
        for call in self.calls_of(row):
            if not found or call >= self.end(found[-1]):
                found.append(call)
        return found

    def operations_of(self, row: int) -> list[int]:
        """What the module's own forward called beside modules, in its first call."""
        calls = self.calls_of(row)
        return [child for child in self.children(calls[0]) if not self.is_module(child)] if calls else []


def _column(typecode: str, data: bytes) -> array[int]:
    column: array[int] = array(typecode)
    column.frombytes(data)
    return column


def _reals(data: bytes) -> array[float]:
    column: array[float] = array("d")
    column.frombytes(data)
    return column


_NONE: array[int] = array("I")
_STATES = tuple(CallState)
