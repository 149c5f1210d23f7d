"""What the cards of containers and parameters promise, done with torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from inspector.cards import CARDS

CONTAINERS = ["Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"]


def holder(**attributes: Any) -> nn.Module:
    module = nn.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


def parameters(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def children(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_children()]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_card_tells_what_is_registered_and_whether_it_runs(name: str) -> None:
    heads = {line.split()[0] for line in CARDS[name].formula if not line.startswith(" ")}
    assert heads == {"registers", "iterates", "forward"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_forward_is_missing_where_the_card_says_so(name: str) -> None:
    says_none = any("NotImplementedError" in line for line in CARDS[name].formula)
    if name == "Module":
        assert not says_none  # it is the class's own
    else:
        assert says_none is (getattr(nn, name).forward is nn.Module.forward)


def test_a_module_registers_what_is_assigned_and_looks_into_no_list() -> None:
    tensor, part = torch.zeros(2), nn.Linear(1, 1)
    module = holder(part=part, weight=nn.Parameter(tensor), plain=tensor, several=[part], pair=(nn.Parameter(tensor),))
    assert children(module) == ["part"]
    assert parameters(module) == ["weight", "part.weight", "part.bias"]
    with pytest.raises(TypeError):
        iter(module)  # type: ignore[call-overload]

    class Early(nn.Module):
        def __init__(self) -> None:
            self.part = nn.Linear(1, 1)

    with pytest.raises(AttributeError):
        Early()


def test_sequential_names_its_modules_and_passes_one_thing_on() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    assert children(model) == ["0", "1"]
    assert list(model) == [model[0], model[1]]
    assert isinstance(model[:1], nn.Sequential)
    with pytest.raises(TypeError):
        model(torch.zeros(1, 2), torch.zeros(1, 2))


def test_module_list_takes_modules_alone_and_dict_has_rules_for_its_keys() -> None:
    with pytest.raises(TypeError):
        nn.ModuleList([torch.zeros(1)])  # type: ignore[list-item]
    assert list(nn.ModuleDict({"a": nn.ReLU(), "b": nn.ReLU()})) == ["a", "b"]
    for key in ("a.b", "keys", "type", "forward"):
        with pytest.raises(KeyError):
            nn.ModuleDict({key: nn.ReLU()})


def test_parameter_containers_make_parameters_of_tensors_and_hold_the_rest_unregistered() -> None:
    listed = nn.ParameterList([torch.zeros(1), 3, nn.Linear(1, 1)])
    assert parameters(listed)[0] == "0"
    assert isinstance(listed[0], nn.Parameter)
    assert listed[1] == 3
    named = nn.ParameterDict({"c": torch.zeros(1), "b": "text"})
    named["a"] = torch.zeros(1)
    assert parameters(named) == ["c", "a"]
    assert list(named) == ["b", "c", "a"]


def test_modes_are_passed_on_to_what_is_registered() -> None:
    module = nn.ModuleList([nn.Sequential(nn.Dropout())])
    module.eval()
    assert not module[0][0].training  # type: ignore[index]


def test_assignments_of_parameters_are_as_the_card_says() -> None:
    tensor = torch.zeros(2)
    module = holder(w=nn.Parameter(tensor), plain=tensor, computed=2 * nn.Parameter(tensor), ws=[nn.Parameter(tensor)])
    assert parameters(module) == ["w"]
    with pytest.raises(TypeError):
        module.w = tensor
    setattr(module, "w", None)  # noqa: B010 - for the type checker this cannot be
    assert module._parameters == {"w": None}
    assert nn.Parameter(tensor).data_ptr() == tensor.data_ptr()
    with pytest.raises(RuntimeError):
        nn.Parameter(torch.zeros(2, dtype=torch.int64))
    assert not nn.Parameter(torch.zeros(2, dtype=torch.int64), requires_grad=False).requires_grad


@pytest.mark.skipif(not hasattr(nn, "Buffer"), reason="torch before 2.5 has no nn.Buffer")
def test_assignments_of_buffers_are_as_the_card_says() -> None:
    tensor = torch.zeros(2)
    module = holder(kept=nn.Buffer(tensor), unsaved=nn.Buffer(tensor, persistent=False), plain=tensor)
    module.register_buffer("older", tensor)
    module.kept = torch.ones(3)
    assert list(module._buffers) == ["kept", "unsaved", "older"]
    assert list(module.state_dict()) == ["kept", "older"]
    assert module.kept.tolist() == [1, 1, 1]


def test_what_is_uninitialised_has_no_shape_until_it_is_given_one() -> None:
    for value in (nn.UninitializedParameter(), nn.UninitializedBuffer()):
        with pytest.raises(RuntimeError):
            value.shape  # noqa: B018 - asking is the test
        value.materialize((8, 3))
        assert value.shape == (8, 3)
