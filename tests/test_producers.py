"""Where the sizes of a tensor come from, told from runs made by hand."""

from __future__ import annotations

from inspector.producers import MOST_STEPS, origin, steps_back, told
from inspector.run_rows import RunRows
from inspector.run_schema import Seen
from inspector.run_table import RunTable
from tests.fake_model import lenet
from tests.run_events import Called, called, operation, rows_of, table_of, tensor, trace

LENET = table_of(lenet())


def run_of(*calls: Called) -> RunRows:
    """A run of LeNet with these calls in it, the first of which is call 1."""
    return rows_of(LENET, called("", *calls))


def made(*shape: int, by: int) -> tuple[Seen, ...]:
    return (tensor(*shape, maker=by),)


def test_a_flattened_width_is_told_in_its_factors_with_the_way_of_the_sizes() -> None:
    run = run_of(
        called("conv2", inputs=made(2, 6, 14, 14, by=-1), out=(2, 16, 12, 12), line=19),
        operation("F.relu", inputs=made(2, 16, 12, 12, by=1), out=(2, 16, 12, 12), line=19),
        operation("F.max_pool2d", inputs=made(2, 16, 12, 12, by=2), out=(2, 16, 6, 6), line=19),
        operation("torch.flatten", inputs=made(2, 16, 6, 6, by=3), out=(2, 576), line=20),
    )
    assert told(run, tensor(2, 576, maker=4)) == (
        "576 = 16·6·6 of max_pool2d, flattened at :20",
        "each sample: 6×14×14 → conv2 16×12×12 → max_pool2d 16×6×6 → flatten 576",
    )


def test_what_only_keeps_a_shape_is_left_out_of_the_way() -> None:
    run = run_of(
        called("conv1", inputs=made(2, 1, 32, 32, by=-1), out=(2, 6, 28, 28)),
        operation("F.relu", inputs=made(2, 6, 28, 28, by=1), out=(2, 6, 28, 28)),
    )
    assert told(run, tensor(2, 6, 28, 28, maker=2)) == ("each sample: 1×32×32 → conv1 6×28×28",)


def test_an_input_that_was_flattened_right_away_has_no_maker_but_the_model() -> None:
    run = run_of(operation("view", inputs=made(2, 1, 28, 28, by=-1), out=(2, 784), line=9))
    assert told(run, tensor(2, 784, maker=1))[0] == "784 = 1·28·28 of the input, flattened at :9"


def test_a_permutation_before_the_flattening_does_not_hide_the_factors() -> None:
    run = run_of(
        called("conv1", inputs=made(2, 1, 8, 8, by=-1), out=(2, 6, 4, 4)),
        operation("permute", inputs=made(2, 6, 4, 4, by=1), out=(2, 4, 4, 6), line=5),
        operation("reshape", inputs=made(2, 4, 4, 6, by=2), out=(2, 96), line=6),
    )
    assert told(run, tensor(2, 96, maker=3))[0] == "96 = 6·4·4 of conv1, flattened at :6"


def test_a_width_that_is_no_product_of_the_axes_is_not_explained_as_one() -> None:
    run = run_of(operation("reshape", inputs=made(2, 3, 4, by=-1), out=(3, 8)))
    assert told(run, tensor(3, 8, maker=1)) == ("2×3×4 → reshape 3×8",)


def test_nothing_is_told_of_what_comes_from_outside() -> None:
    assert told(run_of(), tensor(2, 3)) == ()


def test_a_way_ends_where_a_record_has_not_arrived() -> None:
    root = called("", called("conv1", inputs=made(2, 1, 8, 8, by=-1), out=(2, 6, 4, 4)))
    assert steps_back(RunTable(trace(LENET, root)), tensor(2, 6, 4, 4, maker=1)) == []


def test_a_record_that_leads_back_to_itself_ends() -> None:
    run = run_of(operation("add", inputs=made(2, 3, by=1), out=(2, 4)))
    assert len(steps_back(run.run, tensor(2, 4, maker=1))) == 1


def test_of_a_long_way_the_latest_changes_are_told() -> None:
    calls = [
        operation("repeat", inputs=made(2, width, by=width - 1), out=(2, width + 1))
        for width in range(1, MOST_STEPS + 4)
    ]
    (way,) = told(run_of(*calls), tensor(2, MOST_STEPS + 4, maker=MOST_STEPS + 3))
    assert way.count("→") == MOST_STEPS
    assert way.endswith(f"repeat {MOST_STEPS + 4}")


def test_of_a_call_the_first_tensor_is_told() -> None:
    run = run_of(
        operation("view", inputs=made(2, 1, 28, 28, by=-1), out=(2, 784), line=9),
        called("fc1", inputs=(Seen("self", text="None"), *made(2, 784, by=1)), out=(2, 120)),
    )
    assert origin(run, 2)[0] == "784 = 1·28·28 of the input, flattened at :9"
    assert origin(run, 1) == ()
