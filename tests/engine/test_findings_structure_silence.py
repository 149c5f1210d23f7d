"""Nothing is said of what is right, however odd it looks; and of a note no more than a note."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from inspector.engine.findings import structure_rules
from inspector.engine.findings.structure_rules import findings_of
from inspector.engine.structure import read
from tests.engine.conftest import Project
from tests.engine.programs.structure_healthy import HEALTHY
from tests.engine.test_findings_structure import noticed


@pytest.fixture(autouse=True)
def loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that raises fails its test."""
    monkeypatch.setattr(structure_rules, "_told", lambda find: list(find()))


def ids(model: nn.Module, device: str = "cpu") -> list[str]:
    return [finding.id for finding in findings_of(model, read(model), device)]


NOTED = {
    "frozen norms in eval mode": {"NN106", "NN107"},
    "frozen norms that do not move": {"NN106"},
    "frozen norms that forward puts in eval mode": {"NN106"},
    "zero-initialised branches": {"NN117"},
    "a target network": {"NN106"},
}
"""What is worth a look all the same."""


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_right_raises_no_alarm(project: Project, name: str) -> None:
    found = noticed(project, HEALTHY[name])
    assert {finding.id for finding in found} == NOTED.get(name, set())


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "Transformer": lambda: nn.Transformer(16, 2, 2, 2, 32, batch_first=True),
    "MultiheadAttention": lambda: nn.MultiheadAttention(16, 4, kdim=8, vdim=8),
    "LSTM": lambda: nn.LSTM(4, 8, 2, bidirectional=True, proj_size=4),
    "GRU": lambda: nn.GRU(4, 8),
    "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(32, 20, [4, 10]),
    "SyncBatchNorm": lambda: nn.SyncBatchNorm(4),
    "Bilinear": lambda: nn.Bilinear(3, 4, 5),
    "EmbeddingBag": lambda: nn.EmbeddingBag(10, 4, padding_idx=0),
    "DataParallel": lambda: nn.DataParallel(nn.Linear(4, 4)),
    "jit": lambda: torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))),
    "AvgPool2d": lambda: nn.AvgPool2d(2),
}
"""Modules of torch.nn, made as its documentation makes them."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_the_layers_of_torch_are_silent(name: str) -> None:
    assert ids(LAYERS[name]()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_observers_that_have_seen_nothing_are_no_broken_buffers() -> None:
    from torch.ao.quantization import HistogramObserver, MinMaxObserver

    assert ids(nn.Sequential(nn.Linear(4, 4), MinMaxObserver(), HistogramObserver())) == []


def test_a_model_without_values_is_judged_by_its_structure_alone() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    assert ids(model, "meta") == []


def test_what_building_on_meta_left_on_the_cpu_is_no_second_device() -> None:
    with torch.device("meta"):
        model = nn.Linear(4, 4)
    model.register_buffer("table", torch.rand(4))
    assert ids(model, "meta") == []
    assert ids(model) == ["NN112"]


def test_a_scalar_on_the_cpu_is_no_second_device() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4)).to("meta")
    model[0].num_batches_tracked = torch.tensor(0)
    assert ids(model) == []


def test_a_model_that_accelerate_spread_is_on_the_devices_it_should_be() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4, device="meta"))
    assert ids(model) == ["NN112"]
    model.hf_device_map = {"0": "cpu", "1": "meta"}  # type: ignore[assignment]
    assert ids(model) == []


def test_copies_that_share_their_memory_are_not_told_as_copies() -> None:
    model = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    model["b"].weight = nn.Parameter(model.get_parameter("a.weight").data)
    assert "NN115" not in ids(model)


def test_small_copies_of_biases_alone_are_not_told() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model.get_parameter("1.bias").data.copy_(model.get_parameter("0.bias").data)
    assert ids(model) == []


def test_no_rule_changes_the_model_or_draws_a_random_number() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LazyLinear(4))
    before, state = copy.deepcopy({k: dict(vars(m)) for k, m in model.named_modules()}), torch.get_rng_state()
    versions = [tensor._version for tensor in model.buffers()]
    findings_of(model, read(model))
    assert torch.equal(torch.get_rng_state(), state)
    assert [tensor._version for tensor in model.buffers()] == versions
    assert {k: list(vars(m)) for k, m in model.named_modules()} == {k: list(v) for k, v in before.items()}
