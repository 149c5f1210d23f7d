"""The words of a run."""

from __future__ import annotations

import math

import pytest

from inspector import run_labels
from inspector.run_schema import AND_MORE, CallState, InputSet, RunRecord, SampleArgument, Seen, Warned
from inspector.schema import Kind, Source
from tests.fake_model import lenet, linear, module, parameter, transformer
from tests.run_events import called, failed_run, guessed, lenet_run, record, rows_of, table_of, tensor

LENET = table_of(lenet())
ROWS = {LENET.path(row): row for row in range(LENET.count)}


def test_shapes_that_find_no_room_are_counted() -> None:
    values = (tensor(2, 5, 32), tensor(1, 2, 32), tensor(1, 2, 32))
    assert run_labels.shapes(values) == "2×5×32, 1×2×32, 1×2×32"
    assert run_labels.shapes(values, 18) == "2×5×32, 1×2×32 +1"
    assert run_labels.shapes(values, 12) == "2×5×32 +2"
    assert run_labels.shapes(values, 4) == "2×5…"
    assert run_labels.shapes(()) == ""


def test_of_more_values_than_were_told_no_exact_number_is_claimed() -> None:
    values = (tensor(2, 5000), *(tensor(2, 3) for _ in range(255)), Seen("", text=AND_MORE))
    assert run_labels.shapes(values, 16) == "2×5000 +255…"


@pytest.mark.parametrize("width", range(25))
def test_a_column_is_never_wider_than_it_may_be(width: int) -> None:
    rows = rows_of(LENET, failed_run())
    values = (tensor(2, 64, 56, 56), Seen("", text="Categorical"), tensor())
    assert len(run_labels.shapes(values, width)) <= width
    assert all(len(run_labels.output(rows, row, width)) <= width for row in range(LENET.count))


def test_a_value_that_is_no_tensor_is_spelled_and_a_scalar_is_called_one() -> None:
    assert run_labels.shapes((Seen("", text="None"), tensor())) == "None, scalar"
    assert run_labels.sizes(Seen("", text="'a\x1b[2J'")) == r"'a\x1b[2J'"


def test_a_value_in_full_says_its_type_and_what_it_is_beyond_a_plain_tensor() -> None:
    odd = Seen("x", (2, 3), "float16", "cuda:0", "Parameter", (1, 2))
    assert run_labels.value(odd) == "x 2×3 float16 Parameter cuda:0, not contiguous"
    assert run_labels.value(tensor(2, 3)) == "2×3 float32"
    assert run_labels.value(Seen("mode", text="'conv'")) == "mode 'conv'"


def test_what_was_called_shows_its_output_and_what_was_not_says_so() -> None:
    rows = rows_of(LENET, lenet_run())
    assert run_labels.output(rows, ROWS["conv1"]) == "2×6×28×28"
    assert run_labels.output(rows, ROWS["conv1.weight"]) == ""
    short = lenet_run()
    del short.inside[-1]
    assert run_labels.output(rows_of(LENET, short), ROWS["fc3"]) == "not called"
    used = rows_of(LENET, short, uncalled_but_used=(ROWS["fc3"],))
    assert run_labels.output(used, ROWS["fc3"]) == "weights used, not called"


def test_a_failed_call_shows_what_it_got_and_the_rest_was_not_reached() -> None:
    rows = rows_of(LENET, failed_run())
    assert run_labels.output(rows, ROWS["fc1"]) == "✗ got 2×400"
    assert run_labels.output(rows, 0) == "✗ inside"
    assert run_labels.output(rows, ROWS["fc2"]) == "not reached"
    assert run_labels.output(rows, ROWS["conv2"]) == "2×16×12×12"
    bare = rows_of(LENET, called("", state=CallState.FAILED))
    assert run_labels.output(bare, 0) == "✗"


def test_a_container_says_nothing_while_its_parts_were_called() -> None:
    blocks = module("blocks", "ModuleList", linear("0", 2, 2), linear("1", 2, 2), group="container")
    table = table_of(module("Net", "Net", blocks, module("spare", "ModuleList", group="container")))
    row = {table.path(row): row for row in range(table.count)}
    rows = rows_of(table, called("", called("blocks.1", out=(1, 2))))
    assert run_labels.output(rows, row["blocks"]) == ""
    assert run_labels.output(rows, row["spare"]) == ""
    assert run_labels.output(rows, row["blocks.0"]) == "not called"
    assert run_labels.output(rows_of(table, called("")), row["blocks"]) == "not called"


def test_blocks_that_were_not_called_alike_say_between_what() -> None:
    table = table_of(transformer(3))
    folded = next(row for row in range(table.count) if table.kinds[row] == Kind.RUN)
    twice = [called(f"layers.{n}") for n in (0, 1, 1, 2)]
    assert run_labels.calls(rows_of(table, called("", *twice)), folded) == "×1…2"
    assert run_labels.calls(rows_of(table, called("", *twice, *twice)), folded) == "×2…4"
    assert run_labels.calls(rows_of(table, called("", *twice[1:3])), folded) == "×0…2"
    even = [called(f"layers.{n % 3}") for n in range(6)]
    assert run_labels.calls(rows_of(table, called("", *even)), folded) == "×2"


def test_a_container_of_parameters_is_not_blamed_for_not_being_called() -> None:
    table = table_of(module("Net", "Net", module("scales", "ParameterDict", parameter("a", 2), group="container")))
    rows = rows_of(table, called(""), uncalled_but_used=(1,))
    assert run_labels.output(rows, 1) == ""


def test_a_module_whose_parts_alone_were_called_was_not_called_itself() -> None:
    table = table_of(module("Net", "Net", module("head", "Head", linear("fc", 2, 2))))
    rows = rows_of(table, called("", called("head.fc", out=(1, 2))))
    assert run_labels.output(rows, 1) == "not called itself"


def test_times_and_costs_of_a_row_are_those_of_all_its_calls() -> None:
    twice = called("", *(called("fc1", own_flops=2_000_000, seconds=0.002, memory=512) for _ in range(2)))
    rows = rows_of(LENET, twice)
    row = ROWS["fc1"]
    assert run_labels.calls(rows, row) == "×2"
    assert run_labels.row_seconds(rows, row) == "4 ms"
    assert run_labels.row_flops(rows, row) == "4.00 M"
    assert run_labels.row_memory(rows, row) == "1.00 KiB"
    untouched = ROWS["fc2"]
    numbers = run_labels.calls, run_labels.row_seconds, run_labels.row_flops, run_labels.row_memory
    assert [number(rows, untouched) for number in numbers] == ["", "", "", ""]


def test_what_was_not_timed_has_no_time() -> None:
    assert run_labels.seconds(math.nan) == ""
    assert run_labels.seconds(math.inf) == ""
    assert run_labels.seconds(0.0123, 0.0004) == "12.3 ms ± 400 µs"
    assert run_labels.seconds(0.0123, math.nan) == "12.3 ms"


def test_a_spread_that_would_reach_below_zero_is_told_as_the_span_of_the_middle_half_of_the_times() -> None:
    assert run_labels.seconds(330e-6, 329e-6) == "330 µs ± 329 µs"
    assert run_labels.seconds(330e-6, 1.34e-3) == "330 µs, unsteady by 2.68 ms"


def test_the_cost_says_what_stands_beside_it() -> None:
    run = _run(flops=4_089_184_256, uncounted=(("lstm", 2), ("erf\x1b", 1)))
    assert run_labels.cost(run) == "4.09 GFLOP + 3 uncounted operations"
    assert run_labels.uncounted(run) == r"lstm ×2, erf\x1b"
    assert run_labels.cost(_run(flops_by="")) == "FLOPs not counted"
    assert run_labels.cost(_run(flops=0)) == "0 FLOP"


def test_a_guess_is_called_one_and_says_why() -> None:
    assert run_labels.inputs_line(guessed("x", 2, 1, 32, 32)) == (
        "x 2×1×32×32  guessed: conv1 takes 1 channel, fc1 wants 576"
    )
    assert (
        run_labels.inputs_line(InputSet("none", reason="forward takes a graph")) == "no inputs: forward takes a graph"
    )
    assert run_labels.inputs_line(InputSet("file", where="example_inputs, lenet.py:40")) == (
        "no arguments  from example_inputs, lenet.py:40"
    )


def test_an_argument_of_several_values_is_bracketed_and_names_unusual_types() -> None:
    pair = SampleArgument("state", False, "", (tensor(1, 2), tensor(1, 2)))
    ids = SampleArgument("ids", True, "", (tensor(2, 16, dtype="int64"),))
    given = InputSet("given", (pair, ids, SampleArgument("how", True, "how='conv'", (Seen("how", text="'conv'"),))))
    assert run_labels.inputs_line(given) == "state (1×2, 1×2), ids 2×16 int64, how 'conv'  given"


def test_a_dry_run_says_so_and_claims_no_time() -> None:
    run = _run(dry=True, seconds=0.5, flops=1000, peak_bytes=2048)
    assert run_labels.mode(run) == "eval, dry: shapes alone"
    assert run_labels.measured(run) == ["1.00 kFLOP", "peak 2.00 KiB"]
    assert run_labels.mode(_run(mode="kept")) == "own modes"


def test_a_spread_is_one_of_several_repeats() -> None:
    assert run_labels.measured(_run(spread=0.001, repeats=5, training_bytes=1024)) == [
        "12.3 ms ± 1 ms",
        "0 FLOP",
        "1.00 KiB held for training",
    ]
    assert run_labels.measured(_run(spread=0.001))[0] == "12.3 ms"


def test_a_warning_says_where_and_how_often() -> None:
    warning = Warned("UserWarning", "careful\x07", Source("m.py", 3), 2)
    assert run_labels.warned(warning) == r"UserWarning: careful\x07 (m.py:3, 2 times)"
    assert run_labels.warned(Warned("E", "text", None)) == "E: text"


def _run(**more: object) -> RunRecord:
    return record(called(""), InputSet("given"), **more)
