"""A layer tried by itself: what comes out, what it costs, why it fails; and that the model has no part in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.messages import EngineEvent, Failed, LayerTried, Run, RunCancelled, RunFinished, TryLayer
from inspector.run_schema import LayerOutcome, LayerTrial
from inspector.wire import pack
from tests.engine.conftest import Project

NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width, scale=2):
        super().__init__()
        self.width = width
        self.fc = nn.Linear(width, width * scale)

    def forward(self, x):
        return self.fc(x)

class Stubborn(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.width = width
        if width > 9:
            raise RuntimeError("too wide")

    def forward(self, x):
        return x if x.sum() > 0 else -x

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 6)
        self.conv = nn.Conv2d(3, 8, 5, padding=2)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.rnn = nn.LSTM(6, 5, batch_first=True)
        self.block = Block(8)
        self.stubborn = Stubborn()
        self.unused = nn.Linear(2, 2)
        self.seq = nn.Sequential(nn.ReLU())

    def forward(self, x, ids):
        x = self.pool(self.norm(self.conv(x)))
        self.rnn(self.embed(ids))
        self.stubborn(x)
        return self.seq(self.block(x.mean((2, 3))))

example_inputs = (torch.randn(2, 3, 16, 16), torch.randint(0, 30, (2, 7)))
"""


class Tried:
    """A session over the model, and what it tells."""

    def __init__(self, project: Project, run: bool = True, **options: str) -> None:
        project.write("m.py", NET)
        self.events: list[EngineEvent] = []
        self.session = Session(self._send)
        self.model = (built := project.load("m.py:Net", **options)).model
        self.session.take(built)
        if run:
            self.session.answer(Run())
            assert [event.run.ok for event in self.events if isinstance(event, RunFinished)] == [True]

    def _send(self, event: EngineEvent) -> None:
        assert pack(event)
        self.events.append(event)

    def row(self, path: str) -> int:
        row = self.session._known().row_of(self.model.get_submodule(path))
        assert row is not None
        return row

    def ask(self, path: str, *arguments: str, inputs: tuple[str, ...] = (), **options: object) -> list[EngineEvent]:
        self.events.clear()
        self.session.answer(TryLayer(self.row(path), arguments, inputs, **options))  # type: ignore[arg-type]
        return self.events

    def trial(self, path: str, *arguments: str, inputs: tuple[str, ...] = (), **options: object) -> LayerTrial:
        self.ask(path, *arguments, inputs=inputs, **options)
        (trial,) = [event.trial for event in self.events if isinstance(event, LayerTried)]
        assert trial.guard.startswith("left as found")
        assert trial.changed == ()
        return trial

    def refusal(self, path: str, *arguments: str, inputs: tuple[str, ...] = ()) -> str:
        self.ask(path, *arguments, inputs=inputs)
        (failed,) = [event for event in self.events if isinstance(event, Failed)]
        assert failed.row == self.row(path)
        return f"{failed.failure.stage}: {failed.failure.message}; {failed.failure.mend}"


@pytest.fixture
def tried(project: Project) -> Tried:
    return Tried(project)


def shapes(outcome: LayerOutcome | None) -> list[tuple[int, ...] | None]:
    assert outcome is not None
    return [seen.shape for seen in outcome.outputs]


def test_without_a_change_it_is_the_layer_on_what_it_got(tried: Tried) -> None:
    trial = tried.trial("conv")
    assert trial.before == trial.after
    assert trial.origin == "as in the last call of conv"
    assert trial.after.call == "Conv2d(in_channels=3, out_channels=8, kernel_size=(5, 5), padding=(2, 2))"
    assert [argument.text for argument in trial.after.inputs] == ["input=2x3x16x16:float32"]
    assert shapes(trial.after) == [(2, 8, 16, 16)]
    assert (trial.after.parameters, trial.after.bytes) == (608, 2432)
    assert trial.after.flops == 2 * 2 * 16 * 16 * 8 * 3 * 25
    assert trial.after.peak_bytes == 2 * 8 * 16 * 16 * 4
    assert trial.after.seconds is None
    assert {seen.device for seen in trial.after.outputs} == {"cpu"}
    values = {argument.name: argument.value for argument in trial.arguments}
    assert values["kernel_size"] == "(5, 5)"
    assert "device" not in values


def test_what_changes_is_seen_before_and_after(tried: Tried) -> None:
    trial = tried.trial("conv", "stride=2", "out_channels=16")
    assert shapes(trial.before) == [(2, 8, 16, 16)]
    assert shapes(trial.after) == [(2, 16, 8, 8)]
    assert trial.before is not None
    assert trial.after.parameters == 2 * (trial.before.parameters or 0)


def test_the_model_is_not_touched_and_its_layer_not_run(tried: Tried) -> None:
    calls: list[str] = []
    state = {name: (id(tensor), tensor._version) for name, tensor in tried.model.state_dict(keep_vars=True).items()}
    handle = tried.model.get_submodule("norm").register_forward_hook(lambda *_: calls.append("norm"))
    random = torch.default_generator.get_state()
    tried.trial("norm", "eps=0.1", mode="train", dry=False)
    handle.remove()
    assert calls == []
    assert state == {
        name: (id(tensor), tensor._version) for name, tensor in tried.model.state_dict(keep_vars=True).items()
    }
    assert torch.equal(random, torch.default_generator.get_state())


def test_an_input_of_ones_own_is_taken(tried: Tried) -> None:
    trial = tried.trial("conv", inputs=("4x3x32x32",))
    assert trial.origin == "typed"
    assert shapes(trial.after) == [(4, 8, 32, 32)]
    assert shapes(trial.before) == [(2, 8, 16, 16)]


def test_what_torch_refuses_is_told_in_words(tried: Tried) -> None:
    wrong = tried.trial("conv", "in_channels=4").after
    assert not wrong.ok
    assert wrong.finding is not None
    assert wrong.finding.id == "NN202"
    assert wrong.failure is not None
    assert wrong.outputs == ()
    assert wrong.flops is None
    assert wrong.parameters == 8 * 4 * 25 + 8
    unbuildable = tried.trial("conv", "groups=2").after
    assert unbuildable.failure is not None
    assert (unbuildable.failure.stage, unbuildable.failure.type) == ("construct", "ValueError")
    assert "divisible by groups" in unbuildable.failure.message
    assert unbuildable.parameters is None


def test_any_size_can_be_tried_without_memory(tried: Tried) -> None:
    trial = tried.trial("unused", "in_features=1000000", "out_features=1000000", inputs=("100000x1000000",))
    assert trial.after.parameters == 10**12 + 10**6
    assert shapes(trial.after) == [(100_000, 1_000_000)]
    huge = tried.trial("unused", "in_features=1000000", "out_features=1000000", inputs=("9x1000000",), dry=False).after
    assert huge.seconds is None
    assert huge.notes[-1].startswith("run dry: a real run would take 7.28 TiB, ")


def test_run_for_real_it_has_a_time(tried: Tried) -> None:
    trial = tried.trial("conv", "out_channels=4", dry=False)
    assert trial.after.seconds is not None
    assert trial.after.seconds > 0
    assert trial.after.repeats >= 1
    assert shapes(trial.after) == [(2, 4, 16, 16)]
    assert trial.after.flops == 2 * 2 * 16 * 16 * 4 * 3 * 25
    assert trial.before is not None
    assert trial.before.seconds is None


def test_what_needs_values_is_run_for_real_only(tried: Tried) -> None:
    dry = tried.trial("stubborn").after
    assert dry.ok
    assert dry.outputs == ()
    assert dry.notes
    assert shapes(tried.trial("stubborn", dry=False).after) == [(2, 8, 8, 8)]


def test_several_inputs_and_states_come_back(tried: Tried) -> None:
    rnn = tried.trial("rnn", "hidden_size=9", "bidirectional=True").after
    assert shapes(rnn) == [(2, 7, 18), (2, 2, 9), (2, 2, 9)]
    state = tried.trial("rnn", inputs=("2x7x6", "hx=(1x2x5, 1x2x5)")).after
    assert shapes(state) == [(2, 7, 5), (1, 2, 5), (1, 2, 5)]
    assert shapes(tried.trial("embed", "embedding_dim=3", dry=False).after) == [(2, 7, 3)]


def test_the_mode_is_chosen(tried: Tried) -> None:
    one = ("1x8x1x1",)
    assert tried.trial("norm", inputs=one).after.ok
    trained = tried.trial("norm", inputs=one, mode="train", dry=False).after
    assert trained.finding is not None
    assert trained.finding.id == "NN212"
    tried.model.get_submodule("norm").eval()
    assert tried.trial("norm", inputs=one, mode="kept").after.ok


def test_a_class_of_the_users_is_tried_as_far_as_it_tells_of_itself(tried: Tried) -> None:
    trial = tried.trial("block", "scale=3")
    assert shapes(trial.after) == [(2, 24)]
    assert shapes(trial.before) == [(2, 16)]
    assert trial.notes == ("scale is taken at its default: the layer keeps no such value",)
    raised = tried.trial("stubborn", "width=10").after
    assert raised.failure is not None
    assert raised.failure.message == "too wide"
    assert raised.failure.source is not None
    assert raised.failure.source.code == 'raise RuntimeError("too wide")'


def test_a_layer_that_is_unlike_what_it_tells_is_said_to_be(tried: Tried) -> None:
    block = tried.model.get_submodule("block")
    block.fc = nn.Linear(8, 20)
    trial = tried.trial("block")
    assert trial.notes[-1].startswith("built from what the layer tells, fc.weight is of shape (16, 8), not (20, 8): ")


def test_what_cannot_be_tried_is_refused_with_words(tried: Tried) -> None:
    assert "unused was not called in the last run" in tried.refusal("unused")
    assert tried.refusal("seq", inputs=("2x3",)).startswith("construct: Sequential is made of other modules")
    assert "Was kernel_size meant?" in tried.refusal("conv", "kernal_size=3")
    assert tried.refusal("conv", inputs=("2xx3",)).startswith("inputs: --input 2xx3")
    assert "forward has no argument y" in tried.refusal("conv", inputs=("y=2x3",))


def test_on_the_meta_device_there_are_shapes_alone(project: Project) -> None:
    tried = Tried(project, run=False, device="meta")
    outcome = tried.trial("conv", inputs=("2x3x8x8",), dry=False).after
    assert shapes(outcome) == [(2, 8, 8, 8)]
    assert outcome.notes[-1] == "on the meta device there are no values: it was run dry"


def test_a_trial_can_be_ended(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    forward: Callable[..., object] = nn.Conv2d.forward

    def slow(module: nn.Conv2d, input: torch.Tensor) -> object:  # noqa: A002 - as torch calls it
        interruption.ask()
        return forward(module, input)

    monkeypatch.setattr(nn.Conv2d, "forward", slow)
    (ended,) = [event for event in tried.ask("conv") if isinstance(event, RunCancelled)]
    assert ended.changed == ()
