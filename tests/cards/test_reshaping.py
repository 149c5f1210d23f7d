"""What moves numbers without changing them, against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, check_shapes, filled


def flatten_trials() -> Iterator[Trial]:
    random = Random(1)
    for _ in range(400):
        shape = tuple(random.randint(0, 4) for _ in range(random.randint(0, 5)))
        yield Trial({"start_dim": random.randint(-3, 3), "end_dim": random.randint(-3, 4)}, (shape,))


def unflatten_trials() -> Iterator[Trial]:
    random = Random(2)
    for _ in range(500):
        parts = [random.randint(0 if random.random() < 0.05 else 1, 4) for _ in range(random.randint(0, 4))]
        size = 1
        for part in parts:
            size *= part
        if parts and random.random() < 0.5:
            parts[random.randrange(len(parts))] = random.choice([-1, -1, -1, -2])
        if len(parts) > 1 and random.random() < 0.1:
            parts[0] = -1
        before, after = (tuple(random.randint(0, 3) for _ in range(random.randint(0, 2))) for _ in range(2))
        shape = (*before, size if random.random() < 0.9 else 5, *after)
        dim = len(before) - (len(shape) if random.random() < 0.5 else 0)
        yield Trial({"dim": dim if random.random() < 0.9 else 3, "unflattened_size": tuple(parts)}, (shape,))


def some(random: Random, least: int, most: int) -> int | tuple[int, ...]:
    """One number, or one for each axis, seldom too few."""
    count = random.choice([0, 0, 2, 2, 2, 2, 2, 1 if random.random() < 0.1 else 2])
    return tuple(random.randint(least, most) for _ in range(count)) if count else random.randint(least, most)


def window(random: Random) -> dict[str, object]:
    odd = random.random() < 0.05
    return {
        "kernel_size": some(random, 0 if odd else 1, 3),
        "dilation": some(random, 0 if odd else 1, 2),
        "padding": some(random, -1 if odd else 0, 2),
        "stride": some(random, 0 if odd else 1, 3),
    }


def unfold_trials() -> Iterator[Trial]:
    random = Random(3)
    for _ in range(500):
        batch = (random.randint(0, 3),) if random.random() < 0.7 else ()
        shape = (*batch, random.randint(0 if random.random() < 0.05 else 1, 3), *(random.randint(1, 8) for _ in "HW"))
        yield Trial(window(random), (shape if random.random() < 0.95 else shape[2:],))


def fold_trials() -> Iterator[Trial]:
    """Shapes that Unfold gives, and such that are wrong by a little."""
    random, shape = Random(4), CARDS["Unfold"].shape
    assert shape is not None
    for trial in unfold_trials():
        image = trial.inputs[0]
        try:
            out = shape(filled("Unfold", trial.given), trial.inputs).outputs[0]
        except ValueError:
            out = tuple(random.randint(1, 9) for _ in range(random.randint(1, 4)))
        wrong = tuple(int(size) + (random.random() < 0.1) for size in out)
        yield Trial({"output_size": image[-2:], **trial.given}, (wrong,))


def test_the_shapes_of_flatten_are_those_of_torch() -> None:
    check_shapes("Flatten", flatten_trials())


def test_the_shapes_of_unflatten_are_those_of_torch() -> None:
    check_shapes("Unflatten", unflatten_trials())


def test_the_shapes_of_unfold_are_those_of_torch() -> None:
    check_shapes("Unfold", unfold_trials())


def test_the_shapes_of_fold_are_those_of_torch() -> None:
    check_shapes("Fold", fold_trials())


def test_flatten_tells_the_product() -> None:
    shape = CARDS["Flatten"].shape
    assert shape is not None
    assert shape({"start_dim": 1, "end_dim": -1}, ((2, 16, 5, 5),)).lines == (
        "axis 1 = 16·5·5 = 400",
        "2×16×5×5 → 2×400",
    )
    assert shape({"start_dim": 1, "end_dim": -1}, ()).lines == ("axis 1 = C·H·W", "N×C×H×W → N×(C·H·W)")


def test_patches_are_counted_in_the_open() -> None:
    shape = CARDS["Unfold"].shape
    assert shape is not None
    assert shape(filled("Unfold", {"kernel_size": 3, "padding": 1}), ((1, 8, 4, 5),)).lines == (
        "numbers in a patch = 8·3·3 = 72",
        "patches down = ⌊(4 + 2·1 − 1·(3 − 1) − 1)/1⌋ + 1 = 4",
        "patches across = ⌊(5 + 2·1 − 1·(3 − 1) − 1)/1⌋ + 1 = 5",
        "patches = 4·5 = 20",
    )


def test_without_arguments_the_cards_are_general_rules() -> None:
    for name in ("Flatten", "Unflatten", "Fold", "Unfold"):
        card = CARDS[name]
        assert card.shape is not None
        shaped = card.shape({argument: Symbol(argument) for argument in card.arguments}, ())
        assert shaped.lines
