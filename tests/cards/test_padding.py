"""Padding layers against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, card_says, check_costs, check_parameters, check_shapes, filled, torch_says
from tests.cards.test_pooling import image

KINDS = ("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad")
EVERY = [f"{kind}{axes}d" for kind in KINDS for axes in (1, 2, 3)]


def trials(name: str) -> Iterator[Trial]:
    axes, random = int(name[-2]), Random(name)
    constant = name.startswith(("Zero", "Constant"))
    for _ in range(400):
        choices = [0, 1, 1, 2, 3, -1] if constant else [0, 1, 1, 2, 3]
        padding: Any = random.choice(choices)
        if random.random() < 0.7:
            padding = tuple(random.choice(choices) for _ in range(2 * axes))
        given = {"padding": padding, **({"value": 1.5} if name.startswith("Constant") else {})}
        shape = image(random, axes)
        if constant and random.random() < 0.2:
            shape = shape[random.randint(1, 3) :]
        if constant and 0 in sizes(name, given, shape):
            continue  # some versions of torch refuse an empty output
        yield Trial(given, (shape,))


def sizes(name: str, given: dict[str, Any], shape: tuple[int, ...]) -> tuple[int | str, ...]:
    rule = CARDS[name].shape
    assert rule is not None
    try:
        return rule(filled(name, given), (shape,)).outputs[0]
    except ValueError:
        return ()


@pytest.mark.parametrize("name", EVERY)
def test_the_shapes_are_those_of_torch(name: str) -> None:
    check_shapes(name, trials(name))


@pytest.mark.parametrize("name", EVERY)
def test_padding_has_no_parameters_and_costs_nothing_by_convention(name: str) -> None:
    check_costs(name, [trial for trial, _ in zip(trials(name), range(80), strict=False)])
    check_parameters(name, {"padding": 1, **({"value": 1.5} if name.startswith("Constant") else {})})


def test_torch_counts_sides_from_the_last_axis() -> None:
    rule = CARDS["ZeroPad2d"].shape
    assert rule is not None
    shaped = rule({"padding": (1, 2, 3, 4)}, ((1, 1, 10, 20),))
    assert shaped.lines == ("H_out = 10 + 3 + 4 = 17", "W_out = 20 + 1 + 2 = 23")


def test_without_arguments_a_card_is_the_general_rule() -> None:
    rule = CARDS["ReflectionPad2d"].shape
    assert rule is not None
    shaped = rule({"padding": Symbol("padding")}, ())
    assert shaped.outputs == (("N", "C", "H_out", "W_out"),)
    assert shaped.lines == ("H_out = H + padding + padding", "W_out likewise, from W")


@pytest.mark.parametrize("kind", ["ReflectionPad", "ReplicationPad", "CircularPad"])
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 3])
def test_what_is_cut_off_to_nothing_is_refused_where_torch_refuses_it(kind: str, axes: int, size: int) -> None:
    for sizes in {(1, 1, *(2,) * axes), (1, 1, *(2,) * (axes - 1), size)}:
        trial = Trial({"padding": -1}, (sizes,))
        theirs, ours = torch_says(f"{kind}{axes}d", trial), card_says(f"{kind}{axes}d", trial)
        assert isinstance(theirs, str) == isinstance(ours, str), (sizes, theirs, ours)
        assert isinstance(theirs, str) or theirs == ours
