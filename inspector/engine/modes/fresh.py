"""Fresh samples of the same inputs: the same shapes and ranges, other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from torch import nn

from inspector.engine.failure import LoadFailed
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.target import Built

SAME_VALUES = "the inputs are not drawn at random: every step gets the same values"


def fresh_samples(model: nn.Module, sample: Sample, built: Built | None, seed: int) -> tuple[Iterator[Sample], str]:
    """As many samples as somebody wants, and what must be said of them.

    What was typed or guessed can be drawn again from another seed; what a file or the model holds is what it is.
    """
    texts = tuple(argument.text for argument in sample.record.arguments)
    drawn = sample.record.origin in ("given", "guessed") and bool(texts) and all(map(_is_drawn, texts))
    if drawn and _repeatable(model, texts, built, seed):
        return _drawn(model, texts, built, seed), ""
    return repeat(sample), SAME_VALUES


def _is_drawn(text: str) -> bool:
    return bool(text) and not text.rpartition("=")[2].startswith("@")


def _repeatable(model: nn.Module, texts: tuple[str, ...], built: Built | None, seed: int) -> bool:
    """Whether the texts can be typed: those of some containers are only for reading."""
    try:
        choose(model, texts, built, seed)
    except LoadFailed:
        return False
    return True


def _drawn(model: nn.Module, texts: tuple[str, ...], built: Built | None, seed: int) -> Iterator[Sample]:
    while True:
        yield choose(model, texts, built, seed)
        seed += 1
