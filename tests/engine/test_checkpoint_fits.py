"""`fits` is what torch's own strict loading says, of every model and whatever became of its state dict."""

from __future__ import annotations

import copy
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.engine.checkpoint import asking, slots
from inspector.engine.checkpoint.contents import StateDict, stored
from inspector.engine.checkpoint.matching import Match, match
from tests.engine.checkpoint_models import MODELS, Backbone, Buffers, Optional, Tied
from tests.engine.checkpoints import torch_loads

State = dict[str, Any]


def matched(model: nn.Module, state: State) -> Match:
    """What is said of a state dict."""
    held = StateDict("", {key: stored(value) for key, value in state.items()}, getattr(state, "_metadata", None))
    wanted = slots.of_model(model)
    found, notes = asking.corrected(model, held, wanted, match(held, wanted))
    assert not [note for note in notes if "could not" in note], notes
    return found


CHANGES = (
    "drop",
    "drop module",
    "rename",
    "prefix",
    "strip",
    "shape",
    "one element",
    "extra",
    "number",
    "versions",
    "below",
)


@st.composite
def changed(draw: st.DrawFn, state: State) -> State:
    """A state dict after some accidents."""
    for _ in range(draw(st.integers(0, 3))):
        versions = getattr(state, "_metadata", None)
        state = accident(draw, state, draw(st.sampled_from(CHANGES)))
        if versions is not None and not hasattr(state, "_metadata") and draw(st.booleans()):
            state._metadata = versions  # type: ignore[attr-defined]
    return state


def accident(draw: st.DrawFn, state: State, kind: str) -> State:
    key = draw(st.sampled_from(list(state))) if state else "nothing"
    top = key.rpartition(".")[0]
    names = ("module.", "_orig_mod.", "model.", "encoder.", "backbone.")
    prefix = draw(st.sampled_from(names))
    match kind:
        case "drop":
            return OrderedDict(item for item in state.items() if item[0] != key)
        case "drop module":
            return OrderedDict(item for item in state.items() if item[0].rpartition(".")[0] != top)
        case "rename":
            return OrderedDict((f"{name}x" if name == key else name, value) for name, value in state.items())
        case "prefix":
            part = draw(st.booleans())
            return OrderedDict((name if part and name == key else prefix + name, each) for name, each in state.items())
        case "strip":
            return OrderedDict((name.removeprefix(prefix), each) for name, each in state.items())
        case "below":
            return OrderedDict(
                [*state.items(), (f"{draw(st.sampled_from(('downsample.x', key + '.x', top)))}", torch.ones(1))]
            )
        case "extra":
            return OrderedDict(
                [*state.items(), (f"{top}.{draw(st.sampled_from(('w', '_extra_state')))}", torch.ones(1))]
            )
        case "versions":
            return OrderedDict(state)
    shapes = {"shape": torch.ones(2, 7), "one element": torch.ones(1), "number": 3}
    if key.endswith("_extra_state"):  # What it holds is between the file and the model's own code.
        return state
    return OrderedDict((name, shapes[kind] if name == key else value) for name, value in state.items())


@pytest.mark.parametrize("name", MODELS)
def test_a_models_own_state_dict_fits(name: str) -> None:
    model = MODELS[name]()
    assert matched(model, model.state_dict()).fits
    assert torch_loads(MODELS[name](), model.state_dict())


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_fits_exactly_when_torch_loads_it(name: str, data: st.DataObject) -> None:
    model = MODELS[name]()
    state = data.draw(changed(model.state_dict()))
    found = matched(model, state)
    assert found.fits == torch_loads(MODELS[name](), state)
    keys = [*found.fitting, *(slot.key for slot in found.missing), *(misfit.slot.key for misfit in found.misfits)]
    well = [
        key for each in found.renamed for held, key in each.pairs if held not in {m.file_key for m in found.misfits}
    ]
    assert sorted([*keys, *found.excused, *well]) == sorted(slots.of_model(model).by_key)


@pytest.mark.parametrize("version", [None, 1, 2])
def test_the_counter_of_batches_may_be_missing_where_torch_does_without(version: int | None) -> None:
    model = Backbone()
    state = model.state_dict()
    del state["bn1.num_batches_tracked"]
    state._metadata["bn1"]["version"] = version  # type: ignore[attr-defined]
    found = matched(model, state)
    assert found.fits == torch_loads(model, state) == (version != 2)
    assert found.excused == (("bn1.num_batches_tracked",) if version != 2 else ())


def test_a_lazy_model_takes_every_size() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    state = nn.Sequential(nn.Linear(77, 5)).state_dict()
    assert torch_loads(model, state)
    assert matched(model, state).fits


def test_a_lazy_file_has_no_tensors_to_load() -> None:
    state = nn.Sequential(nn.LazyLinear(3)).state_dict()
    model = nn.Sequential(nn.Linear(4, 3))
    assert not torch_loads(model, state)
    assert not matched(model, state).fits


def test_a_sparse_tensor_does_not_fit_a_dense_one() -> None:
    state = copy.deepcopy(nn.Linear(3, 3).state_dict())
    state["weight"] = torch.eye(3).to_sparse()
    assert matched(nn.Linear(3, 3), state).fits == torch_loads(nn.Linear(3, 3), state)


def test_a_scalar_takes_one_element_and_no_other() -> None:
    for shape, loads in (((), True), ((1,), True), ((2,), False), ((1, 1), False)):
        state = Buffers().state_dict() | {"scale": torch.ones(shape)}
        assert matched(Buffers(), OrderedDict(state)).fits == torch_loads(Buffers(), state) == loads


def test_what_lies_below_a_module_that_is_none_is_passed_over() -> None:
    state = OrderedDict(Optional().state_dict() | {"downsample.0.weight": torch.ones(2)})
    found = matched(Optional(), state)
    assert found.fits
    assert found.passed_over == ("downsample.0.weight",)


def test_both_names_of_a_tied_weight_are_wanted() -> None:
    state = Tied().state_dict()
    del state["lm_head.weight"]
    assert [slot.key for slot in matched(Tied(), state).missing] == ["lm_head.weight"]


def test_a_module_below_itself_has_an_end() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.add_module("again", model)
    assert list(slots.of_model(model).by_key) == ["0.weight", "0.bias"]


def test_a_model_that_loads_in_its_own_way_is_asked_and_left_alone(tmp_path: Path) -> None:
    model = MODELS["renaming"]()
    state = OrderedDict((key.replace("head", "fc"), value) for key, value in model.state_dict().items())
    found = matched(model, state)
    assert found.fits
    assert torch_loads(model, state)
