"""What is typed after --input: the ways to say a tensor, a file, a literal, and what is wrong with the rest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from inspector.engine.failure import LoadFailed, sendable
from inspector.engine.inputs import files, sample
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.grammar import read
from inspector.engine.inputs.recipes import DTYPES, Drawn, Recipe, Several, plain
from inspector.engine.inputs.sample import Sample
from inspector.engine.inputs.wording import spell
from inspector.schema import Failure
from tests.engine.conftest import Project


class Anything(nn.Module):
    """Takes what it gets."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs


class Pair(nn.Module):
    """Takes two tensors, and a word that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 2)

    def forward(self, left: Tensor, right: Tensor, how: str = "add") -> Tensor:
        return self.fc(left) + self.fc(right)  # type: ignore[no-any-return]


def given_(*texts: str, model: nn.Module | None = None, seed: int = 0) -> Sample:
    return choose(model or Anything(), texts, None, seed)


def value_of(text: str) -> Any:
    sample = given_(text)
    (value,) = (*sample.args, *sample.kwargs.values())
    return value


def refused(*texts: str, model: nn.Module | None = None) -> Failure:
    with pytest.raises(LoadFailed) as caught:
        given_(*texts, model=model)
    failure = caught.value.failure
    assert failure.stage == "inputs"
    return failure


# --- tensors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [
        ("2x3x224x224", (2, 3, 224, 224), torch.float32),
        ("2×3", (2, 3), torch.float32),
        ("x=2x3x32x32:float16", (2, 3, 32, 32), torch.float16),
        ("x=2x3:half", (2, 3), torch.float16),
        ("x=2x3:torch.float64", (2, 3), torch.float64),
        ("ids=2x16:int64:0-29999", (2, 16), torch.int64),
        ("mask=ones:2x16:bool", (2, 16), torch.bool),
        ("zeros:4", (4,), torch.float32),
        ("5x", (5,), torch.float32),
        ("5:float32", (5,), torch.float32),
        ("scalar", (), torch.float32),
        ("t=scalar:int64:3-3", (), torch.int64),
        ("arange:3x4", (3, 4), torch.int64),
        ("uniform:2x3:float32:-1..1", (2, 3), torch.float32),
        ("x=2x3::0-1", (2, 3), torch.float32),
        ("x=2x3:complex64", (2, 3), torch.complex64),
        ("x=0x3", (0, 3), torch.float32),
        (" x = 2x3 ", (2, 3), torch.float32),
    ],
)
def test_a_tensor_is_said_by_its_shape_and_dtype(text: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    value = value_of(text)
    assert (tuple(value.shape), value.dtype) == (shape, dtype)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1000x:int64:5-7", 5, 7),
        ("1000x:int64:-3--1", -3, -1),
        ("1000x:int64:-3..3", -3, 3),
        ("1000x:float32:-1-1", -1, 1),
        ("1000x:float32:-1..1", -1, 1),
        ("1000x:float32:1e-3..2e-3", 1e-3, 2e-3),
        ("uniform:1000x", 0, 1),
        ("1000x:int64", 0, 9),
        ("1000x:uint8", 0, 255),
        ("ones:3x", 1, 1),
        ("zeros:3x:int32", 0, 0),
        ("arange:3x4", 0, 11),
    ],
)
def test_values_lie_in_their_range_and_reach_its_ends(text: str, low: float, high: float) -> None:
    value = value_of(text).double()
    assert low <= value.min() <= low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) <= value.max() <= high


def test_the_same_seed_draws_the_same_and_another_something_else() -> None:
    draws = [given_("4x4", seed=seed).args[0] for seed in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_drawing_leaves_the_global_generator_where_it_was() -> None:
    before = torch.default_generator.get_state()
    given_("4x4", "ids=2x3:int64:0-5")
    assert torch.equal(torch.default_generator.get_state(), before)


def test_floats_are_of_the_models_own_dtype() -> None:
    assert given_("2x6", "2x6", model=Pair().to(torch.bfloat16)).args[0].dtype is torch.bfloat16


def test_tensors_are_made_where_the_model_lives() -> None:
    sample = given_("2x6", "2x6", model=Pair().to("meta"))
    assert [value.device.type for value in sample.args] == ["meta", "meta"]


def test_integers_without_a_range_are_rows_of_the_smallest_embedding() -> None:
    sample = given_("200x:int64", model=nn.Embedding(3, 4))
    assert set(sample.args[0].tolist()) == {0, 1, 2}


# --- other values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name='text'", "text"),
        ("choice=conv", "conv"),
        ("n=3", 3),
        ("3", 3),
        ("flag=True", True),
        ("x=None", None),
        ("t=0.5", 0.5),
        ("t=-1", -1),
        ("sizes=[1, 2]", [1, 2]),
        ("sizes=(3, 'a')", (3, "a")),
        ("one=(3,)", (3,)),
        ("one=(3)", 3),
        ("none=()", ()),
        ("options={'a': 1, 'b': [2]}", {"a": 1, "b": [2]}),
        ("path='a=b'", "a=b"),
        ("text='2x3'", "2x3"),
    ],
)
def test_what_is_no_tensor_is_a_literal(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_tensors_may_stand_in_tuples_lists_and_dicts() -> None:
    state = value_of("state=(1x2x8, [2x3:int64:0-1, 'a'], {'k': ones:4x})")
    assert (tuple(state[0].shape), state[1][0].dtype, state[1][1]) == ((1, 2, 8), torch.int64, "a")
    assert torch.equal(state[2]["k"], torch.ones(4))


# --- arranging --------------------------------------------------------------------------------------------------------


def test_without_names_arguments_go_in_their_order_and_with_names_to_theirs() -> None:
    sample = given_("right=3x6", "2x6", model=Pair())
    assert [tuple(value.shape) for value in sample.args] == [(2, 6)]
    assert tuple(sample.kwargs["right"].shape) == (3, 6)
    assert [(argument.name, argument.keyword) for argument in sample.record.arguments] == [
        ("right", True),
        ("left", False),
    ]


def test_a_required_argument_that_was_not_given_is_guessed_beside_the_others() -> None:
    sample = given_("left=3x6", model=Pair())
    assert sample.kwargs["right"].shape[-1] == 6
    assert sample.record.origin == "given"
    assert [argument.reason for argument in sample.record.arguments] == ["", "fc wants 6"]
    assert sample.record.reason == "right guessed: fc wants 6"


def test_arguments_beyond_the_named_ones_are_numbered() -> None:
    names = [argument.name for argument in given_("2x3", "4x").record.arguments]
    assert names == ["args[0]", "args[1]"]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


X = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("stored", "args", "kwargs"),
    [
        (X, 1, []),
        ((X, X), 2, []),
        ([X, X], 2, []),
        ({"left": X, "right": X}, 0, ["left", "right"]),
        (((X,), {"right": X}), 1, ["right"]),
    ],
)
def test_a_file_holds_a_tensor_or_all_arguments(folder: Path, stored: Any, args: int, kwargs: list[str]) -> None:
    torch.save(stored, folder / "batch.pt")
    sample = given_("@batch.pt", model=None if args + len(kwargs) == 1 else Pair())
    assert (len(sample.args), list(sample.kwargs)) == (args, kwargs)
    assert torch.equal((*sample.args, *sample.kwargs.values())[0], X)
    assert [argument.text for argument in sample.record.arguments if argument.text] == ["@batch.pt"]
    assert sample.record.where == "batch.pt"


def test_a_file_may_be_one_argument(folder: Path) -> None:
    numpy.save(folder / "x.npy", X.numpy())
    sample = given_("right=@x.npy", "2x3", model=Pair())
    assert torch.equal(sample.kwargs["right"], X)
    assert sample.record.arguments[0].text == "right=@x.npy"


def test_arrays_of_an_npz_are_arguments_by_name(folder: Path) -> None:
    numpy.savez(folder / "x.npz", left=X.numpy(), right=X.numpy())
    assert list(given_("@x.npz", model=Pair()).kwargs) == ["left", "right"]


def test_a_dict_whose_keys_are_no_arguments_is_one_argument(folder: Path) -> None:
    class Batch(nn.Module):
        def forward(self, batch: dict[str, Tensor]) -> Tensor:
            return batch["image"]

    torch.save({"image": X}, folder / "batch.pt")
    assert list(given_("@batch.pt", model=Batch()).args[0]) == ["image"]


def test_a_pickle_that_would_run_code_is_refused(folder: Path) -> None:
    torch.save({"x": Drawn((2,))}, folder / "batch.pt")
    failure = refused("@batch.pt")
    assert "opening it would run code" in failure.message
    assert "torch.save" in failure.mend


def test_safetensors_without_its_package_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_safetensors", None)
    (folder / "x.safetensors").write_bytes(b"")
    failure = refused("@x.safetensors")
    assert "safetensors is not installed" in failure.message


@pytest.mark.parametrize("name", ["broken.pt", "broken.npy", "broken.npz"])
def test_a_broken_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"no such format")
    assert f"{name} cannot be read" in refused(f"@{name}").message


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no value"),
        ("x=", "there is no value"),
        ("2x3x", "neither a shape"),
        ("2y3", "neither a shape"),
        ("x=2x-3", "neither a shape"),
        ("x=2x3:float33", "there is no dtype 'float33'; was float32 meant?"),
        ("x=zeroes:2x3", "'zeroes' is none of zeros, ones, uniform, normal, arange; was zeros meant?"),
        ("x=zeros:a", "'a' is no shape"),
        ("x=2x3:int64:5", "'5' is no range"),
        ("x=2x3:int64:9-1", "the range 9-1 ends before it begins"),
        ("x=2x3:int64:0.5-1", "int64 has whole numbers only"),
        ("x=ones:2x3:int64:0-1", "ones takes no range"),
        ("x=(2x3, 4x5", "( is not closed by )"),
        ("x={a: 2x3}", "the key 'a' is no literal"),
        ("@nowhere.pt", "the file nowhere.pt is not there"),
        ("@batch.pkl", "inputs are read from .pt, .pth, .npy, .npz, .safetensors"),
        ("x=99999999x99999999", "larger than any memory"),
        ("x=open('a')", "neither a shape"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_typed(text: str, reason: str) -> None:
    failure = refused(text)
    assert failure.message.startswith(f"--input {text}: ")
    assert reason in failure.message


@pytest.mark.parametrize("text", ["2y3", "x=2x3:float33", "x=zeroes:2x3", "x=2x3:int64:5", "x=(2x3, 4x5"])
def test_an_example_stands_beside_what_is_wrong_and_is_right_itself(text: str) -> None:
    mend = refused(text).mend
    examples = [part.split("  ")[0].strip(" ,") for part in mend.split("--input ")[1:]]
    assert examples
    for example in examples:
        if "@" not in example:
            given_(example.removesuffix(" or"))


def test_an_unknown_name_is_answered_with_the_signature_and_the_nearest_one() -> None:
    failure = refused("rigth=2x6", model=Pair())
    assert "forward has no argument rigth" in failure.message
    assert "forward(left: Tensor, right: Tensor, how: str = 'add')" in failure.message
    assert "--input right=2x6" in failure.mend
    assert [argument.name for argument in failure.arguments] == ["left", "right", "how"]


def test_too_many_arguments_are_refused() -> None:
    assert "4 arguments without a name, but forward takes 3" in refused("2x6", "2x6", "'a'", "1", model=Pair()).message


@pytest.mark.parametrize("texts", [("left=2x6", "left=2x6"), ("2x6", "left=2x6")])
def test_an_argument_that_is_given_twice_is_refused(texts: tuple[str, ...]) -> None:
    assert "left is given" in refused(*texts, model=Pair()).message


def test_what_cannot_be_guessed_beside_the_given_is_asked_for() -> None:
    class Strange(nn.Module):
        def forward(self, x: Tensor, path: Path) -> Tensor:
            return x

    failure = refused("x=2x3", model=Strange())
    assert "forward also wants path, which cannot be guessed" in failure.message
    assert "forward(x: Tensor, path: " in failure.message


# --- there and back ---------------------------------------------------------------------------------------------------


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=4)))
    dtype = draw(st.sampled_from(["float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "bool"]))
    how: Any = draw(st.sampled_from(["normal", "zeros", "ones"]))
    if how != "normal" or dtype == "bool":
        return Drawn(shape, dtype, how)
    if DTYPES[dtype].is_floating_point:
        low = draw(st.sampled_from([None, -1.5, 0.0, 2.0]))
        return Drawn(shape, dtype, how, low, None if low is None else low + 1)
    low = draw(st.integers(0, 5))
    return Drawn(shape, dtype, how, low, low + draw(st.integers(0, 50)))


recipes: st.SearchStrategy[Recipe] = st.recursive(
    st.one_of(drawn(), st.sampled_from([None, True, 3, -0.5, "conv", "it's", "a,b", "(", "x=1:2"]).map(plain)),
    lambda parts: st.one_of(
        st.tuples(st.sampled_from(["tuple", "list"]), st.lists(parts, max_size=3)).map(
            lambda pair: Several(pair[0], tuple(pair[1]))
        ),
        st.dictionaries(st.sampled_from(["a", "b c", "d:e", "f,"]), parts, max_size=3).map(
            lambda found: Several("dict", tuple(found.values()), tuple(found))
        ),
    ),
    max_leaves=6,
)


@given(recipes)
def test_what_is_spelled_is_read_as_the_same(recipe: Recipe) -> None:
    assert read(f"x={spell(recipe)}", "float32").recipe == recipe


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read(text, "float32").text
    except LoadFailed as failed:
        found = failed.failure.message.removeprefix("--input ")
    assert found.startswith(sendable(text))


# --- the command ------------------------------------------------------------------------------------------------------

CHOOSER = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.fc = nn.Linear(width, 2)

    def forward(self, x, how="add"):
        return self.fc(x)
"""


def test_the_command_repeats_target_arguments_and_inputs(project: Project) -> None:
    project.write("m.py", CHOOSER)
    built = project.load("m.py", "width=6")
    record = choose(built.model, ("2x6", "how='mul two'"), built, 3).record
    expected = """nn-inspect m.py:Net --arg width=6 --input 2x6 --input 'how='"'"'mul two'"'"'' --seed 3"""
    assert record.command == expected


def test_the_command_of_a_guess_spells_the_guess(project: Project) -> None:
    project.write("m.py", CHOOSER)
    built = project.load("m.py")
    assert choose(built.model, (), built, 0).record.command == "nn-inspect m.py:Net --input x=2x4:float32"


def test_reading_files_imports_nothing_from_the_users_folder(folder: Path) -> None:
    torch.save(X, folder / "batch.pt")
    before = set(sys.modules)
    given_("@batch.pt")
    assert not {name for name in set(sys.modules) - before if not name.startswith(("torch", "numpy"))}


# --- too much ---------------------------------------------------------------------------------------------------------


def test_values_for_which_there_is_no_memory_are_refused_before_any_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "free_bytes", lambda: 1 << 20)
    failure = refused("left=2x6", "right=1000x1000:float64", model=Pair())
    assert failure.message == "right would take 7.63 MiB, and 1.00 MiB of memory are free"
    assert "--device meta" in failure.mend
    assert "would take 7.63 MiB" in refused("(2x3, [1000x1000:float64])").message
    assert value_of("100x100").shape == (100, 100)
    monkeypatch.setattr(sample, "free_bytes", lambda: 0)  # where nobody tells
    assert value_of("1000x1000:float64").shape == (1000, 1000)


def test_on_meta_values_of_any_size_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "free_bytes", lambda: 1)
    model = Pair().to("meta")
    assert given_("2000000x6", "2000000x6", model=model).args[0].shape == (2_000_000, 6)
