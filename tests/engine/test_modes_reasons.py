"""The numbers of a reason, against what a user would compute by hand with hooks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.mode_rows import channel_moves
from inspector.mode_schema import Channel, NormMeasured
from tests.engine.comparing import Compared, compared, seeded
from tests.engine.mode_models import (
    CASES,
    Attention,
    DropPath,
    Recurrent,
    Residual,
    SelfAttention,
    image,
    rows,
    sequence,
)


def what_goes_in(model: nn.Module, part: nn.Module, arguments: tuple[Any, ...], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Input and output of a part in a train run with a seed, as a user would look at them."""
    seen: list[tuple[Tensor, Tensor]] = []
    hook = part.register_forward_hook(
        lambda module, args, output: seen.append((args[0].detach().clone(), output.detach().clone()))
    )
    torch.default_generator.manual_seed(seed)
    model.train()
    with torch.no_grad():
        model(*arguments)
    hook.remove()
    return seen[0]


def norm_of(found: Compared, path: str, number: int = 1) -> NormMeasured:
    norm = found.of(path, number).norm
    assert norm is not None
    return norm


# --- normalisations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.1, 0.9, None])
@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        (lambda momentum: nn.BatchNorm1d(5, momentum=momentum), (7, 5)),
        (lambda momentum: nn.BatchNorm1d(5, momentum=momentum), (3, 5, 4)),
        (lambda momentum: nn.BatchNorm2d(5, momentum=momentum), (3, 5, 4, 6)),
        (lambda momentum: nn.BatchNorm3d(5, momentum=momentum), (2, 5, 3, 2, 2)),
        (lambda momentum: nn.InstanceNorm2d(5, momentum=momentum, track_running_stats=True), (3, 5, 4, 6)),
        (lambda momentum: nn.InstanceNorm1d(5, momentum=momentum, track_running_stats=True), (5, 9)),
    ],
)
def test_next_statistics_are_what_torch_makes_of_them(
    norm: Any, shape: tuple[int, ...], momentum: float | None
) -> None:
    if momentum is None and "Instance" in type(norm(0.1)).__name__:
        momentum = 0.2  # torch refuses an InstanceNorm without one
    module = norm(momentum)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        module.running_mean.copy_(torch.randn(5, generator=generator))
        module.running_var.copy_(torch.rand(5, generator=generator) + 0.5)
        module.num_batches_tracked.fill_(3)
    x = torch.randn(shape, generator=generator) * 2 + 1
    measured = norm_of(compared(module, (x,)), "")
    before = module.running_mean.tolist()
    module.train()
    with torch.no_grad():
        module(x)
    assert [channel.running_mean for channel in measured.channels] == before
    assert [channel.next_mean for channel in measured.channels] == pytest.approx(module.running_mean.tolist(), rel=1e-5)
    assert [channel.next_variance for channel in measured.channels] == pytest.approx(
        module.running_var.tolist(), rel=1e-5
    )


def test_the_batch_is_measured_as_torch_uses_it() -> None:
    module = nn.BatchNorm2d(3)
    x = image(4, 3, 8)()[0] * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1) + 5
    measured = norm_of(compared(module, (x,)), "")
    assert (measured.values, measured.batches, measured.tracked, measured.momentum) == (256, 0, True, 0.1)
    assert (measured.total, len(measured.channels)) == (3, 3)
    for index, channel in enumerate(measured.channels):
        values = x[:, index].double()
        assert channel.batch_mean == pytest.approx(float(values.mean()), rel=1e-6)
        assert channel.batch_variance == pytest.approx(float(values.var(correction=0)), rel=1e-6)
        assert channel.distance == pytest.approx(abs(float(values.mean())), rel=1e-6)
    moves = [channel_moves(channel, measured.eps) for channel in measured.channels]
    assert measured.farthest == max(range(3), key=moves.__getitem__)
    evaluation, train = (module.train(mode)(x).detach() for mode in (False, True))
    assert moves == pytest.approx((train - evaluation).square().mean((0, 2, 3)).sqrt().tolist(), rel=1e-5)


def test_a_large_mean_does_not_eat_the_variance() -> None:
    x = 1e4 + torch.randn(8, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    measured = norm_of(compared(nn.BatchNorm2d(2), (x,)), "")
    for index, channel in enumerate(measured.channels):
        assert channel.batch_variance == pytest.approx(float(x[:, index].double().var(correction=0)), rel=1e-3)


def test_the_reason_of_a_norm_shows_its_arithmetic() -> None:
    module = nn.BatchNorm1d(2)
    x = torch.tensor([[1.0, 10.0], [3.0, 14.0]])
    found = compared(module, (x,))
    assert found.of("").reason == (
        "uses this batch's statistics in train mode, the running statistics in eval mode; these were never updated "
        "(num_batches_tracked = 0); channel 1: batch mean 12 and variance 4, running 0 and 1; after one train step the "
        "running mean is 0.9·0 + 0.1·12 = 1.2"
    )
    channel: Channel = norm_of(found, "").channels[1]
    assert (channel.batch_mean, channel.batch_variance, channel.distance) == (12.0, 4.0, 12.0)
    assert channel.next_mean == pytest.approx(1.2)
    assert channel.next_variance == pytest.approx(0.9 + 0.1 * 8)


def test_without_a_momentum_it_is_the_plain_average() -> None:
    module = nn.BatchNorm1d(1, momentum=None)
    with torch.no_grad():
        module.running_mean.fill_(2.0)  # type: ignore[union-attr]
        module.num_batches_tracked.fill_(3)  # type: ignore[union-attr]
    found = compared(module, (torch.tensor([[5.0], [7.0]]),))
    assert found.of("").reason.endswith("0.75·2 + 0.25·6 = 3, the plain average over 4 batches")


def test_the_norm_of_the_second_call_has_statistics_of_the_first() -> None:
    case = CASES["shared BatchNorm"]
    model = seeded(case.build)
    found = compared(model, case.arguments())
    first, second = norm_of(found, "bn", 1), norm_of(found, "bn", 2)
    assert [channel.running_mean for channel in second.channels] == pytest.approx(
        [channel.next_mean for channel in first.channels], rel=1e-6
    )
    assert (first.batches, second.batches) == (0, 1)


def test_a_norm_without_statistics_is_told_as_such() -> None:
    case = CASES["BatchNorm without statistics"]
    found = compared(seeded(case.build), case.arguments())
    measured = norm_of(found, "1")
    assert (measured.tracked, measured.channels, found.of("1").reason) == (False, (), "")


def test_of_very_many_channels_the_first_are_told() -> None:
    x = torch.randn(4, 1000, generator=torch.Generator().manual_seed(0))
    x[:, 900] += 50
    measured = norm_of(compared(nn.BatchNorm1d(1000), (x,)), "")
    assert (len(measured.channels), measured.total, measured.farthest) == (512, 1000, 900)


# --- dropouts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("name", ["dropout", "Dropout2d", "Dropout3d"])
def test_what_a_dropout_did_is_counted_in_the_train_run_of_this_seed(name: str, seed: int) -> None:
    case = CASES[name]
    model = seeded(case.build)
    found = compared(model, case.arguments(), seed=seed).of("1").dropout
    before, after = what_goes_in(model, model[1], case.arguments(), seed)
    assert found is not None
    assert found.elements == int((before != 0).sum())
    assert found.zeroed == int(((before != 0) & (after == 0)).sum())
    assert found.p == model[1].p
    assert found.scale == pytest.approx(1 / (1 - model[1].p), rel=1e-5)
    assert found.channels is (name != "dropout")


def test_the_reason_of_a_dropout_in_numbers() -> None:
    case = CASES["dropout"]
    found = compared(seeded(case.build), case.arguments()).of("1")
    assert found.dropout is not None
    share = 100 * found.dropout.zeroed / 2048
    assert found.reason == (
        f"p=0.3: zeroed {share:.1f} % of 2,048 elements (30 % expected), scaled what stayed by 1.429 = 1/(1-0.3)"
    )


def test_whole_channels_are_said_so() -> None:
    case = CASES["Dropout2d"]
    assert (
        "elements, whole channels at a time (50 % expected)"
        in compared(seeded(case.build), case.arguments()).of("1").reason
    )


def test_elements_that_were_zero_before_say_nothing() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
    x = rows(64, 64)()[0]
    told = compared(model, (x,)).of("1").dropout
    assert told is not None
    assert told.elements == int((x > 0).sum())


def test_a_dropout_in_place_is_counted_by_what_it_got() -> None:
    model = nn.Sequential(nn.Linear(16, 64), nn.Dropout(0.25, inplace=True))
    told = compared(seeded(lambda: model), rows(64)()).of("1").dropout
    assert told is not None
    assert told.elements == 64 * 64
    assert told.zeroed / told.elements == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / told.elements))


def test_stochastic_depth_by_hand_is_counted_too_with_its_line() -> None:
    found = compared(seeded(lambda: Residual(0.5)), rows(16)()).of("path")
    assert found.dropout is not None
    assert found.dropout.p == 0.5
    assert found.dropout.scale == pytest.approx(2.0)
    assert found.dropout.zeroed % 16 == 0  # whole samples
    assert found.looks is not None
    assert found.looks.code == "if self.drop_prob == 0.0 or not self.training:"
    assert found.reason.startswith("p=0.5: zeroed ")
    assert "its own code looks at `training`: mode_models.py:" in found.reason


def test_stochastic_depth_that_kept_every_sample_is_still_a_source_by_its_scale() -> None:
    found = compared(DropPath(0.0001), rows()())
    assert found.sources() == {""}
    assert found.of("").dropout is None  # It dropped nothing that could be counted.


def test_a_module_that_only_rounds_is_no_dropout() -> None:
    case = CASES["fake quantization"]
    assert compared(seeded(case.build), case.arguments()).of("").dropout is None


# --- what torch's classes are known for -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "arguments", "path", "reason"),
    [
        (
            lambda: Recurrent(nn.LSTM, num_layers=2, dropout=0.5), sequence(), "rnn",
            "dropout p=0.5 between its 2 layers in train mode",
        ),
        (lambda: SelfAttention(0.5), sequence(), "mha", "dropout p=0.5 of the attention weights in train mode"),
        (
            lambda: nn.RReLU(0.1, 0.3), rows(), "",
            "draws slopes from 0.1 to 0.3 in train mode, takes their mean 0.2 in eval mode",
        ),
        (
            lambda: nn.Sequential(nn.AlphaDropout(0.5)), rows(), "0",
            "p=0.5: sets elements to a negative constant in train mode, and rescales the rest",
        ),
        (
            lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16)), rows(), "parametrizations.weight.0",
            "takes a step of the power iteration in train mode, so that the weight it makes is another",
        ),
    ],
)  # fmt: skip
def test_what_a_class_of_torchs_does_is_said(build: Any, arguments: Any, path: str, reason: str) -> None:
    assert compared(seeded(build), arguments()).of(path).reason == reason


def test_of_a_users_module_the_line_that_looks_is_named() -> None:
    found = compared(seeded(Attention), sequence()()).of("")
    assert found.looks is not None
    assert found.looks.code == "p = 0.5 if self.always or self.training else 0.0"
    assert found.reason == f"its own code looks at `training`: mode_models.py:{found.looks.line} · {found.looks.code}"


def test_own_difference_is_that_of_the_flag_alone() -> None:
    model = seeded(lambda: nn.Sequential(nn.BatchNorm1d(16), nn.Linear(16, 16), nn.BatchNorm1d(16)))
    x = rows()()[0]
    found = compared(model, (x,))
    model.eval()
    with torch.no_grad():
        reached = model[1](model[0](x))
        plain = model[2](reached)
        batch = nn.functional.batch_norm(reached, None, None, training=True)
    wanted = float((batch - plain).norm() / plain.norm())
    assert found.of("2").own == pytest.approx(wanted, rel=1e-5)
    assert found.of("2").own != pytest.approx(found.of("2").difference, rel=1e-5)


def test_the_source_that_moves_most_stands_first() -> None:
    model = seeded(lambda: nn.Sequential(nn.Dropout(0.05), nn.Linear(16, 16), nn.Dropout(0.8)))
    found = compared(model, rows()())
    assert [found.rows.path(found.record.differences[index].row) for index in found.record.sources] == ["2", "0"]
