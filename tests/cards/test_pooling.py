"""Pooling and unpooling against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from torch import Tensor, nn

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, card_says, check_costs, check_parameters, check_shapes, filled, torch_says
from tests.cards.test_convolution import axis_values

SPACES = (1, 2, 3)


def image(random: Random, axes: int, largest: int = 9) -> tuple[int, ...]:
    """Mostly with a batch, sometimes of one axis too many."""
    space = tuple(random.randint(1, largest) for _ in range(axes + (random.random() < 0.03)))
    return (
        (random.randint(1, 3), *space)
        if random.random() < 0.3
        else (random.randint(1, 2), random.randint(1, 3), *space)
    )


def window_trials(name: str) -> Iterator[Trial]:
    axes, random = int(name[-2]), Random(name)
    for _ in range(400):
        given: dict[str, Any] = {"kernel_size": axis_values(random, axes, [1, 2, 3, 4])}
        if random.random() < 0.7:
            given["stride"] = axis_values(random, axes, [1, 2, 3] + [0] * (random.random() < 0.05))
        given["ceil_mode"] = random.random() < 0.5
        if name.startswith("LP"):
            given["norm_type"] = 2.0
        else:
            given["padding"] = axis_values(random, axes, [0, 0, 1, 1, 2])
        if name.startswith("Max"):
            given["dilation"] = axis_values(random, axes, [1, 1, 2])
            given["return_indices"] = random.random() < 0.3
        if name.startswith("Avg"):
            given["count_include_pad"] = random.random() < 0.5
            if axes > 1:
                given["divisor_override"] = random.choice([None, 3, 3, 0])
        yield Trial(given, (image(random, axes, 14 if axes == 3 else 9),))


def adaptive_trials(name: str) -> Iterator[Trial]:
    axes, random = int(name[-2]), Random(name)
    for _ in range(260):
        size = axis_values(random, axes, [1, 2, 5, 7])
        if random.random() < 0.2:
            size = tuple(random.choice([1, 3]) for _ in range(random.randint(1, 3)))
        asked: Any = size
        if random.random() < 0.15:
            asked = random.choice([None, -1, 0, (None,) * axes])
        given: dict[str, Any] = {"output_size": asked}
        if "Max" in name:
            given["return_indices"] = random.random() < 0.3
        yield Trial(given, (image(random, axes),))


def fractional_trials(name: str) -> Iterator[Trial]:
    axes, random = int(name[-2]), Random(name)
    for _ in range(300):
        given: dict[str, Any] = {"kernel_size": axis_values(random, axes, [1, 2, 3])}
        if random.random() < 0.5:
            given["output_size"] = axis_values(random, axes, [1, 2, 3, 5])
        if "output_size" not in given or random.random() < 0.05:
            given["output_ratio"] = random.choice(
                [0.5, 0.7, 0.3, 1.0, tuple(random.choice([0.4, 0.9]) for _ in range(axes))]
            )
        given["return_indices"] = random.random() < 0.3
        yield Trial(given, (image(random, axes, 12),))


def unpool_trials(name: str) -> Iterator[Trial]:
    axes, random = int(name[-2]), Random(name)
    for _ in range(260):
        given: dict[str, Any] = {"kernel_size": axis_values(random, axes, [1, 2, 3])}
        if random.random() < 0.6:
            given["stride"] = axis_values(random, axes, [1, 2, 3])
        given["padding"] = axis_values(random, axes, [0, 0, 1])
        shape = image(random, axes, 6)
        yield Trial(given, (shape, shape if random.random() < 0.9 else (*shape[:-1], shape[-1] + 1)))


def with_indices(module: nn.Module, tensors: list[Tensor]) -> Any:
    return module(tensors[0], tensors[1].long())


WINDOWS = [f"{kind}Pool{axes}d" for kind in ("Max", "Avg", "LP") for axes in SPACES]
ADAPTIVE = [f"Adaptive{kind}Pool{axes}d" for kind in ("Avg", "Max") for axes in SPACES]
FRACTIONAL = ["FractionalMaxPool2d", "FractionalMaxPool3d"]
UNPOOL = [f"MaxUnpool{axes}d" for axes in SPACES]


@pytest.mark.parametrize("name", WINDOWS)
def test_the_shapes_of_sliding_windows_are_those_of_torch(name: str) -> None:
    check_shapes(name, window_trials(name))


@pytest.mark.parametrize("name", ADAPTIVE)
def test_the_shapes_of_adaptive_pooling_are_those_of_torch(name: str) -> None:
    check_shapes(name, adaptive_trials(name))


@pytest.mark.parametrize("name", FRACTIONAL)
def test_the_shapes_of_fractional_pooling_are_those_of_torch(name: str) -> None:
    check_shapes(name, fractional_trials(name))


@pytest.mark.parametrize("name", UNPOOL)
def test_the_shapes_of_unpooling_are_those_of_torch(name: str) -> None:
    check_shapes(name, unpool_trials(name), with_indices)


@pytest.mark.parametrize("name", [*WINDOWS, *ADAPTIVE])
def test_pooling_has_no_parameters_and_costs_nothing_by_convention(name: str) -> None:
    trials = adaptive_trials(name) if name in ADAPTIVE else window_trials(name)
    first = [trial for trial, _ in zip(trials, range(250), strict=False)]
    check_costs(name, first)
    required = {"output_size": 1, "norm_type": 2.0, "kernel_size": 2}
    check_parameters(name, {key: value for key, value in required.items() if key in CARDS[name].arguments})


def lines(name: str, given: dict[str, Any], *shape: int) -> tuple[str, ...]:
    rule = CARDS[name].shape
    assert rule is not None
    return rule(filled(name, given), (shape,) if shape else ()).lines


def test_the_arithmetic_stands_there_with_its_numbers() -> None:
    assert lines("MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, 1, 64, 112, 112) == (
        "H_out = W_out = ⌊(112 + 2·1 − 3)/2⌋ + 1 = 56",
    )
    assert lines("AvgPool2d", {"kernel_size": 2}, 1, 64, 8, 7) == (
        "H_out = ⌊(8 + 2·0 − 2)/2⌋ + 1 = 4",
        "W_out = ⌊(7 + 2·0 − 2)/2⌋ + 1 = 3",
    )
    assert lines("AdaptiveAvgPool2d", {"output_size": (7, None)}, 1, 64, 32, 20) == (
        "H_out = 7: output i sees ⌊i·32/7⌋ … ⌈(i + 1)·32/7⌉ − 1",
        "W_out = 20: output i sees ⌊i·20/20⌋ … ⌈(i + 1)·20/20⌉ − 1",
    )


def test_a_last_window_that_would_stand_in_the_padding_is_taken_away_again() -> None:
    given = {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}
    assert lines("MaxPool1d", given, 1, 1, 5) == ("L_out = ⌈(5 + 2·1 − 2)/3⌉ + 1 − 1 = 2",)


@pytest.mark.parametrize("name", [*WINDOWS, *ADAPTIVE, *FRACTIONAL, *UNPOOL])
def test_without_arguments_a_card_is_the_general_rule(name: str) -> None:
    card = CARDS[name]
    required = {argument: Symbol(argument) for argument in card.arguments if argument not in card.defaults}
    assert card.shape is not None
    shaped = card.shape(filled(name, required), ())
    assert shaped.outputs[0][:2] == ("N", "C")
    assert shaped.lines


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("asked", [1, "all", "none but the last"])
@pytest.mark.parametrize("further", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [1, 4])
def test_one_mean_is_taken_of_an_input_with_any_number_of_axes_before(
    axes: int, asked: int | str, further: int, size: int
) -> None:
    output: Any = {"all": (1,) * axes, "none but the last": (*(None,) * (axes - 1), 1)}.get(str(asked), asked)
    trial = Trial({"output_size": output}, ((2,) * further + (size,) * axes,))
    theirs, ours = torch_says(f"AdaptiveAvgPool{axes}d", trial), card_says(f"AdaptiveAvgPool{axes}d", trial)
    assert isinstance(theirs, str) == isinstance(ours, str), (theirs, ours)
    assert isinstance(theirs, str) or theirs == ours
