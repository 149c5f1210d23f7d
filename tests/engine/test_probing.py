"""The probes: what they find, what only looks alike, and that the model is as before, however they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.messages import EngineEvent, Failed, FindingsReported, InputsChosen, Load, Probe, RunCancelled
from tests.engine import bits
from tests.engine.conftest import Project
from tests.engine.failing import Applied
from tests.engine.noticing import noticed, probed


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(0)


def rows(count: int = 4, features: int = 16) -> Tensor:
    return torch.randn(count, features)


def one(forward: Any, *args: Any, **parts: Any) -> Any:
    """The one finding of the probes."""
    (finding,) = noticed(Applied(forward, **parts), *args).probe()
    return finding


# --- NN401 ------------------------------------------------------------------------------------------------------------


def test_random_numbers_in_eval_mode_are_named_with_their_line() -> None:
    finding = one(lambda self, x: self.fc(F.dropout(x)), rows(), fc=nn.Linear(16, 4))
    assert (finding.id, finding.source.code[:3]) == ("NN401", "fin")


class Variational(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(16, 8), nn.Linear(4, 16)

    def forward(self, x: Tensor) -> Tensor:
        mean, log_var = self.encode(x).chunk(2, -1)
        out: Tensor = self.decode(mean + torch.randn_like(mean) * (0.5 * log_var).exp())
        return out


def test_a_latent_that_is_drawn_in_eval_mode_too_is_a_note() -> None:
    (finding,) = noticed(Variational(), rows()).probe()
    assert (finding.id, finding.severity) == ("NN401", "note")


def test_random_numbers_that_reach_no_output_are_nothing() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        torch.randn_like(x)
        return self.fc(self.drop(x))

    assert probed(Applied(forward, fc=nn.Linear(16, 4), drop=nn.Dropout()), rows()) == []


# --- NN315 ------------------------------------------------------------------------------------------------------------


def test_a_reshape_that_confuses_axes_is_named_with_both_shapes() -> None:
    def forward(self: Any, image: Tensor) -> Any:
        h = self.conv(image).permute(1, 0, 2, 3)
        return self.fc(h.reshape(image.size(0), -1))

    finding = one(forward, torch.randn(4, 3, 8, 8), conv=nn.Conv2d(3, 8, 3), fc=nn.Linear(288, 2))
    assert (finding.id, finding.severity) == ("NN315", "warning")
    assert "they are mixed first by reshape at test_probing.py:" in finding.message
    assert "(8×4×6×6 → 4×288)" in finding.message
    assert "3 of the 3 other samples" in finding.message


def test_a_global_norm_mixes_samples() -> None:
    assert "mixed first by norm" in one(lambda self, x: self.fc(x / x.norm()), rows(), fc=nn.Linear(16, 4)).message


def test_batch_statistics_in_eval_mode_are_told_as_such() -> None:
    finding = one(
        lambda self, x: self.fc(self.norm(x)), rows(), norm=nn.BatchNorm1d(16, track_running_stats=False),
        fc=nn.Linear(16, 2),
    )  # fmt: skip
    assert (finding.path, finding.fix) == ("norm", "track_running_stats=True")


def attention(self: Any, x: Tensor) -> Any:
    return torch.softmax(x @ x.T / 4, -1) @ self.fc(x)


def graph(self: Any, x: Tensor, adjacency: Tensor) -> Any:
    return self.fc(adjacency @ x)


def similarities(self: Any, x: Tensor) -> Any:
    return F.normalize(self.fc(x), dim=-1) @ F.normalize(x[:, :8], dim=-1).T


def time_first(self: Any, x: Tensor) -> Any:
    return self.fc(self.rnn(x)[0])


def balanced(self: Any, x: Tensor) -> Any:
    gates = self.gate(x).softmax(-1)
    return self.fc(x), (gates.mean(0) ** 2).sum()


@pytest.mark.parametrize(
    ("forward", "args", "parts"),
    [
        (attention, (rows(),), {"fc": nn.Linear(16, 4)}),
        (graph, (rows(), torch.full((4, 4), 0.25)), {"fc": nn.Linear(16, 4)}),
        (similarities, (rows(),), {"fc": nn.Linear(16, 8)}),
        (time_first, (torch.randn(7, 3, 8),), {"rnn": nn.LSTM(8, 8), "fc": nn.Linear(8, 2)}),
        (balanced, (rows(),), {"fc": nn.Linear(16, 4), "gate": nn.Linear(16, 3)}),
        (lambda self, x: self.fc(x), (rows(1),), {"fc": nn.Linear(16, 4)}),
        (lambda self, x: self.fc(x), (torch.ones(3, 16),), {"fc": nn.Linear(16, 4)}),
    ],
)
def test_what_mixes_on_purpose_or_not_at_all_is_left_alone(forward: Any, args: Any, parts: Any) -> None:
    assert probed(Applied(forward, **parts), *args) == []


class MinibatchDeviation(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.std(0).mean().expand(len(x), 1, *x.shape[2:])], 1)


def test_a_layer_that_is_called_for_what_it_does_to_a_batch_is_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), MinibatchDeviation(), nn.Conv2d(5, 1, 3))
    assert probed(model, torch.randn(4, 3, 9, 9)) == []


def test_experts_that_gather_their_tokens_do_not_mix_samples() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        batch, length, width = x.shape
        tokens = x.reshape(batch * length, width)
        chosen = self.gate(tokens).argmax(-1)
        out = torch.zeros_like(tokens)
        for index, expert in enumerate(self.experts):
            mine = chosen == index
            out[mine] = expert(tokens[mine])
        return out.view(batch, length, width)

    experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
    assert probed(Applied(forward, gate=nn.Linear(8, 3), experts=experts), torch.randn(4, 6, 8)) == []


# --- NN314 ------------------------------------------------------------------------------------------------------------


def no_grad(self: Any, x: Tensor) -> Any:
    with torch.no_grad():
        return self.fc(x)


def through_numpy(self: Any, x: Tensor) -> Any:
    return torch.from_numpy(np.sqrt(self.fc(x).detach().numpy() ** 2))


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda self, x: self.fc(x).detach() + 1, "detach cuts the graph in Applied at test_probing.py:"),
        (lambda self, x: self.fc(x).data * 2, "Applied leaves the graph at test_probing.py:"),
        (no_grad, "gradients are switched off in Applied at test_probing.py:"),
        (through_numpy, "Applied leaves the graph at test_probing.py:"),
    ],
)
def test_a_cut_graph_is_told_with_what_cuts_it(forward: Any, words: str) -> None:
    finding = one(forward, rows(), fc=nn.Linear(16, 4))
    assert (finding.id, finding.severity) == ("NN314", "warning")
    assert words in finding.message


def frozen_backbone(self: Any, x: Tensor) -> Any:
    with torch.no_grad():
        h = self.backbone(x)
    return self.fc(h)


def only_in_eval_mode(self: Any, x: Tensor) -> Any:
    with torch.set_grad_enabled(self.training):
        return self.fc(x)


def straight_through(self: Any, x: Tensor) -> Any:
    z = self.fc(x)
    return z + (z.round() - z).detach()


def teacher(self: Any, x: Tensor) -> Any:
    with torch.no_grad():
        target = self.backbone(x)
    return self.fc(x), target


@pytest.mark.parametrize(
    "forward",
    [
        frozen_backbone,
        only_in_eval_mode,
        straight_through,
        teacher,
        lambda self, x: self.fc(x).argmax(-1),
        lambda self, x: F.one_hot(self.fc(x).argmax(-1), 16).float() * 2,
        lambda self, x: (self.fc(x) > 0).float(),
    ],
)
def test_graphs_that_are_cut_on_purpose_are_left_alone(forward: Any) -> None:
    assert probed(Applied(forward, fc=nn.Linear(16, 16), backbone=nn.Linear(16, 16)), rows()) == []


def test_a_model_without_anything_to_train_has_no_graph_to_cut() -> None:
    assert probed(Applied(no_grad, fc=nn.Linear(16, 4).requires_grad_(False)), rows()) == []


def test_a_forward_that_differentiates_itself_can_be_probed() -> None:
    def force(self: Any, x: Tensor) -> Any:
        x = x.requires_grad_(True)
        energy = torch.tanh(self.fc(x)).sum()
        return torch.autograd.grad(energy, x, create_graph=True)[0]

    assert probed(Applied(force, fc=nn.Linear(16, 4)), rows()) == []


# --- the request ------------------------------------------------------------------------------------------------------

SOURCE = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return F.dropout(self.norm(self.fc(x)))


class Raises(Net):
    def forward(self, x):
        raise ValueError("no")


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(4)

    def forward(self, x):
        return self.fc(x).detach()
"""


class Asked:
    """A session with one model of SOURCE."""

    def __init__(self, project: Project, name: str) -> None:
        project.write("m.py", SOURCE)
        self.sent: list[EngineEvent] = []
        self.session = Session(self.sent.append)
        self.session.answer(Load(f"m.py:{name}"))
        while self.session.busy:
            self.session.step()
        self.sent.clear()
        assert self.session._model is not None
        self.model = self.session._model

    def probe(self, *inputs: str) -> EngineEvent:
        self.session.answer(Probe(inputs))
        return self.sent[-1]


def test_a_session_probes_and_proves_that_it_left_the_model_as_found(project: Project) -> None:
    asked = Asked(project, "Net")
    before = bits.of(asked.model)
    told = asked.probe("4x8")
    assert isinstance(told, FindingsReported)
    assert [finding.id for finding in told.findings] == ["NN401"]
    assert (told.of, told.guard[:15], told.changed) == ("probes", "left as found: ", ())
    assert [type(event) for event in asked.sent if isinstance(event, InputsChosen)] == [InputsChosen]
    assert bits.of(asked.model) == before


def test_lazy_layers_are_probed_on_a_copy(project: Project) -> None:
    asked = Asked(project, "Lazy")
    told = asked.probe("4x8")
    assert isinstance(told, FindingsReported)
    assert [finding.id for finding in told.findings] == ["NN314"]
    assert type(asked.model.fc) is nn.LazyLinear


def test_a_forward_that_raises_has_nothing_to_probe(project: Project) -> None:
    asked = Asked(project, "Raises")
    before = bits.of(asked.model)
    told = asked.probe("4x8")
    assert isinstance(told, Failed)
    assert (told.failure.stage, told.failure.message) == ("forward", "no")
    assert bits.of(asked.model) == before


def test_a_probe_can_be_stopped(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = Asked(project, "Net")
    before, call, left = bits.of(asked.model), nn.Module.__call__, 9

    def counted(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            interruption.ask()
        return call(module, *args, **kwargs)

    monkeypatch.setattr(nn.Module, "__call__", counted)
    told = asked.probe("4x8")
    assert isinstance(told, RunCancelled)
    assert (told.guard[:15], told.changed) == ("left as found: ", ())
    assert bits.of(asked.model) == before
