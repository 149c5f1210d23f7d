"""Measures between two tensors, against torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from inspector.cards.broadcasting import broadcast
from tests.cards.against_torch import Trial, check_shapes


def pairs(random: Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that mostly fit to each other."""
    one = tuple(random.randint(0 if random.random() < 0.1 else 1, 4) for _ in range(random.randint(0, 3)))
    other = tuple(random.choice([size, size, size, 1]) for size in one)[random.choice([0, 0, 0, 1]) :]
    return (one, other) if random.random() < 0.9 else (one, tuple(size + 1 for size in other))


def trials(seed: int, **choices: list[Any]) -> Iterator[Trial]:
    random = Random(seed)
    for _ in range(400):
        one, other = pairs(random)
        given = {name: random.choice(values) for name, values in choices.items()}
        yield Trial(given, (one, other) if random.random() < 0.5 else (other, one))


def test_the_shapes_of_cosine_similarity_are_those_of_torch() -> None:
    check_shapes("CosineSimilarity", trials(1, dim=[-1, 0, 1, 1, 2]))


def test_the_shapes_of_pairwise_distance_are_those_of_torch() -> None:
    check_shapes("PairwiseDistance", trials(2, p=[2.0, 1.0, math.inf], keepdim=[True, False]))


def test_shapes_that_do_not_fit_are_refused_with_the_axis() -> None:
    with pytest.raises(ValueError, match="2×3 and 2×4 do not fit: 3 and 4 on axis -1"):
        broadcast((2, 3), (2, 4))
    assert broadcast(("N", 1), ("N", 7)) == ("N", 7)
