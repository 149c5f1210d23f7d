"""Comparisons that do not come to their end, of small and of hostile models: told, and everything put back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine import structure
from inspector.engine.forward.progress import Cancelled
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.comparing import compare
from inspector.engine.modes.looks import Looks
from inspector.run_schema import InputSet
from tests.engine import bits
from tests.engine.comparing import compared, seeded
from tests.engine.hostile_models import MAKERS
from tests.engine.mode_models import CASES, rows


def test_one_value_for_each_channel_is_explained_and_not_a_crash() -> None:
    model = nn.Sequential(nn.Linear(16, 4), nn.BatchNorm1d(4))
    found = compared(model, rows(1)())
    assert (found.record.failed_in, found.record.differences, found.record.sources) == ("train", (), ())
    assert found.record.finding is not None
    assert (found.record.finding.id, found.record.finding.path) == ("NN212", "1")
    assert "train mode needs a batch of at least 2 here" in found.record.finding.message
    assert found.record.failure is not None
    assert "Expected more than 1 value per channel" in found.record.failure.message
    assert (found.left_as_found, found.record.changed) == (True, ())


def test_what_fails_in_both_modes_fails_in_eval() -> None:
    found = compared(nn.Sequential(nn.Linear(3, 4)), rows()())
    assert found.record.failed_in == "eval"
    assert found.record.finding is not None
    assert found.record.finding.id == "NN201"
    assert found.left_as_found


class RaisesSometimes(nn.Module):
    """Fails for some random numbers."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.rand(()) > 0.6 and self.training:
            raise ValueError("unlucky")
        return x * torch.rand(())


def test_a_second_run_that_raises_is_a_note() -> None:
    seeds = [seed for seed in range(40) if _draw(seed) <= 0.6 < _draw(seed + 1)]
    found = compared(RaisesSometimes(), rows()(), seed=seeds[0])
    assert found.record.failed_in == ""
    assert "a second run in train mode raised ValueError: unlucky" in found.record.notes
    assert found.of("").noise_train != found.of("").noise_train  # not known
    assert found.left_as_found


def _draw(seed: int) -> float:
    return float(torch.rand((), generator=torch.Generator().manual_seed(seed)))


class RaisesWithItsFlag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and not self.part.training:
            raise RuntimeError("the part must train too")
        out: Tensor = self.part(x) + (1 if self.training else 0)
        return out


def test_a_module_that_cannot_be_tried_alone_is_a_source_that_says_so() -> None:
    found = compared(RaisesWithItsFlag(), rows()())
    assert found.sources() == {"", "part"}
    assert found.of("").note == "raises RuntimeError with its own training flag set"


@pytest.mark.parametrize("calls", range(1, 40, 3))
def test_stopped_at_any_call_everything_is_as_it_was(calls: int) -> None:
    case = CASES["spectral_norm"]
    model, left = seeded(case.build), calls
    known = structure.read(model)
    before, own = (bits.of(model), bits.of_process()), nn.Module.__call__

    def on_call(row: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Cancelled

    sample = Sample(case.arguments(), {}, InputSet("given"))
    try:
        compare(model, sample, row_of=known.row_of, path_of=known.path, on_call=on_call)
        finished = True
    except Cancelled:
        finished = False
    assert finished == (left > 0)
    assert (bits.of(model), bits.of_process(), nn.Module.__call__ is own) == (*before, True)
    assert "training" not in vars(nn.Module)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.filterwarnings("ignore")
def test_hostile_models_stay_as_they_were(make: Callable[[], nn.Module]) -> None:
    model: Any = make()
    known = structure.read(model)
    before = bits.of(model), bits.of_process()
    sample = Sample((torch.linspace(-1, 1, 12).view(3, 4),), {}, InputSet("given"))
    record = compare(model, sample, row_of=known.row_of, path_of=known.path)
    assert (bits.of(model), bits.of_process()) == before
    assert record.changed == ()


class Flags(nn.Module):
    """Asks about flags in every way there is."""

    def forward(self, x: Tensor) -> Tensor:
        assert hasattr(self, "training")
        assert "training" in vars(self)
        assert getattr(self, "training", None) is vars(self)["training"]
        self.train(not self.training)
        self.train(not self.training)
        with pytest.raises(AttributeError):
            _ = nn.Module.training
        held = self.__dict__.pop("training")
        assert not hasattr(self, "training")
        self.training = held
        del self.training
        self.training = held
        return x * 2 if self.training else x


def test_a_flag_that_is_listened_to_is_the_attribute_that_it_always_was() -> None:
    found = compared(Flags(), rows()())
    assert (found.record.failed_in, found.sources(), found.left_as_found) == ("", {""}, True)


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(x)
        return out


def test_a_compiled_module_whose_inside_is_not_visible_is_tried_all_the_same() -> None:
    model = nn.Sequential(nn.Linear(16, 16), torch.jit.script(Scripted()))
    found = compared(model, rows()())
    assert (found.record.failed_in, found.sources(), found.record.changed) == ("", {"1"}, ())
    assert found.of("1").note == "compiled: what happens in it is not visible"
    assert [module.training for module in model.modules()] == [True, True, True, True]


def test_a_module_that_torch_compiles_is_compared_from_outside() -> None:
    model: Any = nn.Sequential(nn.Linear(16, 16), nn.Sequential(nn.Dropout(0.5)))
    model[1].compile(backend="eager")
    found = compared(model, rows()())
    assert (found.record.failed_in, found.sources(), found.left_as_found) == ("", {"1"}, True)
    assert found.of("1").note == "compiled: what happens in it is not visible"


def test_who_calls_a_compiled_module_is_no_source_for_that() -> None:
    model: Any = nn.Sequential(nn.Linear(16, 16))
    model.append(torch.compile(nn.Sequential(nn.Dropout(0.5)), backend="eager"))
    found = compared(model, rows()())
    assert (found.sources(), found.of("").role, found.left_as_found) == ({"1"}, "passes on", True)


@pytest.mark.parametrize("seam", ["stop", "listen"])
def test_an_interruption_at_the_edge_of_what_is_compiled_leaves_nn_module_itself(
    seam: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = nn.Sequential(nn.Linear(16, 16), nn.Sequential(nn.Dropout(0.5)))
    model[1].compile(backend="eager")
    known, original = structure.read(model), getattr(Looks, seam)
    times = 0

    def interrupted(looks: Looks) -> None:
        nonlocal times
        original(looks)
        times += 1
        if times == (1 if seam == "stop" else 2):  # as forward enters what is compiled, or as it comes back
            raise Cancelled

    before = nn.Module.__call__, "training" in vars(nn.Module), sys.getrecursionlimit()
    monkeypatch.setattr(Looks, seam, interrupted)
    with pytest.raises(Cancelled):
        compare(model, Sample(rows()(), {}, InputSet("given")), row_of=known.row_of, path_of=known.path)
    assert (nn.Module.__call__, "training" in vars(nn.Module), sys.getrecursionlimit()) == before
