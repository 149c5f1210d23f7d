"""What a comparison says where there is nothing to subtract, and that its words are those of what was measured."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.engine.comparing import compared, seeded
from tests.engine.mode_models import Residual, image, rows, sequence, spectral


class GivesOtherwise(nn.Module):
    """In train mode what comes out of a linear layer; in eval mode what `give` makes of that."""

    def __init__(self, give: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 4)
        self.give = give

    def forward(self, x: Tensor) -> Any:
        x = self.fc(x)
        return x if self.training else self.give(x)


@pytest.mark.parametrize(
    ("give", "note"),
    [
        (lambda x: x[-1:], "gives 8×4 in train mode, 1×4 in eval mode: cannot be subtracted"),
        (lambda x: x.argmax(-1), "gives 8×4 in train mode, 8 in eval mode: cannot be subtracted"),
        (lambda x: x.double(), "gives float32 in train mode, float64 in eval mode: not compared"),
        (
            lambda x: [{"box": x[0]}, {"box": x[1]}],
            "gives one tensor in train mode, 2 tensors in eval mode: nothing of it can be compared",
        ),
        (lambda x: (x, x), "gives one tensor in train mode, 2 tensors in eval mode: compared is what both give"),
    ],
)
def test_what_cannot_be_subtracted_is_said_in_shapes(give: Any, note: str) -> None:
    found = compared(seeded(lambda: GivesOtherwise(give)), rows()())
    assert (found.sources(), found.of("").note) == ({""}, note)


def test_results_that_have_nothing_in_common_are_not_compared_as_if_they_had() -> None:
    found = compared(seeded(lambda: GivesOtherwise(lambda x: {"box": x[0], "score": x[1]})), rows()())
    assert found.record.outputs == ()


def test_the_hook_of_spectral_norm_is_known_by_its_name() -> None:
    assert compared(seeded(lambda: spectral(True)), rows()()).of("0").reason == (
        "its spectral_norm takes a step of the power iteration in train mode, so that the weight it makes is another"
    )


def test_stochastic_depth_drops_whole_samples_and_not_channels() -> None:
    found = compared(seeded(lambda: Residual(0.5)), (torch.ones(8, 5, 16),)).of("path")
    assert found.dropout is not None
    assert (found.dropout.samples, found.dropout.channels) == (True, False)
    assert "elements, whole samples at a time (50 % expected)" in found.reason


def test_a_norm_whose_means_agree_is_explained_by_the_variance_of_the_channel_that_moves_most() -> None:
    x = image(8, 3)()[0] * torch.tensor([1.0, 30.0, 1.0]).view(3, 1, 1)
    x = x - x.mean((0, 2, 3), keepdim=True)
    found = compared(nn.BatchNorm2d(3), (x,)).of("")
    assert found.norm is not None
    assert found.norm.farthest == 1
    variance = float(x[:, 1].var(correction=0))
    assert f"and variance {variance:.3g}, running 0 and 1; " in found.reason


def test_what_torch_fuses_in_eval_mode_is_run_that_way_too_and_told_in_numbers() -> None:
    layer = seeded(lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True))
    x = sequence()()[0]
    off = "torch's fused path for Transformer layers was off in both modes, so that their parts can be compared; "
    (note,) = compared(layer, (x,)).record.notes
    with torch.no_grad():
        plain, fused = layer.train()(x), layer.eval()(x)
    moved = f"{float((fused - plain).double().norm() / plain.double().norm()):.2g}"
    assert note in {f"{off}with it eval mode's output moves by {moved}", f"{off}and eval mode gives the same with it"}


def test_the_padding_that_the_fused_path_empties_is_a_difference_of_its_own() -> None:
    encoder = seeded(lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 1))
    mask = torch.tensor([[False] * 6, [False] * 6, [False] * 3 + [True] * 3])
    (note,) = compared(encoder, sequence()(), kwargs={"src_key_padding_mask": mask}).record.notes
    assert float(note.rpartition(" ")[2]) > 0.1


class TakesItselfAsKey(nn.MultiheadAttention):
    def forward(self, x: Tensor) -> Any:  # type: ignore[override]
        return super().forward(x, x, x)[0]


def test_of_a_class_that_calls_the_forward_of_one_of_torchs_that_one_is_named() -> None:
    found = compared(seeded(lambda: TakesItselfAsKey(8, 2, dropout=0.5, batch_first=True)), sequence()())
    assert found.of("").reason == "the code of MultiheadAttention in it looks at its flag"


class DrawsInEval(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Any:
        self.drop.train()
        return self.drop(x)


def test_a_dropout_that_forward_itself_puts_into_train_mode_needs_no_registering() -> None:
    (finding,) = compared(DrawsInEval(), rows(64)()).findings("NN401")
    assert finding.message.endswith("forward, or a train() of the model's own, puts it there")
    assert "register" not in finding.fix
    assert "e+0" not in finding.message
