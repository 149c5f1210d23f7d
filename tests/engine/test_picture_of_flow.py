"""A value of the last run is drawn as it was when its call returned, and the model is left as found."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inspector.engine import picture
from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.engine.tensor_stats import measure
from inspector.messages import (
    CallsDescribed,
    DrawTensor,
    EngineEvent,
    Failed,
    Load,
    Run,
    RunFinished,
    RunTraced,
    StageStarted,
    TensorDrawn,
)
from inspector.run_schema import Picture
from inspector.run_table import RunTable
from inspector.schema import TensorStats
from inspector.wire import pack
from tests.engine import bits
from tests.engine.conftest import Project

NET = """
import torch, random
from torch import nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5)
        nn.init.zeros_(self.conv.bias)  # With the inputs below, every channel has values of both signs.
        self.relu = nn.ReLU(inplace=True)
        self.cache = []

    def forward(self, x):
        self.cache.append(x)
        x = self.drop(self.norm(self.conv(x)) * (1 + random.random()))
        if x.is_contiguous():
            x = self.relu(x)
        return {"maps": x, "name": "maps", "pair": (F.softmax(x, 1), x.mean() + len(self.cache))}

example_inputs = torch.linspace(-1, 1, 2 * 6 * 7).view(2, 1, 6, 7)
"""


class Opened:
    """A session with a model in it, and what it tells."""

    def __init__(self, project: Project, source: str, run: Run | None) -> None:
        self.events: list[EngineEvent] = []
        self.session = Session(self.send)
        project.write("m.py", source)
        self.session.answer(Load("m.py"))
        while self.session.busy:
            self.session.step()
        self.model = self.session._model
        if run is not None:
            self.session.answer(run)
            table = RunTable(next(event.trace for event in self.events if isinstance(event, RunTraced)))
            for event in self.events:
                if isinstance(event, CallsDescribed):
                    table.add(event)
            records = [table.record(index) for index in range(table.count)]
            self.calls = [record for record in records if record is not None]

    def send(self, event: EngineEvent) -> None:
        assert pack(event)
        self.events.append(event)

    def draw(self, call: int = -1, leaf: int = 0, index: tuple[int, ...] = (), row: int = -1) -> Picture:
        answer = self.answer(DrawTensor(50, 50, row, call, leaf, index))
        assert isinstance(answer, TensorDrawn)
        return answer.picture

    @property
    def captured(self) -> Tensor:
        """The whole of the value that was looked at last."""
        assert self.session._runner is not None
        assert self.session._runner._captured is not None
        return self.session._runner._captured[1]

    def refused(self, call: int, leaf: int = 0) -> str:
        answer = self.answer(DrawTensor(50, 50, call=call, leaf=leaf))
        assert isinstance(answer, Failed)
        assert answer.row == -1
        return answer.failure.message

    def answer(self, request: DrawTensor) -> EngineEvent:
        self.events.clear()
        self.session.answer(request)
        (answer,) = [event for event in self.events if not isinstance(event, StageStarted)]
        return answer


def same(one: TensorStats, other: TensorStats) -> bool:
    """Whether two measurements agree; a run takes means in single precision, and counts no histogram."""
    exact = (one.elements, one.nan, one.zeros, one.minimum, one.maximum)
    return exact == (
        other.elements,
        other.nan,
        other.zeros,
        other.minimum,
        other.maximum,
    ) and one.mean == pytest.approx(other.mean, rel=1e-4, abs=1e-6)


def told(opened: Opened, call: int) -> TensorStats:
    """What the run told of the first output of a call."""
    stats = opened.calls[call].outputs[0].stats
    assert stats is not None
    return stats


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_output_is_drawn_with_the_statistics_that_the_run_told(project: Project, mode: str) -> None:
    opened = Opened(project, NET, Run(mode=mode))  # type: ignore[arg-type]
    before = bits.of(opened.model)
    compared = 0
    for call, record in enumerate(opened.calls):
        for leaf, seen in enumerate(record.outputs):
            if seen.shape is None:
                assert opened.refused(call, leaf) == f"output {leaf} of this call is no tensor"
                continue
            drawn = opened.draw(call, leaf)
            assert (drawn.shape, drawn.dtype) == (seen.shape, seen.dtype)
            assert seen.stats is not None
            assert same(measure(opened.captured), seen.stats)
            assert drawn.stats.elements == opened.captured[drawn.index].numel()
            compared += 1
            assert bits.of(opened.model) == before
    assert compared >= 9


def test_the_values_are_those_of_the_call_and_not_what_was_written_into_them_later(project: Project) -> None:
    opened = Opened(project, NET, Run(statistics=True))
    rectifier = next(index for index, call in enumerate(opened.calls) if "writes into its input" in call.notes)
    opened.draw(rectifier)
    assert opened.captured.min() == 0
    opened.draw(rectifier - 1)  # Its output is the very tensor that is written into.
    assert opened.captured.min() < 0


def test_another_channel_of_the_same_value_is_drawn_without_another_forward(project: Project) -> None:
    opened = Opened(project, NET, Run())
    first = opened.draw(1, index=(0, 0))
    assert any(isinstance(event, StageStarted) for event in opened.events)
    second = opened.draw(1, index=(1, 2))
    assert not any(isinstance(event, StageStarted) for event in opened.events)
    assert (first.index, second.index, first.channels) == ((0, 0), (1, 2), 3)
    assert first.numbers != second.numbers


def test_a_weight_is_drawn_without_a_run(project: Project) -> None:
    opened = Opened(project, NET, None)
    assert opened.model is not None
    drawn = opened.draw(row=2)
    weight = opened.model.get_parameter("conv.weight")
    assert drawn == picture.draw(weight, (), 50, 50)
    assert drawn.shape == (3, 1, 3, 3)


def test_without_a_real_run_there_are_no_values(project: Project) -> None:
    words = "there are no values: the last run was dry, or there was none"
    assert Opened(project, NET, None).refused(1) == words
    assert Opened(project, NET, Run(dry=True)).refused(1) == words


def test_a_call_that_is_not_there_is_refused(project: Project) -> None:
    opened = Opened(project, NET, Run())
    count = len(opened.calls)
    assert opened.refused(count) == f"there is no call {count}: the last run made {count}"
    assert opened.refused(1, 5) == "output 5 of this call is no tensor"


FAILING = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(5, 2)

    def forward(self, x):
        return self.second(self.first(x))

example_inputs = torch.ones(2, 4)
"""


def test_what_came_before_a_failure_can_be_drawn_and_the_failure_itself_is_told(project: Project) -> None:
    opened = Opened(project, FAILING, Run())
    assert opened.draw(1).shape == (2, 3)
    assert "cannot be multiplied" in opened.refused(2)


CATCHING = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x):
        try:
            x = self.first(x)
        except:
            x = torch.zeros(2, 3)
        return self.second(x)

example_inputs = torch.ones(2, 4)
"""


def test_a_forward_that_catches_everything_changes_nothing(project: Project) -> None:
    opened = Opened(project, CATCHING, Run())
    for call in (1, 2):
        opened.draw(call)
        assert same(measure(opened.captured), told(opened, call))


WANDERING = """
import torch
from torch import nn

calls = [0]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        calls[0] += 1
        parts = (self.first, self.second) if calls[0] == 1 else (self.second, self.first)
        return parts[1](parts[0](x))

example_inputs = torch.ones(2, 4)
"""


def test_another_call_of_the_same_number_is_not_taken_for_it(project: Project) -> None:
    opened = Opened(project, WANDERING, Run())
    words = "forward calls other things from pass to pass: this call was not made again"
    assert opened.refused(1) == words


FORCES = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.energy = nn.Linear(3, 1)

    def forward(self, x):
        x = x.requires_grad_(True)
        (force,) = torch.autograd.grad(self.energy(x).tanh().sum(), x)
        return force

example_inputs = torch.ones(2, 3)
"""


def test_a_forward_that_differentiates_is_drawn_from_as_well(project: Project) -> None:
    opened = Opened(project, FORCES, Run())
    opened.draw(0)
    assert same(measure(opened.captured), told(opened, 0))


def test_a_stopped_draw_says_so_and_leaves_the_model_as_found(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Opened(project, NET, Run())
    assert opened.model is not None
    before = bits.of(opened.model)
    convolve = torch.nn.Conv2d.forward

    def stopped(module: torch.nn.Conv2d, x: Tensor) -> Tensor:
        interruption.ask()
        return convolve(module, x)

    monkeypatch.setattr("torch.nn.Conv2d.forward", stopped)
    assert opened.refused(2) == "the run was stopped"
    monkeypatch.undo()
    assert bits.of(opened.model) == before


def test_the_value_that_was_looked_at_is_let_go_of_by_the_next_run(project: Project) -> None:
    opened = Opened(project, NET, Run())
    opened.draw(1)
    assert opened.session._runner is not None
    assert opened.session._runner._captured is not None
    opened.session.answer(Run(dry=True))
    assert any(isinstance(event, RunFinished) for event in opened.events)
    assert opened.session._runner._captured is None
