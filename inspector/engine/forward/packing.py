"""Calls → the records that cross to a front end: one `Trace`, and the `CallRecord`s in chunks."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from inspector.engine.forward.calls import Call
from inspector.messages import CHUNK_ROWS, CallsDescribed
from inspector.run_schema import CallRecord, Trace

_pack_calls = msgspec.msgpack.Encoder().encode
_MOST_NAMES = 1 << 16


def trace_of(calls: Sequence[Call]) -> Trace:
    """What a table needs of every call."""
    parents = [call.parent.index if call.parent is not None else 0 for call in calls]
    names: dict[str, int] = {"": 0}
    indices = [names.setdefault(call.name, min(len(names), _MOST_NAMES - 1)) for call in calls]
    return Trace(
        count=len(calls),
        names=tuple(names)[:_MOST_NAMES],
        row=_column("I", (call.row for call in calls)),
        parent=_column("I", parents),
        size=_column("I", _summed([1] * len(calls), parents)),
        name=_column("H", indices),
        kind=bytes(call.kind for call in calls),
        state=bytes(call.state for call in calls),
        number=_column("I", (call.number for call in calls)),
        seconds=_column("d", (call.seconds for call in calls)),
        spread=_column("d", (call.spread for call in calls)),
        flops=_column("Q", _summed([call.own_flops for call in calls], parents)),
        memory=_column("Q", (call.memory for call in calls)),
    )


def described(calls: Sequence[Call]) -> Iterator[CallsDescribed]:
    """The records of all calls, a chunk at a time."""
    for first in range(0, len(calls), CHUNK_ROWS):
        records = [record_of(call) for call in calls[first : first + CHUNK_ROWS]]
        yield CallsDescribed(first, _pack_calls(records), len(records))


def record_of(call: Call) -> CallRecord:
    """What a table does not need of a call."""
    return CallRecord(call.inputs, call.outputs, call.source, call.notes)


def _summed(own: list[int], parents: list[int]) -> list[int]:
    """Numbers of the calls themselves → with everything in them: a call comes after the one around it."""
    for index in range(len(own) - 1, 0, -1):
        own[parents[index]] += own[index]
    return own


def _column(typecode: str, values: Iterable[int] | Iterable[float]) -> bytes:
    return array(typecode, values).tobytes()
