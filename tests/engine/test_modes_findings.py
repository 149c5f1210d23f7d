"""What is noticed about train and eval, and what is not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.findings.mode_catalogue import MODE_RULES
from inspector.engine.inputs.choosing import choose
from inspector.engine.target import load
from inspector.messages import Load
from inspector.run_schema import Finding, InputSet, SampleArgument
from tests.engine.comparing import case_of, compared, seeded
from tests.engine.mode_models import (
    CASES,
    AlwaysNoisy,
    Attention,
    FunctionalDropout,
    MadeInForward,
    NeverCalled,
    Unreached,
    image,
    rows,
    sequence,
)
from tests.process_state import put_back

HELD = InputSet("file")
FILE = str(Path(__file__).with_name("mode_models.py"))


def line_of(text: str) -> int:
    """The line of mode_models.py that ends so."""
    lines = Path(FILE).read_text(encoding="utf-8").split("\n")
    (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(text)]
    return number


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def trained(model: nn.Module, *arguments: Tensor, steps: int = 60) -> nn.Module:
    """With running statistics of such batches, as after training."""
    model.train()
    with torch.no_grad():
        for _ in range(steps):
            model(*arguments)
    return model


# --- NN401 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "arguments", "path", "line", "fix"),
    [
        (lambda: FunctionalDropout(False), rows(), "", "  # <- always on", "pass training=self.training"),
        (AlwaysNoisy, rows(), "", "  # <- drawn", "draw only `if self.training`"),
        (MadeInForward, rows(), "", "  # <- made here", "pass training=self.training, or use nn.Dropout made in"),
        (
            lambda: nn.Sequential(nn.Linear(8, 8), Attention(always=True)), sequence(), "1",
            "F.scaled_dot_product_attention(q, k, v, dropout_p=p)", "dropout_p=self.p if self.training else 0.0",
        ),
    ],
)  # fmt: skip
def test_an_eval_run_that_differs_from_another_is_pinned_to_its_line(
    build: Any, arguments: Any, path: str, line: str, fix: str
) -> None:
    finding = only(compared(seeded(build), arguments()).findings("NN401"))
    assert (finding.severity, finding.path) == ("warning", path)
    assert finding.source is not None
    assert (finding.source.file, finding.source.line) == (FILE, line_of(line))
    assert finding.fix.startswith(fix)
    assert finding.message.startswith("two eval runs on one input differ by ")
    assert f"mode_models.py:{finding.source.line}" in finding.message


def test_a_dropout_that_eval_does_not_reach_is_named_itself() -> None:
    finding = only(compared(seeded(Unreached), rows()()).findings("NN401"))
    assert finding.path == "drops[0]"
    assert finding.message.startswith("drops[0] stays in train mode after eval()")
    assert "nn.ModuleList" in finding.fix


class Sampler(nn.Module):
    """Draws between two of its layers, as a VAE does; what a part of it draws before that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.vain = DrawsInVain()
        self.encode, self.decode = nn.Linear(16, 4), nn.Linear(4, 16)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.encode(self.vain(x))
        out: Tensor = self.decode(mean + self.drawn(mean))
        return out

    def drawn(self, mean: Tensor) -> Tensor:
        return torch.randn_like(mean)  # <- between the layers


def test_noise_between_two_layers_belongs_to_who_makes_it_and_not_to_the_next_layer() -> None:
    finding = only(compared(seeded(lambda: nn.Sequential(Sampler())), rows()()).findings("NN401"))
    lines = Path(__file__).read_text(encoding="utf-8").split("\n")
    assert finding.path == "0"
    assert finding.source is not None
    assert lines[finding.source.line - 1].endswith("# <- between the layers")


class Outside(nn.Module):
    """Random numbers that are not torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(x * random.random())
        return out


def test_random_numbers_of_python_are_noticed_too() -> None:
    finding = only(compared(Outside(), rows()()).findings("NN401"))
    assert finding.path == ""
    assert finding.source is not None
    assert finding.source.code.startswith("def forward(self, x: Tensor)")
    assert "first in Outside: something in it is random" in finding.message


@pytest.mark.parametrize("name", [name for name in CASES if name not in {
    "functional dropout that is not told", "attention with dropout always", "noise in both modes",
    "a dropout in a plain list", "a dropout made in forward",
}])  # fmt: skip
def test_a_model_that_is_steady_in_eval_mode_hears_nothing_of_it(name: str) -> None:
    assert case_of(name).findings("NN401") == []


class DrawsInVain(nn.Module):
    """Draws, and throws it away."""

    def forward(self, x: Tensor) -> Tensor:
        torch.rand(3)
        return x * 2


def test_random_numbers_that_nothing_depends_on_are_no_fault() -> None:
    assert compared(DrawsInVain(), rows()()).record.findings == ()


# --- NN403 ------------------------------------------------------------------------------------------------------------


def test_statistics_that_were_never_updated_are_one_line_for_the_whole_model() -> None:
    model = seeded(lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    finding = only(compared(model, image()()).findings("NN403"))
    assert (finding.severity, finding.path) == ("note", "0")
    assert finding.message == (
        "running statistics were never updated (num_batches_tracked = 0): eval mode normalises with mean 0 and "
        "variance 1, train mode with the batch (2 normalisations, first 0)"
    )


def test_statistics_of_other_data_are_far() -> None:
    x = image(16)()[0]
    model = trained(seeded(lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3))), x)
    finding = only(compared(model, (x * 255 + 100,), inputs=HELD).findings("NN403"))
    assert finding.path == "0"
    assert "running statistics are far from this batch's in 3 of 3 channels; channel " in finding.message
    assert compared(model, (x,), inputs=HELD).findings("NN403") == []


def test_real_data_of_the_same_kind_is_not_far() -> None:
    model = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64)
        )
    )
    trained(model, torch.randn(32, 3, 12, 12, generator=torch.Generator().manual_seed(1)))
    for seed in range(5):
        batch = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(10 + seed))
        assert compared(model, (batch,), inputs=HELD).findings("NN403") == []


def test_random_inputs_say_nothing_about_the_statistics() -> None:
    x = image(16)()[0]
    model = trained(seeded(lambda: nn.Sequential(nn.BatchNorm2d(3))), x * 5 + 9)
    assert compared(model, (x,), inputs=InputSet("guessed")).findings("NN403") == []
    typed = InputSet("given", (SampleArgument("input", False, "16x3x8x8", ()),))
    assert compared(model, (x,), inputs=typed).findings("NN403") == []
    stored = InputSet("given", (SampleArgument("input", False, "@batch.pt", ()),))
    assert len(compared(model, (x,), inputs=stored).findings("NN403")) == 1


# --- NN404 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(16, 4), nn.Dropout(0.0)), rows(), "1 module usually differs: 1 (p=0)"),
        (NeverCalled, rows(), "1 module usually differs: drop (not called in the train run)"),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval()), image(),
            "1 module usually differs: 1 (frozen in eval mode)",
        ),
        (
            lambda: nn.Sequential(*(nn.Dropout(0.0) for _ in range(5))), rows(),
            "5 modules usually differ: 0 (p=0), 1 (p=0), 2 (p=0) and 2 more (2 p=0)",
        ),
    ],
)  # fmt: skip
def test_modes_that_make_no_difference_are_a_note_with_the_reason(build: Any, arguments: Any, message: str) -> None:
    finding = only(compared(seeded(build), arguments()).findings("NN404"))
    assert finding.severity == "note"
    assert finding.message == f"train and eval give the same output, bit for bit, although {message}"


class SideBranch(nn.Module):
    """A dropout whose result is thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(16, 4), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        self.drop(x)
        out: Tensor = self.fc(x)
        return out


def test_a_source_that_does_not_reach_the_output_is_said_so() -> None:
    finding = only(compared(seeded(SideBranch), rows()()).findings("NN404"))
    assert finding.message.endswith("drop (does not reach the output)")


@pytest.mark.parametrize(
    ("build", "arguments"),
    [
        (lambda: nn.Sequential(nn.Linear(16, 4), nn.Dropout(0.5)), rows()),
        (lambda: nn.Sequential(nn.Linear(16, 4), nn.ReLU()), rows()),
        (lambda: nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 4)), rows()),
        (lambda: nn.BatchNorm2d(3, track_running_stats=False), image()),
        (lambda: nn.LSTM(8, 4, dropout=0.0, num_layers=2), sequence()),
    ],
)
def test_a_model_that_differs_or_holds_nothing_that_should_hears_nothing(build: Any, arguments: Any) -> None:
    assert compared(seeded(build), arguments()).findings("NN404") == []


# --- all of them ------------------------------------------------------------------------------------------------------


def test_healthy_models_hear_no_warning() -> None:
    for name in ("TransformerEncoder", "auxiliary head", "LSTM with dropout", "drop path", "BatchNorm", "a cache"):
        record = case_of(name).record
        assert [finding for finding in record.findings if finding.severity != "note"] == [], name


SAMPLES = Path(__file__).parents[2] / "sample_models"
SILENT = [
    "activations", "conv_block", "encoder", "frozen_backbone", "gru", "lenet", "lstm_tagger", "module_dict",
    "module_list", "named_sequential", "parametrized", "shared_layers", "tied_embedding", "tiny_model", "transformer",
]  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_sample_models_hear_no_warning(name: str) -> None:
    with put_back():
        built = load(Load(str(SAMPLES / f"{name}.py")), lambda event: None)
        sample = choose(built.model, (), built, 0)
        record = compared(built.model, sample.args, kwargs=sample.kwargs, inputs=sample.record).record
    assert (sample.record.origin != "none", record.failed_in) == (True, "")
    assert [finding.id for finding in record.findings if finding.severity != "note"] == []


def test_every_rule_has_an_id_of_its_own() -> None:
    assert len({rule.id for rule in MODE_RULES}) == len(MODE_RULES) == 3
