"""Arguments of forward as lines, and the texts that are made of them."""

from __future__ import annotations

import pytest

from inspector.run_schema import InputSet, SampleArgument, Seen
from inspector.schema import Argument
from inspector.tui.input_fields import changed, command_line, fields_of, gap, read, refilled, texts_of
from inspector.tui.input_text import InputTextError
from tests.tui.typed_inputs import from_the_file, guessed, several, starred, tensor


def values_of(inputs: InputSet, **typed: str) -> list[str]:
    return [typed.get(field.name, field.text) for field in fields_of(inputs)]


def texts(inputs: InputSet, **typed: str) -> tuple[str, ...]:
    return texts_of(fields_of(inputs), values_of(inputs, **typed), inputs)


def test_there_is_a_line_for_each_argument_and_one_more_for_each_star() -> None:
    assert [field.name for field in fields_of(several())] == ["ids", "attention_mask", "choice", "scale"]
    assert [field.text for field in fields_of(several())] == ["2x16:int64:0-29999", "", "'conv'", ""]
    assert [field.name for field in fields_of(starred())] == ["x", "scale", "args[0]", "*args", "**kwargs"]


def test_without_a_signature_the_lines_are_the_arguments() -> None:
    assert [field.name for field in fields_of(InputSet("given", (tensor("x", 2, 3),)))] == ["x"]


def test_unchanged_guesses_stay_guesses_and_what_was_given_is_given_again() -> None:
    assert texts(guessed()) == ()
    assert texts(several()) == ("ids=2x16:int64:0-29999", "choice='conv'")


def test_a_change_says_what_is_needed_and_leaves_out_what_is_default() -> None:
    assert texts(guessed(), x="4x1x28x28") == ("x=4x1x28x28",)
    assert texts(several(), ids="1x8:int64", choice="'linear'", scale="2.0") == ("ids=1x8:int64", "scale=2.0")
    assert texts(several(), attention_mask="ones:2x16:bool")[1] == "attention_mask=ones:2x16:bool"


def test_the_name_may_be_typed_too() -> None:
    assert texts(guessed(), x=" x = 4x1x28x28 ") == ("x=4x1x28x28",)
    assert not changed(fields_of(guessed()), ["x=2x1x32x32:float32"])


def test_a_cleared_argument_is_guessed_again() -> None:
    assert texts(several(), ids="") == ("choice='conv'",)
    assert read(fields_of(several())[0], "") == "empty: it will be guessed"
    assert read(fields_of(several())[1], "") == "empty: None, its default"


def test_where_every_argument_has_a_default_one_is_said_lest_others_be_found() -> None:
    signature = (Argument("x", default="None"), Argument("scale", default="1.0"))
    inputs = InputSet("given", (tensor("x", 2, 3),), signature=signature)
    assert texts(inputs, x="") == ("x=None",)
    assert texts(inputs, x="None") == ("x=None",)


def test_what_stands_before_more_arguments_goes_without_names() -> None:
    assert texts(starred(), x="2x4") == ("2x4", "1.0", "4x5")
    typed = {"*args": "7", "**kwargs": "mask=ones:2x3"}
    assert texts(starred(), **typed) == ("2x3:float32", "1.0", "4x5", "7", "mask=ones:2x3")
    assert texts(starred(), **{"args[0]": ""}) == ("x=2x3:float32",)


def test_an_empty_line_before_more_arguments_is_a_gap() -> None:
    fields = fields_of(starred())
    assert gap(fields, values_of(starred(), x="")) == 0
    assert gap(fields, values_of(starred())) is None
    assert gap(fields, values_of(starred(), x="", **{"args[0]": ""})) is None


def test_one_more_keyword_wants_its_name() -> None:
    field = fields_of(starred())[-1]
    assert read(field, "mask=ones:2x3:bool").startswith("mask: a tensor of shape 2×3")
    with pytest.raises(InputTextError, match="typed with its name"):
        read(field, "2x3")


def test_a_value_that_no_text_says_is_described() -> None:
    (field,) = fields_of(from_the_file())
    assert field.text == ""
    assert read(field, "") == "2×3×8×8 float32: stays as it is, unless a line is changed"
    assert texts(from_the_file()) == ()
    assert texts(from_the_file(), batch="1x3x8x8") == ("batch=1x3x8x8",)


def test_a_file_that_fills_several_arguments_keeps_its_place() -> None:
    held = SampleArgument("y", False, "", (Seen("y", (2,), "int64", "cpu"),))
    signature = (Argument("x", required=True), Argument("y", required=True), Argument("z", default="None"))
    inputs = InputSet("given", (tensor("x", 2, 3, text="@batch.pt"), held), signature=signature)
    assert texts(inputs, z="3") == ("@batch.pt", "z=3")


def test_what_was_typed_elsewhere_stands_in_its_lines() -> None:
    fields = fields_of(several())
    assert refilled(fields, ("2x8:int64", "choice=linear", "ones:2x8")) == ["2x8:int64", "ones:2x8", "linear", ""]
    assert refilled(fields_of(starred()), ("x=2x3", "mask=3"))[-1] == "mask=3"


def test_the_command_line_repeats_what_stands_there() -> None:
    fields = fields_of(several())
    line = command_line("nn-inspect net.py:Net", fields, values_of(several(), scale="2.0"))
    assert line == (
        """nn-inspect net.py:Net --input ids=2x16:int64:0-29999 --input "choice='conv'" --input scale=2.0"""
    )
    assert command_line("nn-inspect net.py", fields, ["", "", '"$HOME\'"', ""]).endswith("""'choice="$HOME'"'"'"'""")
