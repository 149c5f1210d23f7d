"""What is typed in the lines of a trial, as it is asked for."""

from __future__ import annotations

import pytest

from inspector.schema import Argument
from inspector.tui.trial_fields import changed, editable, inputs_of, misfit, own_text, problem_of, seen_in, with_lines

ARGUMENTS = (
    Argument("in_channels", "int", required=True, value="3"),
    Argument("stride", "int", default="1", value="(2, 2)"),
    Argument("bias", "bool", default="True"),
)


def test_where_a_layer_lives_and_what_has_no_name_is_not_edited() -> None:
    given = (*ARGUMENTS, Argument("device", default="None"), Argument("dtype"), Argument("*args"))
    assert editable(given) == ARGUMENTS


def test_only_what_is_other_than_the_layers_own_is_said() -> None:
    assert [own_text(argument) for argument in ARGUMENTS] == ["3", "(2, 2)", "True"]
    assert changed(ARGUMENTS, ["3", "(2, 2)", "True"]) == ()
    assert changed(ARGUMENTS, ["", " 4 ", "False"]) == ("stride=4", "bias=False")


def test_a_card_gets_the_arguments_as_they_would_be() -> None:
    assert [argument.value for argument in with_lines(ARGUMENTS, ["8", "", "False"])] == ["8", "(2, 2)", "False"]


def test_inputs_are_parted_where_no_bracket_is_open() -> None:
    assert inputs_of("2x3; mask=ones:2x16:bool") == ("2x3", "mask=ones:2x16:bool")
    assert inputs_of("how='a;b'; (1x2; 3)") == ("how='a;b'", "(1x2; 3)")
    assert inputs_of(" ; ") == ()


def test_what_means_nothing_is_told_with_the_reason() -> None:
    assert problem_of("x=2x3; mask=2x3:flaot16").startswith("there is no dtype 'flaot16'")
    assert problem_of("2x3; True") == ""


def test_the_shapes_of_a_card_are_those_that_are_typed() -> None:
    seen = seen_in("input=2x3x8x8; ids=5:int64")
    assert [(each.path, each.shape, each.dtype) for each in seen] == [
        ("input", (2, 3, 8, 8), "float32"),
        ("ids", (5,), "int64"),
    ]
    assert seen_in("scalar:float32")[0].shape == ()
    assert seen_in("2x3; (1x2, 1x2)") == ()
    assert seen_in("2x3:flaot16") == ()


@pytest.mark.parametrize(
    ("annotation", "default", "line", "said"),
    [
        ("int", None, "abc", "kernel_size wants int, and not the text 'abc'"),
        ("Union[int, tuple[int, int]]", None, "(3,", "and not the text '(3,'"),
        ("Union[int, tuple[int, int]]", None, "3.5", "and 3.5 is no whole number"),
        ("Union[int, tuple[int, int]]", None, "None", "and not None"),
        ("Union[int, tuple[int, int]]", None, "(3, 5)", ""),
        ("Union[str, int]", "0", "same", ""),
        ("float", "1e-05", "1", ""),
        ("float | None", "0.1", "None", ""),
        ("bool", "True", "False", ""),
        ("", None, "whatever", ""),
        ("int", None, "", ""),
        ("Callable", "F.relu", "gelu", ""),
    ],
)  # fmt: skip
def test_a_word_where_numbers_are_wanted_is_told_in_one_line(
    annotation: str, default: str | None, line: str, said: str
) -> None:
    told = misfit(Argument("kernel_size", annotation, default, default is None, "(7, 7)"), line)
    assert told.endswith(said) if said else told == ""
