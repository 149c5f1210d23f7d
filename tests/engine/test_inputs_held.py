"""Inputs that the user has written down: `example_inputs` in the file, attributes of the model; and their order."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.failure import LoadFailed
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.schema import Failure
from tests.engine.conftest import Project

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x, scale=None):
        return self.fc(x)


{examples}
"""


def chosen(project: Project, examples: str, *texts: str, seed: int = 0) -> Sample:
    project.write("m.py", NET.format(examples=examples))
    built = project.load("m.py")
    return choose(built.model, texts, built, seed)


def refused(project: Project, examples: str) -> Failure:
    with pytest.raises(LoadFailed) as caught:
        chosen(project, examples)
    return caught.value.failure


@pytest.mark.parametrize(
    ("examples", "args", "kwargs"),
    [
        ("example_inputs = torch.ones(3, 4)", [(3, 4)], {}),
        ("example_inputs: torch.Tensor = torch.ones(3, 4)", [(3, 4)], {}),
        ("example_inputs = (torch.ones(3, 4), torch.ones(1))", [(3, 4), (1,)], {}),
        ("example_inputs = {'x': torch.ones(3, 4)}", [], {"x": (3, 4)}),
        ("example_inputs = (torch.ones(3, 4),), {'scale': torch.ones(1)}", [(3, 4)], {"scale": (1,)}),
        ("def example_inputs(): return torch.ones(3, 4)", [(3, 4)], {}),
        ("def example_inputs(batch=3): return (torch.ones(batch, 4),), {}", [(3, 4)], {}),
        ("example_inputs = lambda: torch.ones(3, 4)", [(3, 4)], {}),
    ],
)
def test_the_file_gives_a_tensor_a_tuple_a_dict_or_a_pair(
    project: Project, examples: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    sample = chosen(project, examples)
    assert sample.record.origin == "file"
    assert [tuple(value.shape) for value in sample.args] == args
    assert {name: tuple(value.shape) for name, value in sample.kwargs.items()} == kwargs


def test_where_the_file_gives_them_is_told_with_the_line(project: Project) -> None:
    record = chosen(project, "example_inputs = torch.ones(3, 4)").record
    assert record.where == f"example_inputs, m.py:{project.line_of('m.py', 'example_inputs')}"
    assert [argument.text for argument in record.arguments] == ["x=3x4:float32"]
    assert record.command == "nn-inspect m.py:Net"
    assert [argument.name for argument in record.signature] == ["x", "scale"]


def test_integers_of_the_file_are_spelled_with_their_range(project: Project) -> None:
    record = chosen(project, "example_inputs = torch.tensor([[3, 9], [5, 4]])").record
    assert record.arguments[0].text == "x=2x2:int64:3-9"


def test_a_function_of_the_file_draws_the_same_for_the_same_seed(project: Project) -> None:
    examples = "import random\ndef example_inputs(): return torch.randn(2, 4), random.random()"
    project.write("m.py", NET.format(examples=examples))
    built = project.load("m.py")
    before = torch.default_generator.get_state()
    first, again, other = (choose(built.model, (), built, seed).args for seed in (0, 0, 1))
    assert torch.equal(first[0], again[0])
    assert first[1] == again[1] != other[1]
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.default_generator.get_state(), before)


def test_a_function_of_the_file_that_raises_is_pointed_at(project: Project) -> None:
    failure = refused(project, "def example_inputs():\n    return torch.ones(2) @ torch.ones(3)  # <- here")
    assert (failure.stage, failure.type) == ("inputs", "RuntimeError")
    assert failure.source is not None
    assert failure.source.line == project.line_of("m.py", "# <- here")


def test_a_function_that_wants_arguments_is_refused(project: Project) -> None:
    failure = refused(project, "def example_inputs(batch): return torch.ones(batch, 4)")
    assert failure.message == "example_inputs wants batch: it is called without arguments"


def test_what_is_typed_comes_before_what_the_file_holds(project: Project) -> None:
    sample = chosen(project, "example_inputs = torch.ones(3, 4)", "x=5x4")
    assert (sample.record.origin, tuple(sample.kwargs["x"].shape)) == ("given", (5, 4))


def test_what_the_file_holds_goes_to_the_models_device(project: Project) -> None:
    project.write("m.py", NET.format(examples="example_inputs = torch.ones(3, 4)"))
    built = project.load("m.py", device="meta")
    assert choose(built.model, (), built, 0).args[0].device.type == "meta"


# --- the model --------------------------------------------------------------------------------------------------------


class Lightning(nn.Module):
    """Says itself what it takes."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        return self.fc(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("attributes", "where", "text"),
    [
        ({"example_input_array": torch.ones(3, 4)}, "Lightning.example_input_array", "x=3x4:float32"),
        ({"dummy_inputs": {"x": torch.ones(3, 4)}}, "Lightning.dummy_inputs", "x=3x4:float32"),
        (
            {"pretrained_cfg": {"input_size": (3, 8, 8)}},
            'Lightning.pretrained_cfg["input_size"]',
            "x=2x3x8x8:float32",
        ),
        ({"default_cfg": {"input_size": [1, 8, 8]}}, 'Lightning.default_cfg["input_size"]', "x=2x1x8x8:float32"),
    ],
)
def test_the_model_itself_may_hold_inputs(attributes: dict[str, Any], where: str, text: str) -> None:
    record = choose(Lightning(**attributes), (), None, 0).record
    assert (record.origin, record.where) == ("model", where)
    assert [argument.text for argument in record.arguments] == [text]


@pytest.mark.parametrize(
    "attributes",
    [
        {"example_input_array": None},
        {"dummy_inputs": {"input_ids": torch.ones(3, 4)}},
        {"dummy_inputs": 3},
        {"default_cfg": {"input_size": None}},
        {"default_cfg": "a name"},
        {"example_input_array": (torch.ones(1),) * 3},
    ],
)
def test_what_cannot_be_inputs_is_passed_over(attributes: dict[str, Any]) -> None:
    assert choose(Lightning(**attributes), (), None, 0).record.origin == "guessed"


def test_a_property_that_raises_is_told() -> None:
    class Broken(Lightning):
        @property
        def dummy_inputs(self) -> Any:
            raise ValueError("no network")

    with pytest.raises(LoadFailed) as caught:
        choose(Broken(), (), None, 0)
    assert (caught.value.failure.stage, caught.value.failure.message) == ("inputs", "no network")


def test_what_raises_in_example_inputs_says_what_forward_takes_instead(project: Project) -> None:
    failure = refused(project, "def example_inputs(): return torch.load('nothing.pt')")
    assert [argument.name for argument in failure.arguments] == ["x", "scale"]


class Pictures(nn.Module):
    """As a model of transformers: token ids as dummy inputs, whatever it takes."""

    dummy_inputs: ClassVar[Any] = {"input_ids": torch.ones(3, 5, dtype=torch.long)}

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, input_ids: Any = None, pixel_values: Any = None, **kwargs: Any) -> Any:
        if pixel_values is None:
            raise ValueError("You have to specify pixel_values")
        return self.conv(pixel_values)


def test_dummy_inputs_that_do_not_go_through_make_way_for_a_guess_that_does() -> None:
    record = choose(Pictures(), (), None, 0).record
    assert record.origin == "guessed"
    assert "pixel_values=2x3x32x32:float32" in [argument.text for argument in record.arguments]


def test_dummy_inputs_stay_where_no_guess_goes_through_either() -> None:
    class Never(Pictures):
        def forward(self, input_ids: Any = None, pixel_values: Any = None, **kwargs: Any) -> Any:
            raise ValueError("not today")

    record = choose(Never(), (), None, 0).record
    assert (record.origin, record.where) == ("model", "Never.dummy_inputs")
