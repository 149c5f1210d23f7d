"""Linear, Bilinear and what stands in for them, against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import (
    Trial,
    build,
    check_costs,
    check_initial,
    check_parameters,
    check_shapes,
    filled,
)


def linear_trials(lazy: bool = False) -> Iterator[Trial]:
    random = Random(1)
    for _ in range(260):
        features, out = random.randint(1, 5), random.randint(1, 7)
        last = features if random.random() < 0.8 else random.randint(1, 5)
        shape = (*(random.randint(0, 4) for _ in range(random.randint(0, 3))), last)
        x = () if random.random() < 0.05 else shape
        bias = random.random() < 0.5
        yield Trial({**({} if lazy else {"in_features": features}), "out_features": out, "bias": bias}, (x,))


def bilinear_trials() -> Iterator[Trial]:
    random = Random(2)
    for _ in range(260):
        first, second, out = (random.randint(1, 4) for _ in range(3))
        rows = tuple(random.randint(1, 4) for _ in range(random.randint(0, 3)))
        others = rows if random.random() < 0.8 else tuple(random.randint(1, 4) for _ in range(len(rows)))
        x = (*rows, first if random.random() < 0.9 else 5)
        y = (*others, second if random.random() < 0.9 else 5)
        yield Trial({"in1_features": first, "in2_features": second, "out_features": out}, (x, y))


def identity_trials() -> Iterator[Trial]:
    random = Random(3)
    for _ in range(200):
        yield Trial({}, (tuple(random.randint(0, 4) for _ in range(random.randint(0, 4))),))


def test_the_shapes_of_linear_are_those_of_torch() -> None:
    check_shapes("Linear", linear_trials())


def test_the_shapes_of_lazy_linear_are_those_of_torch() -> None:
    check_shapes("LazyLinear", linear_trials(lazy=True))


def test_the_shapes_of_bilinear_are_those_of_torch() -> None:
    check_shapes("Bilinear", bilinear_trials())


def test_identity_takes_every_shape_and_gives_it_back() -> None:
    check_shapes("Identity", identity_trials(), refused=0)


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_and_their_distribution_are_those_of_torch(bias: bool) -> None:
    for name, given in (
        ("Linear", {"in_features": 400, "out_features": 300, "bias": bias}),
        ("Bilinear", {"in1_features": 30, "in2_features": 40, "out_features": 500, "bias": bias}),
    ):
        check_parameters(name, given)
        check_initial(name, given)


def test_identity_has_no_parameters() -> None:
    check_parameters("Identity", {})
    check_initial("Identity", {})


def test_the_costs_are_what_a_run_counts() -> None:
    check_costs("Linear", linear_trials())
    check_costs("Bilinear", bilinear_trials())
    check_costs("Identity", identity_trials())


def test_a_lazy_layer_tells_its_rule_before_it_has_seen_anything() -> None:
    card, arguments = CARDS["LazyLinear"], filled("LazyLinear", {"out_features": 10})
    assert card.shape is not None
    assert card.parameters is not None
    assert card.shape(arguments, ()).outputs == (("N", 10),)
    assert card.parameters(arguments).total is None
    assert card.parameters(arguments).lines == ("weight 10·in_features", "bias 10")
    assert build("LazyLinear", {"out_features": 10}).has_uninitialized_params()  # type: ignore[operator]


def test_without_arguments_a_card_is_the_general_rule() -> None:
    card = CARDS["Linear"]
    arguments = {**filled("Linear", {}), "in_features": Symbol("in_features"), "out_features": Symbol("out_features")}
    assert card.shape is not None
    assert card.cost is not None
    assert card.shape(arguments, ()).outputs == (("N", "out_features"),)
    assert card.cost(arguments, ()).lines == ("2·rows·in_features·out_features",)
    assert card.initial[0].of(arguments).text == "U(−√k, √k), k = 1/in_features"  # type: ignore[union-attr]


def test_the_numbers_of_a_layer_stand_in_the_arithmetic() -> None:
    card, arguments = CARDS["Linear"], filled("Linear", {"in_features": 576, "out_features": 120})
    assert card.cost is not None
    assert card.parameters is not None
    assert card.cost(arguments, ((2, 576),)).lines == ("2·rows·in_features·out_features = 2·2·576·120 = 276,480",)
    assert card.parameters(arguments).lines == ("weight 120·576 = 69,120", "bias 120")
    assert card.parameters(arguments).total == 69_240
