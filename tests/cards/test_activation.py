"""Activations against torch: the curves against autograd, the shapes against what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, build, check_parameters, check_shapes, filled

CURVES = [name for name, card in CARDS.items() if card.curve is not None]
NEEDED: dict[str, dict[str, Any]] = {"Threshold": {"threshold": 0.3, "value": -2.0}}
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("Threshold", {"threshold": -1.0, "value": 5.0}),
    ("RReLU", {"lower": 0.2, "upper": 0.9}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    ("ELU", {"alpha": 2.5}),
    ("CELU", {"alpha": 0.3}),
    ("GELU", {"approximate": "tanh"}),
    ("Hardshrink", {"lambd": 1.25}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("Softplus", {"beta": 3.0, "threshold": 2.0}),
    ("Softshrink", {"lambd": 1.25}),
    ("PReLU", {"init": -0.5}),
]
EACH_ALONE = [*((name, NEEDED.get(name, {})) for name in CURVES), *OTHERS]


def shapes(random: Random, least: int = 0, most: int = 4) -> tuple[int, ...]:
    return tuple(random.randint(0, 5) for _ in range(random.randint(least, most)))


def of_axis(seed: int) -> Iterator[Trial]:
    random = Random(seed)
    for _ in range(220):
        yield Trial({"dim": random.choice([None, -3, -2, -1, 0, 1, 2, 3])}, (shapes(random),))


def of_glu() -> Iterator[Trial]:
    random = Random(2)
    for _ in range(400):
        yield Trial({"dim": random.choice([-2, -1, -1, 0, 1])}, (tuple(2 * size for size in shapes(random)),))
        yield Trial({"dim": random.choice([-1, 0])}, (shapes(random),))


def of_prelu() -> Iterator[Trial]:
    random = Random(3)
    for _ in range(300):
        yield Trial({"num_parameters": random.choice([1, 1, 3, 4])}, ((2, random.choice([3, 4]), *shapes(random)),))
        yield Trial({"num_parameters": random.choice([1, 3])}, (shapes(random),))


@pytest.mark.parametrize(("name", "given"), EACH_ALONE)
def test_a_curve_is_what_torch_computes_and_its_slope_what_autograd_does(name: str, given: dict[str, Any]) -> None:
    curve = CARDS[name].curve
    assert curve is not None
    arguments = filled(name, given)
    low, high = curve.interval
    kinks = [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0]
    places = [*(low + (high - low) * index / 997 for index in range(998)), *kinks, -700.0, 700.0, -30.0, 30.0]
    x = torch.tensor(places, dtype=torch.float64, requires_grad=True)
    y = build(name, given).double().eval()(x)
    y.sum().backward()
    assert x.grad is not None
    mine = torch.tensor([curve.function(place, arguments) for place in places], dtype=torch.float64)
    slopes = torch.tensor([curve.derivative(place, arguments) for place in places], dtype=torch.float64)
    # torch itself keeps some constants, 1/6 and 1/alpha, as float32 also where it computes in float64.
    torch.testing.assert_close(mine, y.detach(), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(slopes, x.grad, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", CURVES)
def test_what_works_on_each_number_alone_takes_every_shape(name: str) -> None:
    random = Random(4)
    trials = [Trial(NEEDED.get(name, {}), ((*shapes(random), 5),)) for _ in range(200)]
    check_shapes(name, trials, refused=0)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
def test_the_shapes_of_softmax_are_those_of_torch(name: str) -> None:
    check_shapes(name, of_axis(1))


def test_the_shapes_of_softmax_over_pixels_are_those_of_torch() -> None:
    random = Random(5)
    check_shapes("Softmax2d", [Trial({}, (shapes(random, 1, 6),)) for _ in range(400)])


def test_the_shapes_of_glu_are_those_of_torch() -> None:
    check_shapes("GLU", of_glu())


def test_the_shapes_of_prelu_are_those_of_torch() -> None:
    check_shapes("PReLU", of_prelu())


@pytest.mark.parametrize("count", [1, 7])
def test_prelu_has_as_many_slopes_as_were_asked_for(count: int) -> None:
    check_parameters("PReLU", {"num_parameters": count, "init": 0.5})
    drawn = CARDS["PReLU"].initial[0].of(filled("PReLU", {"num_parameters": count, "init": 0.5}))
    layer = build("PReLU", {"num_parameters": count, "init": 0.5})
    assert drawn is not None
    assert {drawn.low, drawn.high} == set(next(layer.parameters()).tolist())


def test_a_curve_is_there_also_for_a_layer_whose_arguments_nobody_knows() -> None:
    curve = CARDS["Threshold"].curve
    assert curve is not None
    assert curve.function(-1.0, {"threshold": Symbol("threshold"), "value": Symbol("value")}) == 0.0


def test_the_axis_of_a_softmax_is_named_with_its_size() -> None:
    shape = CARDS["Softmax"].shape
    assert shape is not None
    assert shape({"dim": -1}, ((2, 8, 10),)).lines[1] == "2×8 times 10 numbers along axis 2"
    old = shape({"dim": None}, ((32, 10),)).lines[1]
    assert old == "32 times 10 numbers along axis 1 (dim was not given: an old rule chooses it)"
    assert shape({"dim": None}, ()).outputs == (("∗",),)
