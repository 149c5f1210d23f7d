"""Tensors that are made from others stand above what they are made from, and are not made by looking."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

from inspector.engine.structure import read
from inspector.schema import Flag, Kind
from tests.engine.reading import Reading, reading

prune: Any = torch_prune


def old_weight_norm(module: nn.Module, **options: Any) -> nn.Module:
    with pytest.warns(FutureWarning):
        return nn.utils.weight_norm(module, **options)


def made(result: Reading) -> dict[str, Any]:
    return {result.paths[row]: result.records[row] for row in result.of_kind(Kind.MADE)}


def untouched(model: nn.Module) -> list[Any]:
    tensors = [*model.parameters(), *model.buffers()]
    return [
        [(path, list(vars(module).items()), module.training) for path, module in model.named_modules()],
        [(id(t), t._version, t.detach().clone().tolist()) for t in tensors],
        torch.get_rng_state().tolist(),
    ]


def test_a_weight_norm_parametrization_stands_above_its_two_originals() -> None:
    result = reading(parametrizations.weight_norm(nn.Linear(20, 40)))
    assert result.totals.parameters == 40 + 800 + 40
    record = made(result)["weight"]
    assert record.shape == (40, 20)
    assert record.note == "weight_norm, dim 0"
    assert result.type("").name == "Linear"
    assert result.type("").qualified == "torch.nn.modules.linear.Linear"
    assert result.record("").facts == "20→40"
    assert result.paths == [
        "", "bias", "parametrizations", "weight", "parametrizations.weight", "parametrizations.weight.original0",
        "parametrizations.weight.original1", "parametrizations.weight.0",
    ]  # fmt: skip
    assert Flag.ELIDED in result.flag("parametrizations")
    assert Flag.ELIDED in result.flag("parametrizations.weight")
    assert Flag.ELIDED not in result.flag("parametrizations.weight.0")
    assert result.below("weight") == ["weight"]


def test_every_parametrized_tensor_of_a_module_has_its_own_row() -> None:
    layer = parametrizations.weight_norm(nn.LSTM(2, 3), "weight_ih_l0")
    result = reading(parametrizations.orthogonal(layer, "weight_hh_l0"))
    assert set(made(result)) == {"weight_ih_l0", "weight_hh_l0"}
    assert made(result)["weight_hh_l0"].note == "orthogonal"
    assert result.below("parametrizations") == ["weight_ih_l0", "weight_hh_l0"]


class Symmetric(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.triu() + x.triu(1).transpose(-1, -2)


class Scaled(nn.Module):
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen += 1
        return x * 2 + torch.rand(1)

    def right_inverse(self, x: Tensor) -> Tensor:
        return x / 2


def test_parametrizations_of_the_users_own_are_named_in_order() -> None:
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.register_parametrization(layer, "weight", Symmetric())
    record = made(reading(layer))["weight"]
    assert record.note == "parametrized by Symmetric, parametrized by Symmetric"
    assert record.shape == (3, 3)


def test_a_shape_that_an_inverse_may_have_changed_is_left_open_until_it_is_computed() -> None:
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Scaled())
    result = reading(layer)
    record = made(result)["weight"]
    assert (record.shape, record.lazy) == (None, False)
    assert record.note == "parametrized by Scaled; shape known once it is computed"
    tensor = result.structure.tensor(result.row("weight"))
    assert tensor is not None
    assert tensor.shape == (3, 3)


def test_neither_reading_nor_computing_a_parametrization_leaves_a_trace() -> None:
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Scaled())
    parametrize.register_parametrization(layer, "bias", Scaled())
    model = nn.Sequential(layer, parametrizations.spectral_norm(nn.Linear(3, 3)))
    before = untouched(model)
    result = read(model)
    result.rows(0, 100)
    rows = [row for row in range(result.outline.count) if result.outline.kind[row] == Kind.MADE]
    assert len(rows) == 3
    for row in rows:
        assert result.tensor(row) is not None
    assert untouched(model) == before
    steps: Any = layer.parametrizations
    assert steps.weight[0].training is True


def test_the_effective_weight_of_a_spectral_norm_is_that_of_evaluation() -> None:
    model = parametrizations.spectral_norm(nn.Linear(4, 4))
    result = reading(model)
    computed = result.structure.tensor(result.row("weight"))
    assert computed is not None
    assert not computed.requires_grad
    expected: Any = copy.deepcopy(model).eval().weight
    assert torch.equal(computed, expected)
    assert made(result)["weight"].note == "spectral_norm, 1 power iteration"


def test_a_parametrized_buffer_is_made_too() -> None:
    module = nn.Module()
    module.register_buffer("table", torch.ones(2, 2))
    parametrize.register_parametrization(module, "table", Symmetric())
    result = reading(module)
    assert made(result)["table"].requires_grad is False
    assert "parametrizations.table.original" in result.paths_of(Kind.BUFFER)


def test_an_extra_repr_that_asks_for_a_parametrized_bias_does_not_compute_it() -> None:
    layer = nn.Linear(2, 2)
    step = Scaled()
    parametrize.register_parametrization(layer, "bias", step)
    calls = step.calls
    result = reading(layer)
    assert step.calls == calls
    assert result.record("").extra_repr == "in_features=2, out_features=2, bias=True"
    assert result.record("").facts == "2→2"


def test_a_pruned_weight_stands_above_its_original_and_its_mask() -> None:
    layer = prune.l1_unstructured(nn.Linear(10, 10), "weight", 0.5)
    result = reading(layer)
    assert result.totals.parameters == 110
    assert result.totals.bytes == 440 + 400
    assert result.paths == ["", "bias", "weight", "weight_orig", "weight_mask"]
    assert result.below("weight") == ["weight_orig", "weight_mask"]
    record = made(result)["weight"]
    assert (record.shape, record.bytes, record.note) == ((10, 10), 400, "pruned by L1Unstructured")
    assert result.ghosts() == {}
    assert result.record("").hooks == ()
    weight = result.structure.tensor(result.row("weight"))
    assert weight is not None
    assert int((weight == 0).sum()) == 50


def test_a_weight_that_is_pruned_twice_names_both_methods() -> None:
    layer = prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
    prune.random_structured(layer, "weight", 1, 0)
    prune.random_unstructured(layer, "bias", 1)
    records = made(reading(layer))
    assert records["weight"].note == "pruned by L1Unstructured, RandomStructured"
    assert records["bias"].note == "pruned by RandomUnstructured"


def test_a_pruning_method_of_the_users_own_is_no_hook() -> None:
    class EveryOther(prune.BasePruningMethod):  # type: ignore[misc]
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    layer = nn.Linear(2, 2)
    EveryOther.apply(layer, "weight")
    result = reading(layer)
    assert made(result)["weight"].note == "pruned by EveryOther"
    assert result.record("").hooks == ()


def test_the_older_weight_norm_is_folded_like_the_newer() -> None:
    layer = old_weight_norm(nn.Linear(20, 40))
    result = reading(layer)
    assert result.totals.parameters == 880
    assert result.below("weight") == ["weight_g", "weight_v"]
    assert made(result)["weight"].note == "weight_norm, dim 0"
    assert made(result)["weight"].shape == (40, 20)
    assert result.ghosts() == {}
    computed = result.structure.tensor(result.row("weight"))
    assert computed is not None
    assert torch.allclose(computed, layer.weight)  # type: ignore[arg-type]


def test_one_norm_for_the_whole_weight_is_said_so() -> None:
    assert made(reading(old_weight_norm(nn.Linear(2, 2), dim=None)))["weight"].note == "weight_norm, one norm for all"


def test_the_older_spectral_norm_is_folded_and_its_vectors_are_left_alone() -> None:
    layer = nn.utils.spectral_norm(nn.Linear(4, 4))
    before = untouched(layer)
    result = reading(layer)
    assert result.below("weight") == ["weight_orig", "weight_u", "weight_v"]
    assert made(result)["weight"].note == "spectral_norm, 1 power iteration"
    computed = result.structure.tensor(result.row("weight"))
    assert computed is not None
    assert untouched(layer) == before


def test_a_made_tensor_adds_nothing_to_the_sums() -> None:
    plain, normed = nn.Linear(3, 3), parametrizations.orthogonal(nn.Linear(3, 3))
    result = reading(nn.Sequential(plain, normed))
    assert result.totals.parameters == 24
    assert result.number("elements", "1.weight", Kind.MADE) == 9


def test_parametrized_blocks_fold_to_a_run() -> None:
    model = nn.ModuleList(parametrizations.weight_norm(nn.Linear(2, 2)) for _ in range(4))
    result = reading(model)
    assert result.below("") == ["0-3"]
    assert [record.name for record in result.structure.outline.types].count("Linear") == 1


def test_numbered_parametrized_tensors_are_no_run() -> None:
    module = nn.Module()
    for index in range(4):
        module.register_parameter(f"w{index}", nn.Parameter(torch.ones(2, 2)))
        parametrize.register_parametrization(module, f"w{index}", Symmetric())
    result = reading(module)
    assert result.of_kind(Kind.RUN) == []
    assert list(made(result)) == ["w0", "w1", "w2", "w3"]


def test_what_a_parametrization_raises_reaches_whoever_asked_for_its_values() -> None:
    class Broken(nn.Module):
        fine = True

        def forward(self, x: Tensor) -> Tensor:
            if self.fine:
                return x
            raise ValueError("broken now")

    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", Broken())
    result = reading(layer)
    steps: Any = layer.parametrizations
    steps.weight[0].fine = False
    before = untouched(layer)
    with pytest.raises(ValueError, match="broken now"):
        result.structure.tensor(result.row("weight"))
    assert untouched(layer) == before
