"""The calls of a run as a front end holds them, and as the rows of the model see them."""

from __future__ import annotations

import math

from inspector.messages import CHUNK_ROWS
from inspector.run_rows import Part, RunRows
from inspector.run_schema import CallState
from inspector.run_table import RunTable
from inspector.schema import Kind, ModuleRow
from tests.fake_model import Node, lenet, linear, module, transformer
from tests.run_events import called, calls_described, lenet_run, operation, rows_of, table_of, tensor, trace

LENET = table_of(lenet())
ROWS = {LENET.path(row): row for row in range(LENET.count)}


def run_of() -> RunTable:
    run = RunTable(trace(LENET, lenet_run()))
    for event in calls_described(lenet_run()):
        run.add(event)
    return run


def test_the_first_call_is_the_models_own_and_its_children_come_in_order() -> None:
    run = run_of()
    names = [run.name(call) or LENET.path(run.row[call]) for call in run.children(0)]
    assert names == [
        "conv1", "F.relu", "F.max_pool2d", "conv2", "F.relu", "F.max_pool2d", "view", "fc1", "fc2", "fc3",
    ]  # fmt: skip
    assert run.end(0) == run.count == 11
    assert run.state(0) is CallState.DONE


def test_own_time_is_what_no_call_inside_took() -> None:
    run = RunTable(trace(LENET, called("", called("fc1", seconds=0.25), called("fc2", seconds=0.5), seconds=1.0)))
    assert run.own_seconds(0) == 0.25
    assert run.own_seconds(1) == 0.25


def test_a_module_called_twice_has_two_calls() -> None:
    rows = rows_of(LENET, called("", called("fc1", out=(1, 2)), called("fc1", out=(3, 4))))
    assert list(rows.run.calls_of(ROWS["fc1"])) == [1, 2]
    assert list(rows.run.number) == [1, 1, 2]
    last = rows.last(ROWS["fc1"])
    assert last is not None
    assert last.outputs == (tensor(3, 4),)


def test_operations_are_those_of_the_modules_own_forward_in_its_first_call() -> None:
    table = table_of(module("Net", "Net", module("block", "Block", linear("fc", 2, 2))))
    block = called("block", called("block.fc"), operation("F.relu"))
    run = RunTable(trace(table, called("", block, operation("+"))))
    assert [run.name(call) for call in run.operations_of(1)] == ["F.relu"]
    assert [run.name(call) for call in run.operations_of(0)] == ["+"]
    assert run.operations_of(2) == []


def test_a_record_is_there_when_its_chunk_has_come() -> None:
    long = called("", *(operation("+", out=(n,)) for n in range(2 * CHUNK_ROWS)))
    run = RunTable(trace(LENET, long))
    chunks = calls_described(long)
    assert run.record(CHUNK_ROWS + 3) is None
    run.add(chunks[1])
    late = run.record(CHUNK_ROWS + 3)
    assert late is not None
    assert late.outputs[0].shape == (CHUNK_ROWS + 2,)
    assert run.record(0) is None


def test_the_sum_of_a_module_that_calls_itself_counts_its_outermost_calls() -> None:
    inner = called("fc1", own_flops=5, seconds=1.0, memory=8)
    rows = rows_of(LENET, called("", called("fc1", inner, own_flops=2, seconds=3.0, memory=4)))
    assert rows.calls(ROWS["fc1"]) == 2
    assert rows.cost(ROWS["fc1"]) == (3.0, 7, 4)


def test_what_raised_and_what_ran_dry_took_no_time_worth_telling() -> None:
    root = called("", called("fc1", seconds=1.0), called("fc2", seconds=2.0, state=CallState.FAILED))
    rows = rows_of(LENET, root)
    assert rows.cost(ROWS["fc1"]).seconds == 1.0
    assert math.isnan(rows.cost(ROWS["fc2"]).seconds)
    assert math.isnan(rows_of(LENET, root, dry=True).cost(ROWS["fc1"]).seconds)


def test_a_run_of_blocks_answers_for_all_of_them() -> None:
    table = table_of(transformer(3))
    folded = next(row for row in range(table.count) if table.kinds[row] == Kind.RUN)
    blocks = (called(f"layers.{n}", out=(2, n + 1), own_flops=10, seconds=0.5) for n in range(3))
    rows = rows_of(table, called("", *blocks))
    assert rows.calls(folded) == 1
    assert rows.cost(folded)[:2] == (1.5, 30)
    last = rows.last(folded)
    assert last is not None
    assert last.outputs == (tensor(2, 3),)


def test_the_second_place_of_a_shared_module_answers_with_its_calls() -> None:
    first = linear("a", 2, 2)
    again = Node("b", Kind.SHARED, "Linear", "linear", record=ModuleRow("", "", 6, same_as=1))
    table = table_of(module("Net", "Net", first, again))
    second = next(row for row in range(table.count) if table.kinds[row] == Kind.SHARED)
    rows = rows_of(table, called("", called("a", own_flops=3), called("b", own_flops=3)))
    assert rows.calls(1) == rows.calls(second) == 2
    assert rows.cost(second).flops == 6
    assert rows.part(second) is Part.CALLED


def test_what_is_registered_nowhere_is_called_all_the_same() -> None:
    ghost = Node("layers", Kind.GHOST, "list of 2 Linear", below=[Node("[0]", Kind.GHOST, "Linear")])
    table = table_of(module("Net", "Net", ghost))
    rows = rows_of(table, called("", called("layers[0]", own_flops=4)))
    assert [rows.part(row) for row in (1, 2)] == [Part.NONE, Part.CALLED]
    assert rows.cost(2).flops == 4


def test_a_run_that_goes_on_has_no_record_yet() -> None:
    rows = RunRows(LENET, RunTable(trace(LENET, called("", called("fc1")))))
    assert rows.part(ROWS["fc1"]) is Part.CALLED
    assert rows.part(ROWS["fc2"]) is Part.NOT_CALLED
    assert rows.last(ROWS["fc1"]) is None
    assert math.isnan(rows.cost(ROWS["fc1"]).seconds)


def test_rows_that_are_no_modules_have_no_part() -> None:
    rows = rows_of(LENET, lenet_run())
    assert rows.part(ROWS["fc1.weight"]) is Part.NONE
    assert rows.last_call(ROWS["fc1.weight"]) is None
