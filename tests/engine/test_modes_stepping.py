"""Running statistics over some batches, and train mode many times: against loops written by hand."""

from __future__ import annotations

import math
from itertools import repeat
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine import structure
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.fresh import SAME_VALUES, fresh_samples
from inspector.engine.modes.sampling import sample_training
from inspector.engine.modes.stepping import NOTHING_KEPT, step
from inspector.mode_schema import StatisticsStepped, TrainingSampled
from inspector.run_schema import InputSet
from tests.engine import bits
from tests.engine.comparing import seeded
from tests.engine.mode_models import Caching, Inception, image, rows

Made = Any


def stepped(model: nn.Module, *texts: str, steps: int = 20, keep: bool = False, seed: int = 0) -> StatisticsStepped:
    """Some batches of what is typed."""
    known = structure.read(model)
    sample = choose(model, texts, None, seed)
    fresh, note = fresh_samples(model, sample, None, seed + 1)
    assert note == ""
    return step(model, sample, fresh, steps=steps, row_of=known.row_of, path_of=known.path, seed=seed, keep=keep)


def sampled(model: nn.Module, arguments: tuple[Any, ...], runs: int = 20) -> TrainingSampled:
    known = structure.read(model)
    sample = Sample(arguments, {}, InputSet("given"))
    return sample_training(model, sample, runs=runs, row_of=known.row_of, path_of=known.path)


def normed() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4))


# --- stepping ---------------------------------------------------------------------------------------------------------


def test_the_statistics_are_those_of_a_loop_over_the_same_batches() -> None:
    model = seeded(normed)
    told = stepped(model, "8x3x10x10", steps=5, keep=True)
    loop = seeded(normed).train()
    with torch.no_grad():
        for seed in range(1, 6):
            loop(*choose(loop, ("8x3x10x10",), None, seed).args)
    for mine, theirs in zip(model.buffers(), loop.buffers(), strict=True):
        assert torch.equal(mine, theirs)
    assert (told.kept, told.changed, model.training) == (True, (), True)


def test_the_curves_come_to_rest_and_the_modes_come_together() -> None:
    model = seeded(normed)
    before = bits.of(model), bits.of_process()
    told = stepped(model, "64x3x10x10", steps=40)
    assert (bits.of(model), bits.of_process()) == before
    assert len(told.curves) == 2
    for curve in told.curves:
        assert (len(curve.mean), len(curve.variance)) == (41, 41)
        assert (curve.mean[-1], curve.variance[-1]) == (0.0, 1.0)
        assert curve.mean[0] > 5 * curve.mean[20]
        assert abs(curve.variance[30] - 1) < 0.2 < abs(curve.variance[0] - 1)
    assert told.before > 0.3
    assert told.after < 0.1
    assert told.guard.startswith("left as found: ")


def test_the_curve_is_what_its_words_say() -> None:
    model = nn.BatchNorm1d(2, momentum=0.5)
    inputs = (torch.tensor([[0.0, 10.0], [2.0, 30.0]]),)
    sample = Sample(inputs, {}, InputSet("given"))
    told = step(model, sample, repeat(sample), steps=1, row_of=lambda module: 0, path_of=lambda row: "")
    (curve,) = told.curves
    mean, variance = torch.tensor([0.5, 10.0]), 0.5 + 0.5 * torch.tensor([2.0, 200.0])
    assert curve.mean[0] == pytest.approx(float((mean / variance.sqrt()).square().mean().sqrt()), rel=1e-6)
    assert curve.variance[0] == pytest.approx(1 / float(variance.mean()), rel=1e-6)


def test_only_statistics_are_taken_along_from_batch_to_batch() -> None:
    class Cached(Caching):
        def __init__(self) -> None:
            super().__init__()
            self.bn = nn.BatchNorm1d(16)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.bn(x))

    model = seeded(Cached)
    told = stepped(model, "8x16", steps=4)
    assert (model.seen, len(told.curves)) == ([], 1)


def test_a_model_without_statistics_says_so() -> None:
    told = stepped(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), "8x4", steps=2)
    assert (told.curves, told.notes) == ((), (NOTHING_KEPT,))


class GivesOtherThings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Any:
        x = self.norm(x)
        return {"loss": x.mean(), "size": x.abs().mean()} if self.training else [x]


def test_outputs_that_cannot_be_subtracted_are_not_said_to_be_the_same() -> None:
    told = stepped(GivesOtherThings(), "8x4", steps=2)
    assert math.isnan(told.before)
    assert math.isnan(told.after)
    assert len(told.curves) == 1


def test_a_frozen_norm_has_no_curve() -> None:
    model = seeded(normed)
    model[1].eval()
    assert len(stepped(model, "8x3x10x10", steps=3).curves) == 1


def test_a_forward_that_raises_leaves_the_model() -> None:
    model = seeded(normed)
    before = bits.of(model), bits.of_process()
    with pytest.raises(RuntimeError):
        stepped(model, "8x4x10x10", steps=3)
    assert (bits.of(model), bits.of_process()) == before


# --- fresh samples ----------------------------------------------------------------------------------------------------


def test_what_was_typed_is_drawn_anew_each_time() -> None:
    model = nn.Linear(4, 2)
    sample = choose(model, ("3x4",), None, 0)
    fresh, note = fresh_samples(model, sample, None, 1)
    first, second = next(fresh).args[0], next(fresh).args[0]
    assert (note, first.shape) == ("", (3, 4))
    assert not torch.equal(first, second)
    assert not torch.equal(first, sample.args[0])


def test_what_was_guessed_is_drawn_anew_too() -> None:
    model = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 2))
    sample = choose(model, (), None, 0)
    fresh, note = fresh_samples(model, sample, None, 1)
    (first,), (second,) = (next(fresh).kwargs.values() for _ in range(2))
    assert (note, first.dtype, int(first.max()) < 7) == ("", torch.int64, True)
    assert first.shape == sample.args[0].shape
    assert not torch.equal(first, second)


def test_what_a_file_holds_is_the_same_each_time(tmp_path: Any) -> None:
    torch.save(torch.ones(3, 4), tmp_path / "batch.pt")
    model = nn.Linear(4, 2)
    sample = choose(model, (f"@{tmp_path / 'batch.pt'}",), None, 0)
    fresh, note = fresh_samples(model, sample, None, 1)
    assert (note, next(fresh) is sample, next(fresh) is sample) == (SAME_VALUES, True, True)


# --- sampling ---------------------------------------------------------------------------------------------------------


def test_the_spread_is_that_of_a_loop_over_seeds() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(16, 8), nn.Dropout(0.5), nn.Linear(8, 3)))
    x = rows(4)()[0]
    told = sampled(model, (x,), runs=12)
    outputs = []
    with torch.no_grad():
        evaluation = model.eval()(x).double()
        model.train()
        for seed in range(12):
            torch.default_generator.manual_seed(seed)
            outputs.append(model(x).double())
    runs = torch.stack(outputs)
    (output,) = told.outputs
    assert (output.shape, told.runs, len(output.elements)) == ((4, 3), 12, 12)
    assert output.spread == pytest.approx(float(runs.std(0).norm() / evaluation.norm()), rel=1e-9)
    assert output.moved == pytest.approx(float((runs.mean(0) - evaluation).norm() / evaluation.norm()), rel=1e-9)
    element = output.elements[7]
    assert element.index == (2, 1)
    assert element.eval == pytest.approx(float(evaluation[2, 1]), rel=1e-9)
    assert element.mean == pytest.approx(float(runs[:, 2, 1].mean()), rel=1e-9)
    assert element.std == pytest.approx(float(runs[:, 2, 1].std()), rel=1e-9)


def test_sampling_leaves_the_model_and_the_process() -> None:
    model = seeded(normed)
    before = bits.of(model), bits.of_process()
    told = sampled(model, image(4, 3, 8)(), runs=3)
    assert (bits.of(model), bits.of_process(), told.changed) == (*before, ())
    assert told.outputs[0].spread == 0.0  # Only the batch counts, and that is one and the same.
    assert told.outputs[0].moved > 0.1


def test_outputs_of_another_structure_in_train_mode_are_told_as_far_as_they_are_the_same() -> None:
    told = sampled(seeded(Inception), image()(), runs=3)
    assert [output.shape for output in told.outputs] == [(4, 2)]
    assert told.notes[0].startswith("gives 2 tensors in train mode, one tensor in eval mode")


def test_of_a_large_output_the_first_elements_are_told() -> None:
    told = sampled(nn.Dropout(0.5), rows(20, 30)(), runs=3)
    assert len(told.outputs[0].elements) == 64
    assert told.outputs[0].elements[63].index == (2, 3)
