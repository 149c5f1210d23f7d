"""Modules, parameters and tensors in plain attributes: seen, named, and not counted in."""

from __future__ import annotations

from collections import deque, namedtuple
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from inspector.schema import Flag, GhostRow, Kind
from tests.engine.reading import reading


class Holder(nn.Module):
    """A module with one registered layer, and one plain attribute."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        vars(self)["held"] = held


def ghosts(held: Any) -> dict[str, Any]:
    return dict(reading(Holder(held)).ghosts())


def test_modules_in_a_plain_list_are_ghosts_with_their_path_and_lost_parameters() -> None:
    result = reading(Holder([nn.Linear(3, 4), nn.Linear(3, 4)]))
    found: dict[str, Any] = dict(result.ghosts())
    assert list(found) == ["held", "held[0]", "held[1]"]
    assert found["held"].type == "list of 2 Linear"
    assert found["held"].container == "list"
    assert found["held"].holds == "module"
    assert found["held"].elements == 32
    assert found["held[0]"].type == "Linear"
    assert found["held[0]"].container == "list"
    assert found["held[0]"].elements == 16
    assert result.totals.parameters == 6
    assert result.number("elements", "held[1]") == 16
    assert result.type("held[1]").name == "Linear"
    assert result.structure.module(result.row("held[1]")) is result.model.held[1]  # type: ignore[index]


def test_ghosts_stand_after_the_buffers_and_before_the_children() -> None:
    assert reading(Holder([nn.ReLU()])).paths == ["", "held", "held[0]", "fc", "fc.weight", "fc.bias"]


Pair = namedtuple("Pair", "left right")


@dataclass
class Parts:
    first: nn.Module
    rest: list[nn.Module] = field(default_factory=list)
    count: int = 3


@dataclass
class Slotted:
    __slots__ = ("layer", "unset")
    layer: nn.Module
    unset: nn.Module


def test_every_kind_of_container_is_looked_into() -> None:
    layer = nn.Linear(1, 1)
    slotted = Slotted.__new__(Slotted)
    slotted.layer = layer
    for held, paths, container in [
        ((layer,), ["held", "held[0]"], "tuple"),
        ({"enc": layer}, ["held", "held['enc']"], "dict"),
        ({3: layer}, ["held", "held[3]"], "dict"),
        ({layer: layer}, ["held", "held[<Linear>]"], "dict"),
        ({layer}, ["held", "held[0]"], "set"),
        (frozenset([layer]), ["held", "held[0]"], "frozenset"),
        (deque([layer]), ["held", "held[0]"], "deque"),
        (Pair(layer, 3), ["held", "held.left"], "namedtuple Pair"),
        (Parts(layer), ["held", "held.first"], "dataclass Parts"),
        (slotted, ["held", "held.layer"], "dataclass Slotted"),
        ([[layer]], ["held", "held[0]", "held[0][0]"], "list"),
        ({"a": [(layer,)]}, ["held", "held['a']", "held['a'][0]", "held['a'][0][0]"], "dict"),
        (Parts(nn.ReLU(), [layer]), ["held", "held.first", "held.rest", "held.rest[0]"], "dataclass Parts"),
    ]:
        found = ghosts(held)
        assert list(found) == paths
        assert found["held"].container == container
        assert found["held"].elements == 2


def test_a_single_module_parameter_or_tensor_is_a_ghost_too() -> None:
    module = ghosts(nn.Linear(2, 2))["held"]
    assert (module.type, module.container, module.holds, module.elements) == ("Linear", "attribute", "module", 6)
    parameter = ghosts(nn.Parameter(torch.zeros(3)))["held"]
    assert (parameter.type, parameter.holds, parameter.elements) == ("Parameter", "parameter", 3)
    tensor = ghosts(torch.tensor(7))["held"]
    assert (tensor.type, tensor.holds, tensor.shape, tensor.dtype, tensor.bytes) == ("Tensor", "tensor", (), "int64", 8)


def test_the_tensor_of_a_ghost_can_be_looked_at() -> None:
    tensor = torch.arange(3.0)
    result = reading(Holder({"x": tensor}))
    assert result.structure.tensor(result.row("held['x']")) is tensor
    assert result.structure.tensor(result.row("held")) is None


def test_what_is_registered_anywhere_is_no_ghost() -> None:
    model = Holder(None)
    model.inner = nn.Sequential(nn.Linear(2, 2))
    vars(model).update(
        alias=[model.fc, model.inner],
        weight=model.fc.weight,
        deep={"x": (model.inner[0].bias,)},
        itself=[model],
    )
    vars(model.inner)["up"] = [model.fc]
    assert reading(model).ghosts() == {}


def test_a_ghost_module_counts_only_what_is_registered_nowhere() -> None:
    model = Holder(None)
    vars(model)["held"] = nn.Sequential(model.fc, nn.Linear(3, 1))
    assert dict(reading(model).ghosts())["held"].elements == 4  # type: ignore[union-attr]


def test_the_same_ghost_twice_in_a_list_counts_once() -> None:
    layer = nn.Linear(1, 1)
    found = ghosts([layer, layer])
    assert found["held"].type == "list of 2 Linear"
    assert found["held"].elements == 2


def test_numbers_and_texts_in_containers_are_no_ghosts() -> None:
    assert ghosts({"sizes": [1, 2, (3, "x")], "none": None, "f": len, "cls": nn.Linear}) == {}


def test_containers_that_contain_themselves_or_lie_too_deep_end() -> None:
    around: list[Any] = [nn.Linear(1, 1)]
    around.append(around)
    assert list(ghosts(around)) == ["held", "held[0]"]
    assert ghosts([[[[[[nn.Linear(1, 1)]]]]]]) == {}


def test_a_long_list_of_ghosts_is_cut_and_says_so() -> None:
    found = ghosts([nn.Linear(1, 1) for _ in range(250)])
    assert len(found) == 1 + 200
    assert found["held"].type == "list of 250 Linear"
    assert found["held"].elements == 500
    assert found["held"].note == "the first 200 of 250 are shown"


def test_what_lies_beyond_the_entries_looked_at_is_said() -> None:
    found = ghosts([*[nn.Linear(1, 1)], *range(20_000)])
    assert found["held"].note == "looked at the first 10,000 of 20,001 entries"
    assert found["held"].type == "list of at least 1 Linear"


def test_a_list_of_modules_and_tensors_names_both() -> None:
    assert ghosts([nn.ReLU(), torch.zeros(1)])["held"].type == "list of 2 modules and tensors"
    assert ghosts([nn.ReLU(), nn.Tanh()])["held"].type == "list of 2 modules"


def test_properties_and_descriptors_do_not_run() -> None:
    class Careful(nn.Module):
        @property
        def trap(self) -> nn.Module:
            raise AssertionError("a property ran")

    class Tricky(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("an overridden __iter__ ran")

    model = Careful()
    vars(model)["held"] = Tricky([nn.Linear(1, 1)])
    assert list(reading(model).ghosts()) == ["held", "held[0]"]


def test_a_module_written_past_setattr_is_found() -> None:
    model = nn.Module()
    object.__setattr__(model, "hidden", nn.Linear(1, 1))
    assert list(reading(model).ghosts()) == ["hidden"]


def test_a_ghost_that_is_lazy_is_left_lazy() -> None:
    lazy = nn.LazyLinear(3)
    record: GhostRow = ghosts(lazy)["held"]
    assert record.elements == 0
    assert record.note == "and 2 not initialised yet"
    assert isinstance(lazy.weight, nn.UninitializedParameter)


def test_the_weights_that_torchs_own_layers_keep_are_no_ghosts() -> None:
    assert reading(nn.Sequential(nn.LSTM(2, 2), nn.GRU(2, 2, num_layers=2), nn.MultiheadAttention(4, 2))).ghosts() == {}
    assert reading(nn.utils.parametrizations.weight_norm(nn.LSTM(2, 2), "weight_hh_l0")).ghosts() == {}


def test_a_ghost_tensor_that_requires_grad_is_flagged() -> None:
    result = reading(Holder(nn.Parameter(torch.zeros(1))))
    assert Flag.TRAINABLE in result.flag("held", Kind.GHOST)


def test_a_plain_tensor_says_whose_memory_it_uses() -> None:
    model: Any = nn.Module()
    model.fc = nn.Linear(2, 2)
    model.fc.view, model.raw, model.copy = model.fc.weight.detach()[0], model.fc.bias.data, model.fc.bias.data.clone()
    ghosts: dict[str, Any] = reading(model).ghosts()
    assert ghosts["fc.view"].note == "shares memory of fc.weight"
    assert ghosts["raw"].note == "shares memory of fc.bias"
    assert ghosts["copy"].note == ""


def test_a_container_of_modules_may_be_kept_as_a_constant_of_the_class() -> None:
    class Net(nn.Module):
        layers = (nn.Linear(2, 2), nn.ReLU())

    found: dict[str, Any] = reading(Net()).ghosts()
    assert list(found) == ["layers", "layers[0]", "layers[1]"]
    assert found["layers"].container == "class attribute"
    assert found["layers"].elements == 6
