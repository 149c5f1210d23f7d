"""What changes the size of images, against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, check_shapes, filled

MODES = ["nearest", "nearest-exact", "area", "linear", "bilinear", "bicubic", "trilinear", "lanczos", "cubic"]


def image(random: Random, axes: int, least: int = 1) -> tuple[int, ...]:
    sizes = [random.randint(least, 6) for _ in range(axes)]
    if random.random() < 0.1:
        sizes[random.randrange(axes)] = 0
    return tuple(sizes)


def new_size(random: Random, axes: int) -> dict[str, Any]:
    space = max(axes - 2 + (random.random() < 0.05), 1)
    size: Any = random.randint(1, 9) if random.random() < 0.5 else tuple(random.randint(1, 9) for _ in range(space))
    factors = tuple(random.choice([0.1, 0.5, 0.7, 1.3, 2, 2.5, 1 / 3]) for _ in range(space))
    scale: Any = factors[0] if random.random() < 0.5 else factors
    chance = random.random()
    return {"size": size} if chance < 0.45 else {"scale_factor": scale} if chance < 0.9 else (
        {"size": size, "scale_factor": scale} if chance < 0.95 else {}
    )  # fmt: skip


def upsample_trials() -> Iterator[Trial]:
    random = Random(1)
    for _ in range(900):
        axes = random.choice([3, 4, 4, 5, 2, 6]) if random.random() < 0.5 else random.choice([3, 4, 5])
        mode = random.choice(MODES)
        fitting = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}.get(mode, axes)
        axes = fitting if random.random() < 0.8 else axes
        given: dict[str, Any] = {**new_size(random, axes), "mode": mode}
        given["align_corners"] = random.choice([None, None, True, False])
        given["recompute_scale_factor"] = random.choice([None, None, True, False])
        yield Trial(given, (image(random, axes),))


def older_trials(seed: int) -> Iterator[Trial]:
    random = Random(seed)
    for _ in range(300):
        axes = 4 if random.random() < 0.9 else random.choice([3, 5])
        yield Trial(new_size(random, axes), (image(random, axes),))


def shuffle_trials(argument: str, seed: int) -> Iterator[Trial]:
    random = Random(seed)
    for _ in range(400):
        factor = random.choice([1, 2, 2, 3, 4, 0, -1]) if random.random() < 0.2 else random.choice([1, 2, 3])
        sizes = [random.randint(1, 3) for _ in range(random.randint(2, 5))]
        places = [-3, -2, -1] if argument != "groups" else [1]
        for place in places:
            if -len(sizes) <= place < len(sizes) and random.random() < 0.95:
                sizes[place] *= max(factor, 1) ** (2 if argument == "upscale_factor" and place == -3 else 1)
        yield Trial({argument: factor}, (tuple(sizes),))


def test_the_shapes_of_upsample_are_those_of_torch() -> None:
    check_shapes("Upsample", upsample_trials())


@pytest.mark.parametrize("name", ["UpsamplingNearest2d", "UpsamplingBilinear2d"])
def test_the_shapes_of_its_older_names_are_those_of_torch(name: str) -> None:
    check_shapes(name, older_trials(2))


@pytest.mark.parametrize(
    ("name", "argument"),
    [("PixelShuffle", "upscale_factor"), ("PixelUnshuffle", "downscale_factor"), ("ChannelShuffle", "groups")],
)
def test_the_shapes_of_shuffles_are_those_of_torch(name: str, argument: str) -> None:
    check_shapes(name, shuffle_trials(argument, 3))


def test_the_arithmetic_is_told() -> None:
    upsample, shuffle = CARDS["Upsample"].shape, CARDS["PixelShuffle"].shape
    assert upsample is not None
    assert shuffle is not None
    lines = upsample(filled("Upsample", {"scale_factor": 1.3}), ((2, 3, 7, 9),)).lines
    assert lines == ("H_out = ⌊7·1.3⌋ = 9", "W_out = ⌊9·1.3⌋ = 11")
    assert shuffle({"upscale_factor": 2}, ((1, 8, 3, 3),)).lines == (
        "C_out = 8/(2·2) = 2",
        "H_out = 3·2 = 6",
        "W_out = 3·2 = 6",
    )


@pytest.mark.parametrize("name", ["Upsample", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle"])
def test_without_arguments_the_cards_are_general_rules(name: str) -> None:
    shape = CARDS[name].shape
    assert shape is not None
    assert shape({argument: Symbol(argument) for argument in CARDS[name].arguments}, ()).lines
