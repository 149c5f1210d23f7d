"""Convolutions and transposed ones against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, check_costs, check_initial, check_parameters, check_shapes, filled

EVERY = [
    f"{lazy}Conv{transpose}{axes}d" for lazy in ("", "Lazy") for transpose in ("", "Transpose") for axes in (1, 2, 3)
]


def axis_values(random: Random, axes: int, choices: list[int]) -> int | tuple[int, ...]:
    """One number, or one for each axis."""
    return random.choice(choices) if random.random() < 0.5 else tuple(random.choice(choices) for _ in range(axes))


def trials(name: str, number: int = 300) -> Iterator[Trial]:
    """Layers as people write them, some of them wrong."""
    axes, transposed, random = int(name[-2]), "Transpose" in name, Random(name)
    for _ in range(number):
        groups = random.choice([1, 1, 1, 2, 3])
        channels = groups * random.randint(1, 2) + (random.random() < 0.03)
        given: dict[str, Any] = {
            "in_channels": channels,
            "out_channels": groups * random.randint(1, 3) + (random.random() < 0.03),
            "kernel_size": axis_values(random, axes, [1, 2, 3, 3, 5]),
            "stride": axis_values(random, axes, [1, 1, 2, 3]),
            "dilation": axis_values(random, axes, [1, 1, 2]),
            "padding": axis_values(random, axes, [0, 0, 1, 2]),
            "groups": groups,
            "bias": random.random() < 0.5,
        }
        if transposed:
            given["output_padding"] = axis_values(random, axes, [0, 0, 0, 1])
        else:
            given["padding_mode"] = random.choice(["zeros", "zeros", "reflect", "replicate", "circular"])
            if random.random() < 0.2:
                given["padding"] = random.choice(["same", "valid"])
        if random.random() < 0.02:
            given["stride"] = 0
        seen = channels if random.random() < 0.9 else channels + 1
        space = tuple(random.randint(1, 9) for _ in range(axes + (random.random() < 0.03)))
        shape = (seen, *space) if random.random() < 0.3 else (random.randint(1, 3), seen, *space)
        if name.startswith("Lazy"):
            given.pop("in_channels")
        if transposed and unsettled(name, given, shape):
            continue
        yield Trial(given, (shape,))


def unsettled(name: str, given: dict[str, Any], shape: tuple[int, ...]) -> bool:
    """An empty output is refused by some of torch's kernels; a lazy layer forgets to ask whether its groups fit."""
    rule = CARDS[name].shape
    assert rule is not None
    try:
        return 0 in rule(filled(name, given), (shape,)).outputs[0]
    except ValueError:
        return name.startswith("Lazy") and bool(given["out_channels"] % given["groups"])


@pytest.mark.parametrize("name", EVERY)
def test_the_shapes_are_those_of_torch(name: str) -> None:
    check_shapes(name, trials(name))


@pytest.mark.parametrize("name", [name for name in EVERY if "Lazy" not in name])
def test_the_costs_are_what_a_run_counts(name: str) -> None:
    check_costs(name, trials(name, 150))


@pytest.mark.parametrize("name", [name for name in EVERY if "Lazy" not in name])
@pytest.mark.parametrize(("groups", "bias"), [(1, True), (4, True), (2, False)])
def test_parameters_and_their_distribution_are_those_of_torch(name: str, groups: int, bias: bool) -> None:
    kernel = {"1": (5,), "2": (3, 2), "3": (2, 1, 3)}[name[-2]]
    given = {"in_channels": 60, "out_channels": 400, "kernel_size": kernel, "groups": groups, "bias": bias}
    check_parameters(name, given)
    check_initial(name, given)


def lines(name: str, given: dict[str, Any], *shape: int) -> tuple[str, ...]:
    rule = CARDS[name].shape
    assert rule is not None
    return rule(filled(name, given), (shape,) if shape else ()).lines


def test_the_arithmetic_stands_there_with_its_numbers() -> None:
    first_of_resnet = {"in_channels": 3, "out_channels": 64, "kernel_size": 7, "stride": 2, "padding": 3}
    assert lines("Conv2d", first_of_resnet, 1, 3, 224, 224) == (
        "H_out = W_out = ⌊(224 + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1 = 112",
    )
    assert lines("Conv2d", first_of_resnet, 1, 3, 224, 100) == (
        "H_out = ⌊(224 + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1 = 112",
        "W_out = ⌊(100 + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1 = 50",
    )
    assert lines("Conv2d", first_of_resnet) == (
        "H_out = ⌊(H + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1",
        "W_out likewise, from W",
    )


def test_without_arguments_a_card_is_the_general_rule() -> None:
    card = CARDS["Conv2d"]
    numbers = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
    arguments = {**filled("Conv2d", {}), **{name: Symbol(name) for name in numbers}}
    assert card.shape is not None
    assert card.cost is not None
    assert card.parameters is not None
    shaped = card.shape(arguments, ())
    assert shaped.outputs == (("N", "out_channels", "H_out", "W_out"),)
    assert shaped.lines[0] == "H_out = ⌊(H + 2·padding − dilation·(kernel_size − 1) − 1)/stride⌋ + 1"
    assert card.cost(arguments, ()).total is None
    assert card.parameters(arguments).lines[0] == ("weight out_channels·(in_channels/groups)·kernel_size·kernel_size")


def test_the_count_of_parameters_says_how_it_comes_about() -> None:
    parameters = CARDS["Conv2d"].parameters
    assert parameters is not None
    told = parameters(filled("Conv2d", {"in_channels": 3, "out_channels": 64, "kernel_size": 7}))
    assert told == (9_472, ("weight 64·3·7·7 = 9,408", "bias 64"))
    depthwise = parameters(
        filled("Conv2d", {"in_channels": 64, "out_channels": 64, "kernel_size": 3, "groups": 64, "bias": False})
    )
    assert depthwise == (576, ("weight 64·(64/64)·3·3 = 576",))


def test_a_kernel_that_is_too_large_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(ValueError, match="the kernel is larger than its input, padding included: H_out = "):
        lines("Conv2d", {"in_channels": 1, "out_channels": 1, "kernel_size": 5}, 1, 1, 3, 8)
