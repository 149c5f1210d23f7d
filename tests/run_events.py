"""Runs made by hand, so that tables, trees and reports can be tested without torch and without a run.

A run is written as it is nested: `called("", called("fc1", out=(2, 120)), operation("F.relu", out=(2, 120)))`; rows are
found by their paths in a model made with `tests.fake_model`.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from inspector.messages import CHUNK_ROWS, CallsDescribed, EngineEvent, InputsChosen, RunFinished, RunTraced
from inspector.run_rows import RunRows
from inspector.run_schema import (
    CallKind,
    CallRecord,
    CallState,
    Finding,
    InputSet,
    RunRecord,
    SampleArgument,
    Seen,
    Trace,
)
from inspector.run_table import RunTable
from inspector.schema import Kind, Source
from inspector.table import ModelTable
from tests.fake_model import Node, described, outline

FILE = "/home/me/model.py"
Values = tuple[Seen, ...]


@dataclass
class Called:
    """One call to be, with the calls in it."""

    path: str
    """Of a module: its dotted path. Of an operation: its name."""
    kind: CallKind = CallKind.MODULE
    inputs: Values = ()
    outputs: Values = ()
    inside: list[Called] = field(default_factory=list)
    own_flops: int = 0
    seconds: float = math.nan
    memory: int = 0
    line: int = 0
    state: CallState = CallState.DONE
    notes: tuple[str, ...] = ()

    def calls(self) -> Iterator[Called]:
        yield self
        for call in self.inside:
            yield from call.calls()

    def flops(self) -> int:
        return self.own_flops + sum(call.flops() for call in self.inside)


def tensor(*shape: int, path: str = "", dtype: str = "float32", **more: Any) -> Seen:
    """A tensor that was seen."""
    return Seen(path, shape, dtype, "cpu", bytes=4 * math.prod(shape), **more)


def called(path: str, *inside: Called, out: tuple[int, ...] | None = None, **more: Any) -> Called:
    """The call of a module; `out` is the shape of its lone result."""
    outputs = (tensor(*out),) if out is not None else more.pop("outputs", ())
    return Called(path, CallKind.MODULE, outputs=outputs, inside=list(inside), **more)


def operation(name: str, *inside: Called, out: tuple[int, ...] | None = None, **more: Any) -> Called:
    """The call of a function of torch."""
    outputs = (tensor(*out),) if out is not None else more.pop("outputs", ())
    return Called(name, CallKind.OPERATION, outputs=outputs, inside=list(inside), **more)


def guessed(name: str, *shape: int, reason: str = "conv1 takes 1 channel, fc1 wants 576") -> InputSet:
    """A guess at one tensor."""
    text = f"{name}={'x'.join(map(str, shape))}"
    given = SampleArgument(name, False, text, (tensor(*shape, path=name),), reason)
    return InputSet("guessed", (given,), reason, command=f"nn-inspect model.py --input {text}")


def record(root: Called, inputs: InputSet, **more: Any) -> RunRecord:
    """What came of a run; everything that follows from its calls is counted."""
    calls = list(root.calls())
    facts = {
        "mode": "eval", "dry": False, "device": "cpu", "seed": 0, "ok": root.state is CallState.DONE,
        "outputs": root.outputs, "seconds": 0.0123, "repeats": 1, "flops": root.flops(), "flops_by": "run",
        "calls": sum(call.kind is CallKind.MODULE for call in calls),
        "operations": sum(call.kind is CallKind.OPERATION for call in calls),
        "guard": "left as found: 10 tensors, 6 modes, hooks, RNG",
    }  # fmt: skip
    return RunRecord(inputs=inputs, **{**facts, **more})


def trace(table: ModelTable, root: Called) -> Trace:
    """The columns of a run."""
    calls = list(root.calls())
    place = {id(call): index for index, call in enumerate(calls)}
    parents = [0] * len(calls)
    for call in calls:
        for inner in call.inside:
            parents[place[id(inner)]] = place[id(call)]
    rows, seen = _rows(table, calls, parents), Counter[str]()
    numbers = []
    for call in calls:
        seen[call.path] += call.kind is CallKind.MODULE
        numbers.append(seen[call.path] if call.kind is CallKind.MODULE else 0)
    names = ("", *dict.fromkeys(call.path for call in calls if call.kind is CallKind.OPERATION))
    of_names = [names.index(call.path) if call.kind is CallKind.OPERATION else 0 for call in calls]
    return Trace(
        count=len(calls),
        names=names,
        row=array("I", rows).tobytes(),
        parent=array("I", parents).tobytes(),
        size=array("I", [sum(1 for _ in call.calls()) for call in calls]).tobytes(),
        name=array("H", of_names).tobytes(),
        kind=bytes(call.kind for call in calls),
        state=bytes(call.state for call in calls),
        number=array("I", numbers).tobytes(),
        seconds=array("d", [call.seconds for call in calls]).tobytes(),
        spread=array("d", [math.nan for _ in calls]).tobytes(),
        flops=array("Q", [call.flops() for call in calls]).tobytes(),
        memory=array("Q", [call.memory for call in calls]).tobytes(),
    )


def _rows(table: ModelTable, calls: list[Called], parents: list[int]) -> list[int]:
    """The row of every call; an operation has that of the module whose forward made it."""
    paths = {table.path(row): row for row in reversed(range(table.count)) if not _is_tensor(table, row)}
    rows: list[int] = []
    for call, parent in zip(calls, parents, strict=True):
        rows.append(table.first_place(paths[call.path]) if call.kind is CallKind.MODULE else rows[parent])
    return rows


def _is_tensor(table: ModelTable, row: int) -> bool:
    return table.kinds[row] in (Kind.PARAMETER, Kind.BUFFER, Kind.MADE)


def calls_described(root: Called) -> list[CallsDescribed]:
    """The records of all calls, in chunks."""
    records = [_record(call) for call in root.calls()]
    starts = range(0, len(records), CHUNK_ROWS)
    return [_chunk(first, records[first : first + CHUNK_ROWS]) for first in starts]


def _chunk(first: int, records: list[CallRecord]) -> CallsDescribed:
    return CallsDescribed(first, msgspec.msgpack.encode(records), len(records))


def _record(call: Called) -> CallRecord:
    source = Source(FILE, call.line, f"line {call.line}") if call.line else None
    return CallRecord(call.inputs, call.outputs, source, call.notes)


def events(table: ModelTable, root: Called, inputs: InputSet, **more: Any) -> list[EngineEvent]:
    """What an engine tells about a run."""
    return [
        InputsChosen(inputs),
        RunTraced(trace(table, root)),
        *calls_described(root),
        RunFinished(record(root, inputs, **more)),
    ]


def table_of(root: Node) -> ModelTable:
    """A model made by hand, as a front end holds it."""
    table = ModelTable(outline(root))
    for event in described(root):
        table.add(event)
    return table


def rows_of(table: ModelTable, root: Called, inputs: InputSet | None = None, **more: Any) -> RunRows:
    """A run made by hand, joined to its model."""
    run = RunTable(trace(table, root))
    for event in calls_described(root):
        run.add(event)
    return RunRows(table, run, record(root, inputs or InputSet("given"), **more))


def lenet_run() -> Called:
    """A run of `fake_model.lenet()`."""
    return called(
        "",
        called("conv1", out=(2, 6, 28, 28), inputs=(tensor(2, 1, 32, 32),), own_flops=470_400, seconds=0.001, line=18),
        operation("F.relu", out=(2, 6, 28, 28), line=18),
        operation("F.max_pool2d", out=(2, 6, 14, 14), line=18),
        called("conv2", out=(2, 16, 12, 12), own_flops=497_664, seconds=0.002, line=19),
        operation("F.relu", out=(2, 16, 12, 12), line=19),
        operation("F.max_pool2d", out=(2, 16, 6, 6), line=19),
        operation("view", out=(2, 576), line=20, notes=("a view of its input",)),
        called("fc1", out=(2, 120), inputs=(tensor(2, 576),), own_flops=276_480, seconds=0.0005, line=21),
        called("fc2", out=(2, 84), own_flops=40_320, seconds=0.0003, line=22),
        called("fc3", out=(2, 10), own_flops=3_360, seconds=0.0002, line=23),
        out=(2, 10),
        inputs=(tensor(2, 1, 32, 32, path="x"),),
        seconds=0.0123,
    )


def failed_run() -> Called:
    """The same, stopped in fc1, which got 2×400."""
    whole = lenet_run()
    whole.inside = whole.inside[:8]
    whole.inside[-1].outputs, whole.inside[-1].state = (), CallState.FAILED
    whole.inside[-1].inputs = (tensor(2, 400, maker=7),)
    whole.state, whole.outputs, whole.seconds = CallState.UNWOUND, (), math.nan
    return whole


def features(row: int = 9) -> Finding:
    """What is said of `failed_run`."""
    return Finding(
        id="NN201",
        severity="error",
        row=row,
        path="fc1",
        message="fc1 expects 576 features, got 400 = 16×5×5",
        fix="Linear(400, 120), or an input of 32×32",
        source=Source(FILE, 21, "x = F.relu(self.fc1(x))"),
        received="2×400   = 16×5×5 of max_pool2d, flattened at :20",
        expected="2×576",
        producer="view (model.py:20)",
        call=8,
    )
