"""A loss tried on what the model gave: the value is that of torch, every made tensor is called made, and what does not
go together is measured."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from inspector.cards import CARDS
from inspector.engine.session import Session
from inspector.messages import EngineEvent, FlowMeasured, Load, LossTried, MeasureFlow, Run, TryLoss
from inspector.run_schema import LossTrial
from inspector.schema import TensorStats
from inspector.wire import pack
from tests.engine import bits
from tests.engine.conftest import Project

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, {outputs})
        self.last = {last}
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    def forward(self, x):
        return self.last(self.fc(x))

example_inputs = torch.linspace(-1, 1, 24).view({shape})
"""


class Opened:
    """A session whose model has run."""

    def __init__(self, project: Project, last: str = "nn.Identity()", shape: str = "4, 6", outputs: int = 5) -> None:
        self.events: list[EngineEvent] = []
        self.session = Session(self._send)
        project.write("m.py", NET.format(last=last, shape=shape, outputs=outputs))
        self.session.answer(Load("m.py"))
        while self.session.busy:
            self.session.step()
        self.session.answer(Run())

    def _send(self, event: EngineEvent) -> None:
        assert pack(event)
        self.events.append(event)

    def tried(self, name: str = "", row: int = -1, seed: int = 0) -> LossTrial:
        self.session.answer(TryLoss(row, name, seed))
        answer = self.events[-1]
        assert isinstance(answer, LossTried)
        return answer.trial

    def row(self, path: str) -> int:
        known = self.session._structure
        assert known is not None
        return next(row for row in range(known.outline.count) if known.path(row) == path)

    def measured(self, call: int, bins: int = 120) -> TensorStats:
        self.session.answer(MeasureFlow(call, bins))
        answer = self.events[-1]
        assert isinstance(answer, FlowMeasured)
        return answer.stats


@pytest.fixture
def net(project: Project) -> Opened:
    return Opened(project)


def test_the_value_is_that_of_torch_for_the_output_and_the_target_that_was_made(net: Opened) -> None:
    trial = net.tried("CrossEntropyLoss")
    assert [(one.name, one.seen.shape, one.seen.dtype, one.origin) for one in trial.inputs] == [
        ("input", (4, 5), "float32", "output of fc"),
        ("target", (4,), "int64", "made: 4 class ids from 0 … 4"),
    ]
    model = net.session._model
    assert model is not None
    target = torch.randint(0, 5, (4,), generator=torch.Generator().manual_seed(0))
    wanted = nn.CrossEntropyLoss()(model.eval()(torch.linspace(-1, 1, 24).view(4, 6)), target)
    assert trial.value == pytest.approx(float(wanted.detach()))
    assert trial.neutral == pytest.approx(math.log(5))
    assert trial.neutral_words == "every class equally likely: ln 5"
    assert trial.notes == ()


def test_a_loss_of_the_model_is_tried_as_it_was_made_and_no_formula_is_told_that_does_not_hold(net: Opened) -> None:
    trial = net.tried(row=net.row("loss"))
    assert trial.loss == "CrossEntropyLoss(label_smoothing=0.1)"
    assert trial.neutral == pytest.approx(math.log(5))  # smoothing changes nothing where all is equal
    assert trial.value != net.tried("CrossEntropyLoss").value


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.family == "loss"])
def test_every_loss_answers_with_a_value_or_with_words(net: Opened, name: str) -> None:
    trial = net.tried(name)
    assert (trial.value is None) is (trial.failure is not None)
    assert all(one.origin.startswith(("output of ", "made: ")) for one in trial.inputs)
    if name in ("AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"):
        assert trial.failure is not None
        assert "cannot be built without arguments" in trial.failure.message
    elif name == "BCELoss":
        assert "BCELoss wants 0 … 1: nn.BCEWithLogitsLoss takes scores" in trial.notes[0]
    else:
        assert trial.failure is None


@pytest.mark.parametrize(
    ("last", "loss", "said"),
    [
        ("nn.Softmax(1)", "CrossEntropyLoss", "still gives ln(1 + 4/e) = 0.9048, not 0"),
        ("nn.LogSoftmax(1)", "CrossEntropyLoss", "changes nothing; nn.NLLLoss does without"),
        ("nn.Sigmoid()", "BCEWithLogitsLoss", "comes from a sigmoid, and this loss applies one itself"),
        ("nn.Identity()", "NLLLoss", "along axis 1 and not to 1: LogSoftmax before it mends that"),
    ],
)
def test_what_does_not_go_together_is_told(project: Project, last: str, loss: str, said: str) -> None:
    assert said in Opened(project, last).tried(loss).notes[0]


@pytest.mark.parametrize(
    ("last", "loss"),
    [("nn.LogSoftmax(1)", "NLLLoss"), ("nn.Sigmoid()", "BCELoss"), ("nn.Identity()", "BCEWithLogitsLoss")],
)
def test_nothing_is_said_of_what_goes_together(project: Project, last: str, loss: str) -> None:
    assert Opened(project, last).tried(loss).notes == ()


def test_the_least_value_that_is_told_of_probabilities_is_the_least_there_is() -> None:
    sure = torch.eye(5)
    assert float(nn.CrossEntropyLoss()(sure, torch.arange(5))) == pytest.approx(math.log(1 + 4 / math.e))


def test_the_output_of_a_linear_layer_at_each_place_is_flattened_as_people_do_it(project: Project) -> None:
    trial = Opened(project, shape="2, 2, 6").tried("CrossEntropyLoss")
    assert trial.inputs[0].seen.shape == (4, 5)
    assert trial.notes == ("2×2×5 was flattened to 4×5: Linear gives its numbers on the last axis",)
    assert trial.inputs[1].origin == "made: 4 class ids from 0 … 4"


def test_of_other_outputs_with_places_it_is_said_which_axis_is_read_as_the_classes(project: Project) -> None:
    trial = Opened(project, "nn.ReLU()", "2, 2, 6").tried("CrossEntropyLoss")
    assert trial.inputs[0].seen.shape == (2, 2, 5)
    assert trial.notes == ("axis 1, of 2 numbers, is read as the classes",)


def test_one_class_alone_is_told(project: Project) -> None:
    trial = Opened(project, outputs=1).tried("CrossEntropyLoss")
    assert trial.value == 0
    assert "one class alone is always right" in trial.notes[0]


def test_nothing_is_tried_on_a_dry_run_or_after_a_failed_one(net: Opened) -> None:
    net.session.answer(Run(dry=True))
    failure = net.tried("MSELoss").failure
    assert failure is not None
    assert "the last run was dry" in failure.message
    assert "the last run was dry" in net.measured(1).note


def test_a_trial_and_a_histogram_leave_the_model_as_it_was(net: Opened) -> None:
    model = net.session._model
    assert model is not None
    before, state = bits.of(model), torch.get_rng_state()
    for name in ("CrossEntropyLoss", "GaussianNLLLoss", "CTCLoss", "BCELoss"):
        net.tried(name)
    net.tried(row=net.row("loss"))
    net.measured(1)
    assert bits.of(model) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_the_histogram_is_of_what_went_in_also_where_it_is_written_over(project: Project) -> None:
    net = Opened(project, last="nn.ReLU(inplace=True)")
    stats = net.measured(2)
    assert stats.elements == 20
    assert stats.minimum is not None
    assert stats.minimum < 0
    assert sum(stats.histogram) == 20
    assert len(stats.histogram) == 120


def test_what_cannot_be_measured_is_said(net: Opened) -> None:
    assert net.measured(99).note == "there is no call 99: the last run made 3"
    assert net.measured(99).elements == 0
