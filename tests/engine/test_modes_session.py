"""What a session answers about train and eval."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
import torch
from torch import nn

from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.messages import (
    CompareModes,
    EngineEvent,
    Failed,
    FindingsReported,
    InputsChosen,
    Load,
    ModesCompared,
    ModesSet,
    Request,
    Run,
    RunCancelled,
    RunFinished,
    SampleTraining,
    SetModes,
    StepStatistics,
)
from inspector.mode_schema import StatisticsStepped, TrainingSampled
from inspector.wire import pack
from tests.engine import bits
from tests.engine.conftest import Project

SOURCE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(144, 2)

    def forward(self, x):
        return self.fc(self.drop(self.bn(self.conv(x)).flatten(1)))


def frozen() -> nn.Module:
    net = Net()
    net.bn.requires_grad_(False)
    return net


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(4)
        self.bn = nn.LazyBatchNorm1d()

    def forward(self, x):
        return self.bn(self.fc(x))
"""

Sent = TypeVar("Sent")
INPUT = ("4x1x8x8",)


class Asked:
    """A session with a model of SOURCE."""

    def __init__(self, project: Project, name: str) -> None:
        project.write("m.py", SOURCE)
        self.sent: list[EngineEvent] = []
        self.session = Session(self.sent.append)
        torch.default_generator.manual_seed(0)
        self.session.answer(Load(f"m.py:{name}"))
        while self.session.busy:
            self.session.step()
        assert self.session._model is not None
        self.model: Any = self.session._model

    def ask(self, request: Request, kind: type[Sent]) -> Sent:
        """What is sent last, what was noticed apart: of this kind, and such that it could cross the wire."""
        self.session.answer(request)
        last = next(event for event in reversed(self.sent) if not isinstance(event, FindingsReported))
        assert isinstance(last, kind), last
        assert pack(last)
        return last

    def row(self, path: str) -> int:
        known = self.session._structure
        assert known is not None
        return next(row for row in range(known.outline.count) if known.path(row) == path)


@pytest.fixture
def net(project: Project) -> Asked:
    return Asked(project, "Net")


def test_a_comparison_tells_its_inputs_first_and_leaves_the_model(net: Asked) -> None:
    before = bits.of(net.model), bits.of_process()
    comparison = net.ask(CompareModes(INPUT, seed=3), ModesCompared).comparison
    assert (bits.of(net.model), bits.of_process()) == before
    sources = {comparison.differences[index].row for index in comparison.sources}
    assert sources == {net.row("bn"), net.row("drop")}
    assert (comparison.seed, comparison.device, comparison.changed) == (3, "cpu", ())
    (chosen,) = [event for event in net.sent if isinstance(event, InputsChosen)]
    assert chosen.inputs == comparison.inputs


def test_a_kept_run_uses_the_flags_that_were_set_and_leaves_them(net: Asked) -> None:
    net.ask(SetModes(0, "eval"), ModesSet)
    net.ask(SetModes(net.row("bn"), "train"), ModesSet)
    run = net.ask(Run(INPUT, "kept", seed=1), RunFinished).run
    assert (run.ok, run.changed) == (True, ())
    assert [module.training for module in net.model.modules()] == [False, False, True, False, False]
    assert int(net.model.bn.num_batches_tracked) == 0


def test_a_frozen_part_makes_no_difference_in_a_comparison(net: Asked) -> None:
    net.ask(SetModes(net.row("bn"), "eval"), ModesSet)
    comparison = net.ask(CompareModes(INPUT), ModesCompared).comparison
    assert [comparison.differences[index].row for index in comparison.sources] == [net.row("drop")]
    assert not net.model.bn.training


def test_a_comparison_in_which_forward_raises_is_an_answer(net: Asked) -> None:
    comparison = net.ask(CompareModes(("4x3x8x8",)), ModesCompared).comparison
    assert (comparison.failed_in, comparison.differences) == ("eval", ())
    assert comparison.finding is not None
    assert comparison.finding.id == "NN202"


def test_wrong_inputs_are_refused(net: Asked) -> None:
    failed = net.ask(CompareModes(("nonsense",)), Failed)
    assert failed.failure.stage == "inputs"


def test_a_tensor_row_has_no_mode_to_set(net: Asked) -> None:
    failed = net.ask(SetModes(net.row("conv.weight"), "eval"), Failed)
    assert "is no module" in failed.failure.message


@pytest.mark.parametrize("request_", [CompareModes(INPUT), StepStatistics(INPUT, 3), SampleTraining(INPUT, 3)])
@pytest.mark.parametrize("calls", [1, 4, 12])
def test_interrupted_at_any_call_the_model_is_as_it_was(
    net: Asked, monkeypatch: pytest.MonkeyPatch, request_: Request, calls: int
) -> None:
    before, left, call = (bits.of(net.model), bits.of_process()), calls, nn.Module.__call__

    def counted(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            interruption.ask()
        return call(module, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(nn.Module, "__call__", counted)
        cancelled = net.ask(request_, RunCancelled)
    assert (cancelled.changed, bits.of(net.model), bits.of_process()) == ((), *before)
    assert "training" not in vars(nn.Module)


def test_statistics_step_and_are_put_back(net: Asked) -> None:
    before = bits.of(net.model), bits.of_process()
    stepped = net.ask(StepStatistics(INPUT, 5), StatisticsStepped)
    assert (bits.of(net.model), bits.of_process()) == before
    assert (stepped.steps, stepped.kept, stepped.changed) == (5, False, ())
    assert [curve.row for curve in stepped.curves] == [net.row("bn")]


def test_statistics_that_are_kept_stay_in_the_model(net: Asked) -> None:
    stepped = net.ask(StepStatistics(INPUT, 5, keep=True), StatisticsStepped)
    assert (stepped.kept, int(net.model.bn.num_batches_tracked)) == (True, 5)
    again = net.ask(CompareModes(INPUT), ModesCompared).comparison
    norm = next(each.norm for each in again.differences if each.norm is not None)
    assert (norm.batches, int(net.model.bn.num_batches_tracked)) == (5, 5)


def test_training_is_sampled_and_the_model_left(net: Asked) -> None:
    before = bits.of(net.model), bits.of_process()
    sampled = net.ask(SampleTraining(INPUT, 6), TrainingSampled)
    assert (bits.of(net.model), bits.of_process()) == before
    assert (sampled.runs, len(sampled.outputs), sampled.outputs[0].spread > 0) == (6, 1, True)


def test_lazy_layers_are_compared_on_a_copy_and_stay_lazy(project: Project) -> None:
    lazy = Asked(project, "Lazy")
    comparison = lazy.ask(CompareModes(("4x8",)), ModesCompared).comparison
    assert [comparison.differences[index].row for index in comparison.sources] == [lazy.row("bn")]
    assert (type(lazy.model.fc), comparison.changed) == (nn.LazyLinear, ())
    assert comparison.notes[0].startswith("run on a copy: 2 lazy layers")


def test_a_model_without_values_has_none_to_compare(project: Project) -> None:
    project.write("m.py", SOURCE)
    sent: list[EngineEvent] = []
    session = Session(sent.append)
    session.answer(Load("m.py:Net", device="meta"))
    session.answer(CompareModes(INPUT))
    assert isinstance(sent[-1], Failed)
    assert "no values" in sent[-1].failure.message


# --- what is noticed of flags -----------------------------------------------------------------------------------------


def noticed(asked: Asked) -> dict[str, str]:
    """What was noticed of flags at last: id and path."""
    reports = [event for event in asked.sent if isinstance(event, FindingsReported) and event.of == "structure"]
    assert reports[-1].whole
    return {finding.id: finding.path for finding in reports[-1].findings if finding.id in ("NN105", "NN107")}


def row_of(asked: Asked, name: str) -> int:
    row = asked.session._known().row_of(asked.model.get_submodule(name))
    assert row is not None
    return row


def test_modes_that_are_set_are_noticed_and_forgotten_again(project: Project) -> None:
    asked = Asked(project, "Net")
    assert noticed(asked) == {}
    asked.ask(SetModes(row_of(asked, "drop"), "eval", below=False), ModesSet)
    assert noticed(asked) == {"NN107": "drop"}
    asked.ask(SetModes(0, "eval"), ModesSet)
    assert noticed(asked) == {}
    asked.ask(SetModes(row_of(asked, "bn"), "train"), ModesSet)
    assert noticed(asked) == {"NN107": "bn"}
    asked.ask(SetModes(0, "found"), ModesSet)
    assert noticed(asked) == {}


def test_a_frozen_norm_is_told_of_while_it_is_in_train_mode(project: Project) -> None:
    asked = Asked(project, "frozen()")
    assert noticed(asked) == {"NN105": "bn"}
    asked.ask(SetModes(row_of(asked, "bn"), "eval"), ModesSet)
    assert noticed(asked) == {"NN107": "bn"}
    asked.ask(SetModes(0, "train"), ModesSet)
    assert noticed(asked) == {"NN105": "bn"}


def test_flags_that_change_nothing_that_is_noticed_are_answered_by_the_flags_alone(project: Project) -> None:
    asked = Asked(project, "Net")
    before = len(asked.sent)
    asked.ask(SetModes(0, "eval"), ModesSet)
    assert [type(event) for event in asked.sent[before:]] == [ModesSet]
