"""Normalization layers against torch, in eval mode: what train mode alone refuses is told by the modes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, check_costs, check_initial, check_parameters, check_shapes, filled

BATCH = [f"{lazy}BatchNorm{axes}d" for lazy in ("", "Lazy") for axes in (1, 2, 3)]
INSTANCE = [f"{lazy}InstanceNorm{axes}d" for lazy in ("", "Lazy") for axes in (1, 2, 3)]
ROWS = ["LayerNorm"] + ["RMSNorm"] * hasattr(nn, "RMSNorm")
LOCAL = ["LocalResponseNorm", "CrossMapLRN2d"]
CHANNELS = [*BATCH, *INSTANCE, "SyncBatchNorm"]


def channel_trials(name: str) -> Iterator[Trial]:
    random = Random(name)
    axes = random.choice((0, 1, 2, 3)) if name == "SyncBatchNorm" else int(name[-2])
    for _ in range(400):
        channels = random.randint(1, 4)
        given: dict[str, Any] = {"affine": random.random() < 0.5, "track_running_stats": random.random() < 0.5}
        if not name.startswith("Lazy"):
            given["num_features"] = channels
        seen = channels if random.random() < 0.85 else channels + 1
        few = random.random() < 0.1
        space = tuple(random.randint(1, 1 if few else 4) for _ in range(axes + (random.random() < 0.04)))
        batch: tuple[int, ...] = (1 if few else random.randint(1, 3),)
        if random.random() < (0.3 if "Instance" in name else 0.08):
            batch = ()
        yield Trial(given, ((*batch, seen, *space),))


def group_trials() -> Iterator[Trial]:
    random = Random(5)
    for _ in range(400):
        groups = random.choice([1, 1, 2, 3, 4])
        channels = groups * random.randint(1, 3) + (random.random() < 0.05)
        given = {"num_groups": groups, "num_channels": channels, "affine": random.random() < 0.5}
        seen = channels if random.random() < 0.9 else channels + random.randint(1, 2)
        shape = (random.randint(1, 2), seen, *(random.randint(1, 3) for _ in range(random.randint(0, 3))))
        yield Trial(given, (shape if random.random() < 0.96 else shape[1:2],))


def row_trials(name: str) -> Iterator[Trial]:
    random = Random(name)
    for _ in range(300):
        rows = tuple(random.randint(1, 4) for _ in range(random.randint(0, 3)))
        shape: Any = tuple(random.randint(1, 4) for _ in range(random.randint(1, 3)))
        seen = shape if random.random() < 0.8 else (*shape[:-1], shape[-1] + 1)
        if random.random() < 0.05:
            seen = seen[1:]
        if len(shape) == 1 and random.random() < 0.5:
            shape = shape[0]
        given = {"normalized_shape": shape, "elementwise_affine": random.random() < 0.5}
        if name == "LayerNorm":
            given["bias"] = random.random() < 0.5
        yield Trial(given, ((*rows, *seen),))


def local_trials(name: str) -> Iterator[Trial]:
    random = Random(name)
    for _ in range(260):
        shape = tuple(random.randint(1, 4) for _ in range(random.choice([2, 3, 4, 4, 4, 5])))
        yield Trial({"size": random.randint(1, 5)}, (shape,))


@pytest.mark.parametrize("name", CHANNELS)
def test_the_shapes_of_batch_and_instance_norms_are_those_of_torch(name: str) -> None:
    check_shapes(name, channel_trials(name), mode=False)


def test_the_shapes_of_group_norm_are_those_of_torch() -> None:
    check_shapes("GroupNorm", group_trials())


@pytest.mark.parametrize("name", ROWS)
def test_the_shapes_of_layer_norms_are_those_of_torch(name: str) -> None:
    check_shapes(name, row_trials(name))


@pytest.mark.parametrize("name", LOCAL)
def test_the_shapes_of_local_norms_are_those_of_torch(name: str) -> None:
    check_shapes(name, local_trials(name))


def test_normalization_costs_nothing_by_convention() -> None:
    for name in [*(name for name in CHANNELS if "Lazy" not in name), "GroupNorm", *ROWS, *LOCAL]:
        trials = group_trials() if name == "GroupNorm" else row_trials(name) if name in ROWS else channel_trials(name)
        trials = local_trials(name) if name in LOCAL else trials
        check_costs(name, [trial for trial, _ in zip(trials, range(60), strict=False)], mode=False)


@pytest.mark.parametrize("affine", [True, False])
def test_parameters_and_their_first_values_are_those_of_torch(affine: bool) -> None:
    for name in [name for name in CHANNELS if "Lazy" not in name]:
        check_parameters(name, {"num_features": 7, "affine": affine})
        check_initial(name, {"num_features": 7, "affine": affine})
    check_parameters("GroupNorm", {"num_groups": 2, "num_channels": 8, "affine": affine})
    check_initial("GroupNorm", {"num_groups": 2, "num_channels": 8, "affine": affine})
    for name in ROWS:
        check_parameters(name, {"normalized_shape": (3, 4), "elementwise_affine": affine})
        check_initial(name, {"normalized_shape": (3, 4), "elementwise_affine": affine})
    for name in LOCAL:
        check_parameters(name, {"size": 3})


def test_the_running_statistics_move_as_the_formula_says() -> None:
    norm, x = nn.BatchNorm1d(3, momentum=0.25), torch.arange(12.0).reshape(4, 3)
    norm(x)
    assert torch.allclose(norm.running_mean, 0.25 * x.mean(0))  # type: ignore[arg-type]
    assert torch.allclose(norm.running_var, 0.75 + 0.25 * x.var(0, unbiased=True))  # type: ignore[arg-type]
    assert "(1 − momentum)·running + momentum·new" in CARDS["BatchNorm1d"].formula[2]


def lines(name: str, given: dict[str, Any], *shape: int) -> tuple[str, ...]:
    rule = CARDS[name].shape
    assert rule is not None
    return rule(filled(name, given), (shape,) if shape else ()).lines


def test_a_card_says_how_many_values_share_a_mean() -> None:
    assert lines("BatchNorm2d", {"num_features": 64}, 2, 64, 56, 56)[0] == (
        "values behind each mean and variance = 2·56·56 = 6,272"
    )
    assert lines("InstanceNorm2d", {"num_features": 64}, 2, 64, 56, 56)[0] == "values behind each = 56·56 = 3,136"
    assert lines("GroupNorm", {"num_groups": 32, "num_channels": 64}, 2, 64, 7, 7)[0] == (
        "values behind each = (64/32)·7·7 = 98"
    )
    assert lines("LayerNorm", {"normalized_shape": 768}, 2, 10, 768) == (
        "values in each row = 768",
        "rows, each normalised alone = 2·10 = 20",
    )


@pytest.mark.parametrize("name", [*CHANNELS, "GroupNorm", *ROWS, *LOCAL])
def test_without_arguments_a_card_is_the_general_rule(name: str) -> None:
    card = CARDS[name]
    arguments = filled(name, {each: Symbol(each) for each in card.arguments if each not in card.defaults})
    assert card.shape is not None
    assert card.shape(arguments, ()).outputs[0][0] == "N"
    if card.parameters:
        assert card.parameters(arguments).lines
