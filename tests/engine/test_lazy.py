"""Copies of models with lazy layers: a run gives sizes to the copy alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.forward.lazy import UncopyableError, copy_if_lazy, lazy_layers


class Net(nn.Module):
    """Two layers without a size, one with."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.LazyLinear(10)
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        out: Tensor = self.head(self.norm(self.conv(x)).flatten(1))
        return out


def test_a_model_without_lazy_layers_is_not_copied() -> None:
    assert copy_if_lazy(nn.Linear(3, 4)) is None


def test_a_run_of_the_copy_leaves_the_original_lazy() -> None:
    model = Net()
    hooks = [len(module._forward_pre_hooks) for module in model.modules()]
    copied = copy_if_lazy(model)
    assert copied is not None
    assert copied.model(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    assert type(copied.model.get_submodule("head")) is nn.Linear
    assert type(model.conv) is nn.LazyConv2d
    assert type(model.head) is nn.LazyLinear
    assert model.head.has_uninitialized_params()
    assert [len(module._forward_pre_hooks) for module in model.modules()] == hooks
    assert model.seen == []


def test_the_copy_shares_every_tensor_that_has_a_size() -> None:
    model = Net()
    copied = copy_if_lazy(model)
    assert copied is not None
    norm = copied.model.get_submodule("norm")
    assert norm is not model.norm
    assert norm.weight is model.norm.weight
    assert norm.running_mean is model.norm.running_mean
    assert copied.model.get_submodule("head").weight is not model.head.weight


def test_modules_of_the_copy_stand_for_the_originals() -> None:
    model = Net()
    rows = {id(module): row for row, module in enumerate(model.modules())}
    copied = copy_if_lazy(model)
    assert copied is not None
    row_of = copied.row_of(lambda module: rows.get(id(module)))
    assert [row_of(module) for module in copied.model.modules()] == [0, 1, 2, 3]
    assert row_of(nn.ReLU()) is None


def test_the_note_counts_the_layers() -> None:
    assert [type(layer).__name__ for layer in lazy_layers(Net())] == ["LazyConv2d", "LazyLinear"]
    copied = copy_if_lazy(Net())
    assert copied is not None
    assert copied.note == "run on a copy: 2 lazy layers would have been initialised"
    alone = copy_if_lazy(nn.LazyLinear(3))
    assert alone is not None
    assert alone.note == "run on a copy: 1 lazy layer would have been initialised"


def test_a_shared_lazy_layer_stays_shared() -> None:
    layer = nn.LazyLinear(4)
    copied = copy_if_lazy(nn.Sequential(layer, nn.ReLU(), nn.Sequential(layer)))
    assert copied is not None
    assert copied.model.get_submodule("0") is copied.model.get_submodule("2.0")


class Refuses(nn.LazyLinear):
    """Does not let itself be copied."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Refuses:
        raise TypeError("cannot pickle 'lock' object")


def test_a_model_that_cannot_be_copied_is_refused_with_the_reason() -> None:
    with pytest.raises(UncopyableError, match="cannot be copied: TypeError: cannot pickle 'lock' object"):
        copy_if_lazy(nn.Sequential(Refuses(3)))


def test_the_copy_knows_its_lazy_layers_as_torch_does() -> None:
    model = Net()
    copied = copy_if_lazy(model)
    assert copied is not None
    again = copy.deepcopy(model)
    assert [type(m) for m in copied.model.modules()] == [type(m) for m in again.modules()]
