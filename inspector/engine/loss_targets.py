"""What a loss is tried with: a target that is made for an output, and the answer that knows nothing.

Each loss of torch.nn has a recipe for both, by the name of its class. Targets are drawn from a generator of their own,
in the range that the loss wants; they say nothing about the user's data, and their words say that they were made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn


class Made(NamedTuple):
    """One more tensor that the loss gets."""

    name: str
    value: Tensor
    words: str


class Neutral(NamedTuple):
    """The answer that knows nothing, in place of the output."""

    value: Tensor
    words: str
    formula: str = ""
    expected: float = math.nan
    """What the formula gives for each sample: told only where the loss itself gives that too."""


class Targets(NamedTuple):
    """A recipe, carried out."""

    made: tuple[Made, ...]
    neutral: Neutral | None = None


Recipe = Callable[[nn.Module, Tensor, Generator], Targets]


class NoTargetError(Exception):
    """No target can be made for this output."""


def targets_for(name: str, loss: nn.Module, output: Tensor, generator: Generator) -> Targets:
    """What the loss of that class wants beside an output. Raises NoTargetError, with words, where there is nothing."""
    recipe = _RECIPES.get(name)
    if recipe is None:
        raise NoTargetError(f"no target is known that {name} would take")
    return recipe(loss, output, generator)


def class_axis(output: Tensor) -> int:
    """The axis that a loss over classes reads as the classes."""
    return 0 if output.dim() == 1 else 1


# --- drawing ----------------------------------------------------------------------------------------------------------


def _ids(shape: tuple[int, ...], first: int, last: int, like: Tensor, generator: Generator) -> Tensor:
    return torch.randint(first, last + 1, shape, generator=generator, device="cpu").to(like.device)


def _normal(like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device="cpu").to(like)


def _zeros_and_ones(like: Tensor, generator: Generator) -> Tensor:
    return _ids(tuple(like.shape), 0, 1, like, generator).to(like.dtype)


def _signs(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return (2 * _ids(shape, 0, 1, like, generator) - 1).to(like.dtype)


def _class_ids(output: Tensor, generator: Generator) -> Made:
    """The number of one class for each sample and place."""
    if not output.dim():
        raise NoTargetError("the output is a single number: there is no axis of classes")
    axis = class_axis(output)
    count = output.shape[axis]
    if not count:
        raise NoTargetError("the output has no classes: that axis is empty")
    shape = () if output.dim() == 1 else (output.shape[0], *output.shape[2:])
    what = "one class id" if not shape else f"{math.prod(shape):,} class ids"
    return Made("target", _ids(shape, 0, count - 1, output, generator), f"made: {what} from 0 … {count - 1}")


# --- recipes ----------------------------------------------------------------------------------------------------------


def _numbers(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    return Targets((Made("target", _normal(output, generator), "made: normal numbers, mean 0, deviation 1"),))


def _counts(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    counts = torch.poisson(torch.ones(output.shape, device="cpu"), generator=generator).to(output)
    return Targets((Made("target", counts, "made: counts with a mean of 1"),))


def _with_variance(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    target = Made("target", _normal(output, generator), "made: normal numbers, mean 0, deviation 1")
    return Targets((target, Made("var", torch.ones_like(output), "made: a variance of 1 everywhere")))


def _evenly(output: Tensor, value: float) -> Neutral:
    count = output.shape[class_axis(output)]
    answer = torch.full_like(output, value)
    return Neutral(answer, "every class equally likely", f"ln {count}", math.log(count))


def _scored_classes(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    return Targets((_class_ids(output, generator),), _evenly(output, 0.0))


def _log_classes(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    target = _class_ids(output, generator)
    return Targets((target,), _evenly(output, -math.log(output.shape[class_axis(output)])))


def _margin_classes(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    return Targets(
        (_class_ids(output, generator),), Neutral(torch.zeros_like(output), "the same score for every class")
    )


def _shares(loss: nn.Module, output: Tensor, generator: Generator) -> Targets:
    if not output.dim():
        raise NoTargetError("the output is a single number: there is no axis of classes")
    axis = class_axis(output)
    shares = _normal(output, generator).softmax(axis)
    in_logs = bool(getattr(loss, "log_target", False))
    words = f"made: shares that sum to 1 along axis {axis}{', as logarithms' if in_logs else ''}"
    target = Made("target", shares.log() if in_logs else shares, words)
    return Targets(
        (target,), Neutral(torch.full_like(output, -math.log(output.shape[axis])), "the same share for every class")
    )


_COIN = "a coin for every answer"


def _yes_or_no(at_even_odds: float) -> Recipe:
    def recipe(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
        target = Made("target", _zeros_and_ones(output, generator), "made: 0 or 1, drawn evenly")
        return Targets((target,), Neutral(torch.full_like(output, at_even_odds), _COIN, "ln 2", math.log(2)))

    return recipe


def _signed(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    target = Made("target", _signs(tuple(output.shape), output, generator), "made: 1 or −1, drawn evenly")
    return Targets((target,), Neutral(torch.zeros_like(output), _COIN, "ln 2", math.log(2)))


def _distances(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    return Targets((Made("target", _signs(tuple(output.shape), output, generator), "made: 1 or −1, drawn evenly"),))


def _label_lists(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    if output.dim() not in (1, 2) or not output.shape[-1]:
        raise NoTargetError("an output of C or N×C is wanted")
    labels = torch.full(output.shape, -1, dtype=torch.long, device=output.device)
    labels[..., 0] = _ids(tuple(output.shape[:-1]), 0, output.shape[-1] - 1, output, generator)
    words = f"made: one right class of {output.shape[-1]} for each sample, then −1"
    return Targets((Made("target", labels, words),))


def _pairs(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    if output.dim() not in (1, 2):
        raise NoTargetError("an output of D or N×D is wanted")
    other = Made("input2", _normal(output, generator), "made: normal numbers, mean 0, deviation 1")
    signs = Made("target", _signs(tuple(output.shape[:-1]), output, generator), "made: 1 or −1, drawn evenly")
    return Targets((other, signs))


def _ranks(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    other = Made("input2", _normal(output, generator), "made: normal numbers, mean 0, deviation 1")
    return Targets(
        (other, Made("target", _signs(tuple(output.shape), output, generator), "made: 1 or −1, drawn evenly"))
    )


def _triples(_: nn.Module, output: Tensor, generator: Generator) -> Targets:
    words = "made: normal numbers, mean 0, deviation 1"
    return Targets(tuple(Made(name, _normal(output, generator), words) for name in ("positive", "negative")))


def _labelled_moments(loss: nn.Module, output: Tensor, generator: Generator) -> Targets:
    """One label for each sequence, never the blank one, and every sequence as long as the output."""
    if output.dim() not in (2, 3) or output.shape[-1] < 2 or not output.shape[0]:
        raise NoTargetError("an output of T×N×C or T×C is wanted, with at least two classes")
    moments, classes, samples = output.shape[0], output.shape[-1], tuple(output.shape[1:-1])
    blank = int(getattr(loss, "blank", 0))
    labels = _ids((*samples, 1), 0, classes - 2, output, generator)
    labels += (labels >= blank).to(labels.dtype)
    lengths = torch.full(samples, moments, dtype=torch.long, device=output.device)
    return Targets(
        (
            Made("targets", labels, "made: one label for each sequence"),
            Made("input_lengths", lengths, f"made: all {moments} moments, axis 0 being time"),
            Made("target_lengths", torch.ones_like(lengths), "made: 1"),
        )
    )


def _own_classes(attribute: str) -> Recipe:
    """Of a loss with a layer of its own, which knows how many classes there are."""

    def recipe(loss: nn.Module, output: Tensor, generator: Generator) -> Targets:
        count = int(getattr(loss, attribute))
        shape = tuple(output.shape[:-1])
        ids = _ids(shape, 0, count - 1, output, generator)
        return Targets((Made("target", ids, f"made: {math.prod(shape):,} class ids from 0 … {count - 1}"),))

    return recipe


_RECIPES: dict[str, Recipe] = {
    **dict.fromkeys(("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss"), _numbers),
    "PoissonNLLLoss": _counts,
    "GaussianNLLLoss": _with_variance,
    "CrossEntropyLoss": _scored_classes,
    **dict.fromkeys(("NLLLoss", "NLLLoss2d"), _log_classes),
    "MultiMarginLoss": _margin_classes,
    "KLDivLoss": _shares,
    "BCELoss": _yes_or_no(0.5),
    **dict.fromkeys(("BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"), _yes_or_no(0.0)),
    "SoftMarginLoss": _signed,
    "HingeEmbeddingLoss": _distances,
    "MultiLabelMarginLoss": _label_lists,
    "CosineEmbeddingLoss": _pairs,
    "MarginRankingLoss": _ranks,
    **dict.fromkeys(("TripletMarginLoss", "TripletMarginWithDistanceLoss"), _triples),
    "CTCLoss": _labelled_moments,
    "AdaptiveLogSoftmaxWithLoss": _own_classes("n_classes"),
    "LinearCrossEntropyLoss": _own_classes("num_classes"),
}

OVER_CLASSES = ("CrossEntropyLoss", "NLLLoss", "NLLLoss2d", "MultiMarginLoss")
"""Those that read axis 1 as the classes."""
