"""What is typed for one argument: its meaning in words, and why it has none."""

from __future__ import annotations

import pytest

from inspector.tui.input_hints import next_dtype, next_kind, part_at
from inspector.tui.input_text import InputTextError, meaning


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2x3x32x32", "a tensor of shape 2×3×32×32, the model's dtype, random normal"),
        ("2x3:float16", "a tensor of shape 2×3, float16, random normal · 12 B"),
        ("2x16:int64:0-29999", "a tensor of shape 2×16, int64, random whole numbers from 0 to 29,999 · 256 B"),
        ("ones:2x16:bool", "a tensor of shape 2×16, bool, all 1 · 32 B"),
        ("2x3::-1..1", "a tensor of shape 2×3, the model's dtype, evenly random from -1 to 1"),
        ("uniform:5x", "a tensor of shape 5, the model's dtype, evenly random from 0 to 1"),
        ("arange:5", "a tensor of shape 5, int64, 0, 1, 2, … · 40 B"),
        ("2x3:half", "a tensor of shape 2×3, float16, random normal · 12 B"),
        ("scalar", "a tensor without dimensions, the model's dtype, random normal"),
        ("@batch.pt", "what lies in the file batch.pt"),
        ("3", "the number 3"),
        ("'conv'", "the text conv"),
        ("conv", "the text conv"),
        ("none", "the text none, which is not None"),
        ("None", "None"),
        ("True", "True"),
        ("()", "an empty tuple"),
        ("200x1000x1000", "a tensor of shape 200×1000×1000, the model's dtype, random normal · 763 MiB in float32"),
        ("2,1,28,28", "a tuple of 4 numbers · a tensor of these sizes is written 2x1x28x28"),
        ("[2, 3]", "a list of 2: the number 2; the number 3 · a tensor of these sizes is written 2x3"),
        ("(2, 'a')", "a tuple of 2: the number 2; the text a"),
        ("{'a': 3, 'b': None}", "a dict of 2: 'a' the number 3; 'b' None"),
    ],
)
def test_a_text_is_said_in_words(text: str, words: str) -> None:
    assert meaning(text) == words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no value"),
        ("2x3:flot16", "there is no dtype 'flot16' (was float16 meant?), such as 2x3:float16"),
        ("zeos:2x3", "(was zeros meant?)"),
        ("ones:2xa", "'2xa' is no shape"),
        ("2x3:int64:9-0", "ends before it begins"),
        ("2x3:int64:0.5-2", "int64 has whole numbers only"),
        ("zeros:2x3:float32:0-1", "zeros takes no range"),
        ("2x3:float32:much", "'much' is no range"),
        ("@batch.csv", "values are read from .pt"),
        ("(1x2x8, 1x2x8", "( is not closed by )"),
        ("2 x 1 x 28", "a tensor is written as its sizes with x between them, such as 2x1x28"),
        ("torch.randn(2, 1, 28)", "with x between them, such as 2x1x28"),
        ("-1x3", "with x between them, such as 1x3"),
        ("two words", "is neither a shape, nor a file (@), nor a literal, such as 2x3x32x32"),
        ("9999999x9999999", "larger than any memory"),
    ],
)
def test_a_text_without_a_meaning_is_refused_with_an_example(text: str, reason: str) -> None:
    with pytest.raises(InputTextError) as refused:
        meaning(text)
    assert reason in str(refused.value)
    assert ", such as " in str(refused.value)


def test_one_key_goes_through_the_kinds_of_values_and_comes_back() -> None:
    texts = ["2x3:float32:-1..1"]
    for _ in range(5):
        texts.append(next_kind(texts[-1]))
    assert texts[1:] == [
        "uniform:2x3:float32:-1..1", "zeros:2x3:float32", "ones:2x3:float32", "arange:2x3:float32", "2x3:float32",
    ]  # fmt: skip


def test_evenly_random_is_no_kind_of_its_own_for_whole_numbers() -> None:
    assert next_kind("2x16:int64:0-9") == "zeros:2x16:int64"


def test_one_key_goes_through_the_dtypes_and_drops_a_range_that_has_no_meaning_there() -> None:
    assert next_dtype("2x3") == "2x3:float32"
    assert next_dtype("2x3:float32") == "2x3:float16"
    assert next_dtype("2x3:float64:-0.5..1") == "2x3:int64"
    assert next_dtype("2x3:int32:0-9") == "2x3:bool"
    assert next_dtype("ones:2x3:bool") == "ones:2x3:float32"


@pytest.mark.parametrize("text", ["None", "'conv'", "3", "@batch.pt", "", "(2x3, 4x5)"])
def test_what_is_no_tensor_has_no_other_kind_or_dtype(text: str) -> None:
    assert next_kind(text) == next_dtype(text) == text


@pytest.mark.parametrize("text", ["2x3:float32:-1..1", "ones:2x16:bool", "arange:7x", "2x16:int64:0-9", "scalar"])
def test_every_kind_and_dtype_that_a_key_makes_of_a_good_text_is_good(text: str) -> None:
    for _ in range(8):
        text = next_kind(text)
        meaning(text)
        text = next_dtype(text)
        meaning(text)


@pytest.mark.parametrize(
    ("text", "cursor", "part"),
    [
        ("", 0, "empty"), ("2x3", 2, "shape"), ("2x3:float32", 3, "shape"), ("2x3:float32", 4, "dtype"),
        ("ones:2x3:bool", 2, "kind"), ("ones:2x3:bool", 6, "shape"), ("2x3:int64:0-9", 11, "range"),
        ("2x3::0:9", 8, "range"), ("@b", 2, "file"), ("None", 1, "value"),
    ],
)  # fmt: skip
def test_the_part_under_the_cursor_is_known(text: str, cursor: int, part: str) -> None:
    assert part_at(text, cursor) == part
