"""Losses against torch: which shapes they take, what comes out, and what the cards say of usual values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.cards import CARDS
from inspector.cards.card import Sizes, Symbol
from tests.cards.against_torch import (
    Call,
    Trial,
    build,
    check_initial,
    check_parameters,
    check_shapes,
    filled,
    flops_counted,
    plainly,
)

LOSSES = [name for name, card in CARDS.items() if card.family == "loss" and hasattr(nn, name)]
REDUCTIONS = ["none", "none", "mean", "sum", "batchmean"]
Shapes = tuple[tuple[int, ...], ...]


def sizes(random: Random, least: int = 0, most: int = 3, smallest: int = 1) -> tuple[int, ...]:
    some = [random.randint(smallest, 4) for _ in range(random.randint(least, most))]
    if some and random.random() < 0.05:
        some[random.randrange(len(some))] = 0
    return tuple(some)


def spoiled(random: Random, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Mostly the shape itself, else one that is nearly it."""
    chance = random.random()
    if chance < 0.75:
        return shape
    if chance < 0.83:
        return shape[1:]
    if chance < 0.9:
        return tuple(random.choice([size, 1]) for size in shape)
    return (*shape, 1) if chance < 0.95 else tuple(size + 1 for size in shape)


def trials(inputs: Any, seed: int = 1, **choices: list[Any]) -> Iterator[Trial]:
    random = Random(seed)
    for _ in range(420):
        given = {name: random.choice(values) for name, values in choices.items()}
        yield Trial({"reduction": random.choice(REDUCTIONS), **given}, inputs(random))


def pair(random: Random) -> Shapes:
    x = sizes(random)
    return x, spoiled(random, x)


def of_classes(random: Random) -> Shapes:
    x = sizes(random, 1 if random.random() < 0.95 else 0, 4)
    target = (x[0], *x[2:]) if len(x) > 1 else random.choice([(), (1,)])
    return x, x if random.random() < 0.1 else spoiled(random, target)


def of_classes_without_places(random: Random) -> Shapes:
    x = sizes(random, 1, 2) if random.random() < 0.95 else sizes(random, 0, 3)
    return x, spoiled(random, x[:-1])


def rows(random: Random) -> Shapes:
    x = sizes(random, 0 if random.random() < 0.1 else 1, 2 if random.random() < 0.9 else 3)
    return x, spoiled(random, x)


def with_variance(random: Random) -> Shapes:
    x = sizes(random)
    variance = random.choice([x, x[:-1], (*x[:-1], 1), (1, *x[1:]), spoiled(random, x)])
    return x, spoiled(random, x), variance


def vectors_and_sign(random: Random) -> Shapes:
    x = sizes(random, 1, 2) if random.random() < 0.9 else sizes(random)
    return x, spoiled(random, x), spoiled(random, x[:-1])


def three(random: Random) -> Shapes:
    x = sizes(random)
    return x, spoiled(random, x) if random.random() < 0.5 else x, spoiled(random, x)


def of_moments(random: Random) -> Shapes:
    batch, labels = random.randint(1, 3), random.randint(1, 3)
    if random.random() < 0.3:
        return (9, 5), (labels,), random.choice([(), (1,)]), ()
    wanted = spoiled(random, (batch, labels)) if random.random() < 0.7 else ()
    if len(wanted) < 2:
        wanted = (batch * labels,)  # how many labels of such a row are whose is known by their values alone
    return (9, batch, 5), wanted, (batch + (random.random() < 0.1),), (batch + (random.random() < 0.1),)


def whole(module: nn.Module, tensors: list[Tensor]) -> Any:
    """The second one is class numbers."""
    return module(tensors[0], tensors[1].long(), *tensors[2:])


def shares_if_alike(module: nn.Module, tensors: list[Tensor]) -> Any:
    x, target = tensors
    return module(x, target if x.shape == target.shape else target.long())


def with_lengths(module: nn.Module, tensors: list[Tensor]) -> Any:
    scores, labels, moments, lengths = tensors
    samples = max(lengths.numel(), 1)
    length = labels.numel() // samples if labels.dim() == 1 else labels.shape[-1]
    return module(scores, labels.long() + 1, moments.long() + 9, lengths.long() + length)


CASES: list[tuple[str, Any, Call, dict[str, list[Any]]]] = [
    ("L1Loss", pair, plainly, {"size_average": [None, None, False], "reduce": [None, None, True, False]}),
    ("MSELoss", pair, plainly, {}),
    ("SmoothL1Loss", pair, plainly, {"beta": [1.0, 0.0, 0.5, -1.0]}),
    ("HuberLoss", pair, plainly, {"delta": [1.0, 0.5, 0.0]}),
    ("PoissonNLLLoss", pair, plainly, {"log_input": [True, False], "full": [True, False]}),
    ("GaussianNLLLoss", with_variance, plainly, {}),
    ("KLDivLoss", pair, plainly, {"log_target": [True, False]}),
    ("CrossEntropyLoss", of_classes, shares_if_alike, {"label_smoothing": [0.0, 0.1, 2.0]}),
    ("NLLLoss", of_classes, whole, {}),
    ("MultiMarginLoss", of_classes_without_places, whole, {"p": [1, 2, 2, 3]}),
    ("BCELoss", pair, plainly, {}),
    ("BCEWithLogitsLoss", pair, plainly, {}),
    ("SoftMarginLoss", pair, plainly, {}),
    ("HingeEmbeddingLoss", pair, plainly, {}),
    ("MultiLabelMarginLoss", rows, whole, {}),
    ("MultiLabelSoftMarginLoss", rows, plainly, {}),
    ("CosineEmbeddingLoss", vectors_and_sign, plainly, {}),
    ("MarginRankingLoss", three, plainly, {}),
    ("TripletMarginLoss", three, plainly, {"swap": [True, False], "margin": [1.0, 0.5, 0.0]}),
    ("TripletMarginWithDistanceLoss", three, plainly, {"swap": [True, False], "margin": [1.0, 0.5, 0.0]}),
    ("CTCLoss", of_moments, with_lengths, {}),
]


@pytest.mark.parametrize(("name", "inputs", "call", "choices"), CASES, ids=[case[0] for case in CASES])
def test_the_shapes_of_a_loss_are_those_of_torch(name: str, inputs: Any, call: Call, choices: Any) -> None:
    check_shapes(name, trials(inputs, **choices), call)


def test_every_loss_is_held_to_torch() -> None:
    elsewhere = {"NLLLoss2d", "LinearCrossEntropyLoss", "AdaptiveLogSoftmaxWithLoss"}
    assert {case[0] for case in CASES} | elsewhere >= set(LOSSES)


# --- losses with weights ----------------------------------------------------------------------------------------------

ADAPTIVE = {"in_features": 8, "n_classes": 20, "cutoffs": [4, 10], "div_value": 2.0}


def of_adaptive() -> Iterator[Trial]:
    random = Random(2)
    for _ in range(300):
        given = {**ADAPTIVE, "cutoffs": random.choice([[4, 10], [5], [1, 2, 3], [], [5, 4], [4, 20], [0, 3], [3, 3]])}
        given["cutoffs"] = given["cutoffs"] if random.random() < 0.3 else [4, 10]
        batch = random.randint(0, 4)
        x = random.choice([(batch, 8), (batch, 8), (batch, 8), (8,), (batch, 7), (batch, 2, 8)])
        yield Trial(given, (x, spoiled(random, x[:-1])))


def test_the_shapes_of_adaptive_softmax_are_those_of_torch() -> None:
    check_shapes("AdaptiveLogSoftmaxWithLoss", of_adaptive(), whole)


@pytest.mark.parametrize("cutoffs", [[4, 10], [100], [5, 40, 190]])
@pytest.mark.parametrize("head_bias", [True, False])
def test_the_parameters_of_adaptive_softmax_are_counted(cutoffs: list[int], head_bias: bool) -> None:
    given = {"in_features": 65, "n_classes": 200, "cutoffs": cutoffs, "div_value": 2.0, "head_bias": head_bias}
    check_parameters("AdaptiveLogSoftmaxWithLoss", given)


def test_the_parameters_of_adaptive_softmax_are_drawn_as_told() -> None:
    given = {"in_features": 300, "n_classes": 2000, "cutoffs": [1000], "head_bias": True}
    check_initial("AdaptiveLogSoftmaxWithLoss", given)


def test_what_adaptive_softmax_costs_depends_on_the_targets_and_that_is_said() -> None:
    cost = CARDS["AdaptiveLogSoftmaxWithLoss"].cost
    assert cost is not None
    counted = cost(filled("AdaptiveLogSoftmaxWithLoss", ADAPTIVE), ((3, 8), (3,)))
    assert counted.total is None
    trial = Trial(ADAPTIVE, ((3, 8), (3,)))
    head = flops_counted("AdaptiveLogSoftmaxWithLoss", trial, whole)  # every target is 0, a frequent class
    assert counted.lines[0] == f"2·N·in_features·head = 2·3·8·6 = {head}"


@pytest.mark.skipif(not hasattr(nn, "LinearCrossEntropyLoss"), reason="this version of torch has no such loss")
def test_a_linear_layer_with_its_cross_entropy_is_as_torch_has_it() -> None:
    name, random, cases = "LinearCrossEntropyLoss", Random(3), []
    for _ in range(300):
        places = random.choice([(), (), (3,), (2, 3)])
        features = 8 if random.random() < 0.9 else 7
        x = (random.randint(1, 4), features) if random.random() < 0.8 else (features,)
        target: Sizes = spoiled(random, (*x[:-1], *places))
        target = (*x[:-1], 10, *places) if random.random() < 0.2 else target
        given = {
            "in_features": 8,
            "num_classes": 10,
            "out_features": places,
            "reduction": random.choice(REDUCTIONS[:4]),
        }
        cases.append(Trial({**given, "bias": random.random() < 0.5}, (x, target)))

    def call(module: nn.Module, tensors: list[Tensor]) -> Any:
        x, target = tensors
        floating = target.dim() == x.dim() + len(module.out_features)  # type: ignore[arg-type]
        return module(x, target if floating else target.long())

    check_shapes(name, cases, call)
    given = {"in_features": 400, "num_classes": 30, "out_features": (2, 5), "bias": True}
    check_parameters(name, given)
    check_initial(name, given)
    cost = CARDS[name].cost
    assert cost is not None
    for places in ((), (3,)):
        trial = Trial({"in_features": 8, "num_classes": 10, "out_features": places}, ((4, 8), (4, *places)))
        assert cost(filled(name, trial.given), trial.inputs).total == flops_counted(name, trial, call)


# --- words ------------------------------------------------------------------------------------------------------------


def test_an_untrained_classifier_gives_what_the_card_says() -> None:
    shape = CARDS["CrossEntropyLoss"].shape
    assert shape is not None
    lines = shape(filled("CrossEntropyLoss", {}), ((32, 10), (32,))).lines
    assert lines == (
        "input 32×10: 10 classes; target 32: the number of one, 0 … 10 − 1",
        "without training about ln 10 = 2.303: every class equally likely",
        "reduction 'mean': the mean of 32 losses",
    )
    loss = nn.CrossEntropyLoss()(torch.zeros(32, 10), torch.arange(32) % 10)
    assert f"{loss:.4g}" == f"{math.log(10):.4g}" == "2.303"


@pytest.mark.parametrize("name", ["BCEWithLogitsLoss", "SoftMarginLoss", "MultiLabelSoftMarginLoss"])
def test_who_cannot_tell_yes_from_no_gets_the_logarithm_of_two(name: str) -> None:
    assert any("ln 2 = 0.6931" in line for line in CARDS[name].takes)
    assert f"{float(build(name, {})(torch.zeros(4, 3), torch.ones(4, 3))):.4f}" == "0.6931"


def test_usual_values_are_as_told() -> None:
    margin = nn.MultiMarginLoss(margin=2.0)(torch.zeros(3, 5), torch.zeros(3, dtype=torch.int64))
    assert float(margin) == pytest.approx(2.0 * (5 - 1) / 5)
    same = torch.ones(4, 8)
    assert float(nn.TripletMarginLoss(margin=0.7)(same, same, same)) == pytest.approx(0.7)
    smooth, huber = nn.SmoothL1Loss(beta=0.5), nn.HuberLoss(delta=0.5)
    x, y = torch.linspace(-2, 2, 9), torch.zeros(9)
    assert float(smooth(x, y)) == pytest.approx(float(huber(x, y)) / 0.5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_card_says_what_goes_in_and_knows_its_rule_without_a_layer(name: str) -> None:
    card = CARDS[name]
    assert len(card.takes) >= 2
    assert card.formula
    assert card.shape is not None
    assert card.shape({argument: Symbol(argument) for argument in card.arguments}, ()).lines
