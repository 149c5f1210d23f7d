"""What a layer got, as it would be typed."""

from __future__ import annotations

import pytest

from inspector.engine.failure import LoadFailed
from inspector.engine.recorded_inputs import texts_of
from inspector.run_schema import Seen
from inspector.schema import TensorStats


def tensor(path: str, *shape: int, dtype: str = "float32", text: str = "", stats: TensorStats | None = None) -> Seen:
    return Seen(path, shape, dtype, "cpu", text, stats=stats)


def test_a_tensor_is_its_shape_and_dtype() -> None:
    assert texts_of([tensor("input", 2, 3, 8, 8), tensor("w", 5, dtype="float16"), tensor("s")]) == (
        "input=2x3x8x8:float32",
        "w=5:float16",
        "s=scalar:float32",
    )


def test_integers_keep_the_range_that_they_had() -> None:
    ids = tensor("ids", 2, 16, dtype="int64", stats=TensorStats(32, minimum=0, maximum=29))
    assert texts_of([ids]) == ("ids=2x16:int64:0-29",)
    assert texts_of([tensor("ids", 2, dtype="int64")]) == ("ids=zeros:2:int64",)


def test_what_is_nested_is_put_together_again() -> None:
    state = [tensor("input", 7, 2, 3), tensor("hx[0]", 1, 2, 8), tensor("hx[1]", 1, 2, 8)]
    assert texts_of(state) == ("input=7x2x3:float32", "hx=(1x2x8:float32, 1x2x8:float32)")
    assert texts_of([tensor('batch["x"]', 2, 3), tensor('batch["m"]', 2, dtype="bool")]) == (
        "batch={'x': 2x3:float32, 'm': 2:bool}",
    )


def test_plain_values_and_more_of_args_are_said_too() -> None:
    values = [tensor("args[0]", 2, 3), tensor("args[1]", 4), Seen("need_weights", text="False")]
    assert texts_of(values, "args") == ("2x3:float32", "4:float32", "need_weights=False")


def test_what_no_text_says_is_refused() -> None:
    for seen in (
        tensor("x", 3, text="PackedSequence of 2"),
        Seen("x", text="Categorical"),
        tensor("batch.x", 2),
        tensor("[0]", 2),
    ):
        with pytest.raises(LoadFailed, match="cannot be typed"):
            texts_of([seen])
