"""Dropout against torch, in train mode."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from random import Random

import pytest
import torch
from torch import nn

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, check_costs, check_parameters, check_shapes

EVERY = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


def trials(name: str) -> Iterator[Trial]:
    random = Random(name)
    for _ in range(300):
        p = random.choice([0.0, 0.1, 0.5, 0.9, 1.0, -0.1, 1.5]) if random.random() < 0.3 else 0.3
        fewest = 0 if random.random() < 0.1 else 2
        most = 3 if name == "Dropout1d" and random.random() < 0.8 else 6
        shape = tuple(random.randint(1, 4) for _ in range(random.randint(fewest, most)))
        yield Trial({"p": p, "inplace": random.random() < 0.5}, (shape,))


@pytest.mark.parametrize("name", EVERY)
def test_the_shapes_are_those_of_torch(name: str) -> None:
    check_shapes(name, trials(name))


@pytest.mark.parametrize("name", EVERY)
def test_dropout_has_no_parameters_and_costs_nothing_by_convention(name: str) -> None:
    check_costs(name, [trial for trial, _ in zip(trials(name), range(60), strict=False)])
    check_parameters(name, {})


def test_what_is_kept_is_scaled_as_the_card_says() -> None:
    rule = CARDS["Dropout"].shape
    assert rule is not None
    assert rule({"p": 0.2, "inplace": False}, ((4,),)).lines[1] == (
        "train: what is kept is multiplied by 1/(1 − 0.2) = 1.25"
    )
    kept = nn.Dropout(0.2)(torch.ones(1000)).unique()
    assert torch.allclose(kept, torch.tensor([0.0, 1.25]))


def test_alpha_dropout_is_the_formula_of_its_card() -> None:
    p, alpha = 0.3, -1.7580993408473766
    a = 1 / math.sqrt((1 - p) * (1 + p * alpha**2))
    b = -a * p * alpha
    values = nn.AlphaDropout(p)(torch.ones(1000)).unique()
    assert torch.allclose(values, torch.tensor(sorted([a * alpha + b, a + b])), atol=1e-5)


def test_which_axis_is_dropped_as_a_whole_is_what_torch_does() -> None:
    """Of three axes Dropout2d reads the first as the batch, Dropout3d takes four axes as one sample."""
    torch.default_generator.manual_seed(0)
    for name, shape, lead in (
        ("Dropout1d", (40, 5), (40,)),
        ("Dropout1d", (40, 5, 6), (40, 5)),
        ("Dropout2d", (40, 5, 6), (40, 5)),
        ("Dropout2d", (40, 5, 6, 2), (40, 5)),
        ("Dropout3d", (40, 2, 3, 2), (40,)),
        ("Dropout3d", (40, 5, 2, 3, 2), (40, 5)),
    ):
        rule = CARDS[name].shape
        assert rule is not None
        with pytest.warns(UserWarning, match="^dropout2d") if (name, len(shape)) == ("Dropout2d", 3) else nullcontext():
            out = getattr(nn, name)(0.5)(torch.ones(shape))
        rows = out.reshape(*lead, -1)
        assert (rows == rows[..., :1]).all()
        assert rows.unique().tolist() == [0, 2]
        told = rule({"p": 0.5, "inplace": False}, (shape,)).lines[0]
        assert told.startswith("×".join(map(str, lead)) + " channels")


@pytest.mark.parametrize("name", EVERY)
def test_without_arguments_a_card_is_the_general_rule(name: str) -> None:
    rule = CARDS[name].shape
    assert rule is not None
    assert rule({"p": Symbol("p"), "inplace": False}, ()).lines
