"""A run in the JSON document: inputs, what flowed through every module, the calls in order, findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from inspector.format import literal
from inspector.run_rows import RunRows
from inspector.run_schema import CallState, Finding, InputSet, RunRecord, SampleArgument, Seen, Warned
from inspector.run_table import RunTable
from inspector.schema import Argument, Source, TensorStats

Fields = dict[str, Any]

TRACE_CALLS = 10_000
"""Calls that a document lists; it says how many more there were."""


# --- inputs -----------------------------------------------------------------------------------------------------------


def inputs(chosen: InputSet | None) -> Fields:
    """What went into the model; of origin none why nothing did."""
    chosen = chosen or InputSet("none")
    return {
        "origin": chosen.origin,
        "args": [_given(each) for each in chosen.arguments if not each.keyword],
        "kwargs": {literal(each.name): _given(each) for each in chosen.arguments if each.keyword},
        "reason": literal(chosen.reason),
        "where": literal(chosen.where),
        "command": literal(chosen.command),
        "signature": [argument(each) for each in chosen.signature],
    }


def _given(given: SampleArgument) -> Fields:
    return {
        "name": literal(given.name),
        "text": literal(given.text),
        "reason": literal(given.reason),
        "values": [value(seen) for seen in given.values],
    }


def argument(described: Argument) -> Fields:
    """One argument of a signature."""
    fields = msgspec.structs.asdict(described)
    return {name: literal(text) if isinstance(text, str) else text for name, text in fields.items()}


# --- values -----------------------------------------------------------------------------------------------------------


def value(seen: Seen) -> Fields | str:
    """A tensor as an object; what is none as text."""
    if seen.shape is None:
        return literal(seen.text)
    return {
        "path": literal(seen.path),
        "shape": list(seen.shape),
        "dtype": literal(seen.dtype),
        "device": literal(seen.device),
        "kind": literal(seen.text),
        "strides": None if seen.strides is None else list(seen.strides),
        "bytes": seen.bytes,
        "stats": None if seen.stats is None else _stats(seen.stats),
    }


def _stats(stats: TensorStats) -> Fields:
    fields = msgspec.structs.asdict(stats)
    del fields["histogram"]
    return {**fields, "note": literal(stats.note)}


# --- modules ----------------------------------------------------------------------------------------------------------

UNKNOWN: Fields = {
    "calls": None, "inputs": [], "outputs": [], "flops": None, "seconds": None, "memory_bytes": None,
}  # fmt: skip
"""What is known of a module that nobody ran."""


def of_module(rows: RunRows, row: int) -> Fields:
    """The sums over a module's calls, and what flowed through the last of them."""
    last, cost, calls = rows.last(row), rows.cost(row), rows.calls(row)
    counted = rows.record is not None and rows.record.flops_by
    return {
        "calls": calls,
        "inputs": [value(seen) for seen in last.inputs] if last is not None else [],
        "outputs": [value(seen) for seen in last.outputs] if last is not None else [],
        "flops": cost.flops if counted else None,
        "seconds": timed(cost.seconds),
        "memory_bytes": cost.memory,
    }


def timed(seconds: float) -> float | None:
    """None of what nobody timed."""
    return None if seconds != seconds else seconds


# --- the run ----------------------------------------------------------------------------------------------------------


def run(record: RunRecord, rows: RunRows | None) -> Fields:
    """What came of the run, with its calls in the order in which they began."""
    calls = rows.run.count if rows is not None else 0
    return {
        "mode": record.mode,
        "dry": record.dry,
        "device": literal(record.device),
        "seed": record.seed,
        "ok": record.ok,
        "seconds": timed(record.seconds),
        "spread": timed(record.spread),
        "repeats": record.repeats,
        "outputs": [value(seen) for seen in record.outputs],
        "flops_by": record.flops_by,
        "peak_bytes": record.peak_bytes,
        "training_bytes": record.training_bytes,
        "calls": record.calls,
        "operations": record.operations,
        "uncalled_but_used": [literal(rows.table.path(row)) for row in record.uncalled_but_used] if rows else [],
        "warnings": [warning(each) for each in record.warnings],
        "notes": [literal(note, lines=True) for note in record.notes],
        "guard": literal(record.guard),
        "changed": [literal(change, lines=True) for change in record.changed],
        "trace": list(_trace(rows)) if rows is not None else [],
        "trace_left_out": max(0, calls - TRACE_CALLS),
    }


def warning(warned: Warned) -> Fields:
    """A Python warning."""
    return {
        "category": literal(warned.category),
        "text": literal(warned.text, lines=True),
        "source": source(warned.source),
        "times": warned.times,
    }


def source(place: Source | None) -> Fields | None:
    """A line of a file."""
    if place is None:
        return None
    return {"file": literal(place.file), "line": place.line, "code": literal(place.code)}


def _trace(rows: RunRows) -> Iterator[Fields]:
    """The first calls; shapes alone, because the last call of every module stands with it whole."""
    calls = rows.run
    for call in range(min(calls.count, TRACE_CALLS)):
        record = calls.record(call)
        yield {
            "parent": None if call == 0 else calls.parent[call],
            "path": literal(rows.table.path(calls.row[call])),
            "operation": None if calls.is_module(call) else literal(calls.name(call)),
            "call": calls.number[call],
            "state": _STATES[calls.state(call)],
            "line": source(record.source) if record is not None else None,
            "inputs": [_shape(seen) for seen in record.inputs] if record is not None else [],
            "outputs": [_shape(seen) for seen in record.outputs] if record is not None else [],
            "seconds": timed(rows.seconds(call)),
            "flops": _flops(calls, call, rows.record),
            "memory_bytes": calls.memory[call],
            "notes": [literal(note) for note in record.notes] if record is not None else [],
        }


def _flops(calls: RunTable, call: int, record: RunRecord | None) -> int | None:
    return calls.flops[call] if record is not None and record.flops_by else None


def _shape(seen: Seen) -> list[int] | str:
    return list(seen.shape) if seen.shape is not None else literal(seen.text)


_STATES = {CallState.DONE: "done", CallState.FAILED: "failed", CallState.UNWOUND: "unwound"}


# --- findings ---------------------------------------------------------------------------------------------------------


def finding(found: Finding) -> Fields:
    """A fault that was noticed."""
    words = ("path", "message", "fix", "received", "expected", "producer")
    return {
        "id": found.id,
        "severity": found.severity,
        **{word: literal(getattr(found, word), lines=True) for word in words},
        "source": source(found.source),
        "call": None if found.call < 0 else found.call,
    }
