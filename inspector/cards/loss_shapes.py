"""What shapes the losses take, and what comes out of them: one number, or without a reduction one for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from inspector.cards.arithmetic import given, is_known, product, said, shape_text
from inspector.cards.broadcasting import broadcast
from inspector.cards.card import Arguments, Inputs, Shape, Shaped, Sizes
from inspector.cards.distance import pairwise
from inspector.figures import number

REDUCTIONS = ("none", "mean", "sum")
_NO_CLASS = "there is no class that could be the right one"


def reduced(arguments: Arguments, each: Sizes, *lines: str, allowed: Sequence[str] = REDUCTIONS) -> Shaped:
    """One number for all of these, or all of them, as `reduction` says; the old arguments overrule it."""
    reduction = _reduction(arguments)
    if not is_known(reduction):
        return Shaped((("∗",),), (*lines, f"reduction: one number, or with 'none' {shape_text(each)}"))
    if reduction not in allowed:
        raise ValueError(f"reduction={reduction!r} is none of {', '.join(allowed)}")
    if reduction == "none":
        return Shaped((each,), (*lines, f"reduction 'none': {shape_text(each)} losses"))
    count = product(each)
    what = {"mean": "the mean", "sum": "the sum", "batchmean": "the sum, divided by the batch,"}[reduction]
    return Shaped(((),), (*lines, f"reduction {reduction!r}: {what} of {said(count)} losses"))


def _reduction(arguments: Arguments) -> Any:
    average, reduce = arguments.get("size_average"), arguments.get("reduce")
    if (average is None and reduce is None) or not is_known(average, reduce):
        return arguments["reduction"]
    if reduce is False:
        return "none"
    return "sum" if average is False else "mean"


def elementwise(allowed: Sequence[str] = REDUCTIONS, grows: bool = True) -> Shape:
    """A loss for each pair of numbers of two shapes that fit; unless it `grows`, the input cannot be repeated."""

    def shape(arguments: Arguments, inputs: Inputs) -> Shaped:
        x, target = given(inputs, 0, "N ∗"), given(inputs, 1, "N ∗")
        each = broadcast(x, target)
        if each != x and not grows:
            raise ValueError(f"target {shape_text(target)} is larger than the input, {shape_text(x)}")
        _check_positive(arguments)
        line = f"input {shape_text(x)}, target {shape_text(target)}"
        warned = f"{line}: repeated to {shape_text(each)}, which is seldom meant" if x != target else line
        return reduced(arguments, each, warned, allowed=allowed)

    return shape


def _check_positive(arguments: Arguments) -> None:
    beta, delta = arguments.get("beta", 1.0), arguments.get("delta", 1.0)
    if is_known(beta) and beta < 0:
        raise ValueError(f"beta={beta} is below 0")
    if is_known(delta) and delta <= 0:
        raise ValueError(f"delta={delta} is not above 0")


def alike(arguments: Arguments, inputs: Inputs) -> Shaped:
    """A loss for each number; input and target must have one shape."""
    x, target = given(inputs, 0, "N ∗"), given(inputs, 1, "N ∗")
    if x != target:
        raise ValueError(f"input {shape_text(x)} and target {shape_text(target)} must have one shape")
    return reduced(arguments, x, f"input and target {shape_text(x)}")


# --- classes ----------------------------------------------------------------------------------------------------------


def classes_only(arguments: Arguments, inputs: Inputs) -> Shaped:
    """The target is the number of a class, for each sample and place."""
    x, target = given(inputs, 0, "N C ∗"), given(inputs, 1, "N ∗")
    return reduced(arguments, _class_losses(x, target), *_classes(x, target))


def classes_or_shares(arguments: Arguments, inputs: Inputs) -> Shaped:
    """The target is the number of a class, or in the input's own shape a share of each class."""
    x, target = given(inputs, 0, "N C ∗"), given(inputs, 1, "N ∗")
    smoothing = _smoothing(arguments)
    if inputs and x == target:
        if not x:
            raise ValueError("the input has no axis of classes")
        each = x[1:] if len(x) == 1 else (x[0], *x[2:])
        lines = (f"input and target {shape_text(x)}: the target is a share of each class", *_chance(x))
        return reduced(arguments, each, *lines)
    if len(x) == 1 and target == (1,) and is_known(smoothing) and smoothing > 0:
        raise ValueError("with label_smoothing an input of one axis wants a single number as target, not a list of one")
    return reduced(arguments, _class_losses(x, target), *_classes(x, target), *_chance(x))


def _smoothing(arguments: Arguments) -> Any:
    smoothing = arguments["label_smoothing"]
    if is_known(smoothing) and not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing={smoothing} is not between 0 and 1")
    return smoothing


def _class_losses(x: Sizes, target: Sizes) -> Sizes:
    """Raises ValueError where sizes are not those of one number of a class for each sample and place."""
    if not x:
        raise ValueError("the input has no axis of classes")
    if len(x) == 1:
        if target not in ((), (1,)):
            raise ValueError(f"an input of one axis, the classes, wants one number as target, not {shape_text(target)}")
        if x[0] == 0:
            raise ValueError(_NO_CLASS)
        return ()
    wanted = (x[0], *x[2:])
    if target != wanted:
        raise ValueError(f"input {shape_text(x)} wants a target of {shape_text(wanted)}, not {shape_text(target)}")
    if x[1] == 0 and 0 not in target:
        raise ValueError(_NO_CLASS)
    return target


def _classes(x: Sizes, target: Sizes) -> tuple[str, ...]:
    count = x[0] if len(x) == 1 else x[1]
    return (f"input {shape_text(x)}: {count} classes; target {shape_text(target)}: the number of one, 0 … {count} − 1",)


def _chance(x: Sizes) -> tuple[str, ...]:
    """What a model that knows nothing gets."""
    count = x[0] if len(x) == 1 else x[1]
    if isinstance(count, str):
        return (f"without training about ln {count}: every class equally likely",)
    if count < 2:
        return ()
    return (f"without training about ln {count} = {number(math.log(count))}: every class equally likely",)


def multi_margin(arguments: Arguments, inputs: Inputs) -> Shaped:
    """One class for each sample, without further axes."""
    x, target = given(inputs, 0, "N C"), given(inputs, 1, "N")
    if is_known(arguments["p"]) and arguments["p"] not in (1, 2):
        raise ValueError(f"p={arguments['p']} is neither 1 nor 2")
    if len(x) > 2 or 0 in x[-1:]:
        raise ValueError(f"an input of C or N×C is wanted, not {shape_text(x)}")
    samples = x[0] if len(x) == 2 else 1
    if target != (samples,) and not (target == () and samples == 1):
        raise ValueError(f"input {shape_text(x)} wants a target of {samples}, not {shape_text(target)}")
    return reduced(arguments, target, f"input {shape_text(x)}, target {shape_text(target)}")


def multi_label_margin(arguments: Arguments, inputs: Inputs) -> Shaped:
    """A list of classes for each sample, in the shape of the input."""
    x, target = given(inputs, 0, "N C"), given(inputs, 1, "N C")
    if len(x) > 2 or 0 in x[-1:]:
        raise ValueError(f"an input of C or N×C is wanted, not {shape_text(x)}")
    lone = len(x) < 2 and len(target) < 2 and product(x).value == product(target).value
    if x != target and not lone:
        raise ValueError(f"input {shape_text(x)} and target {shape_text(target)} must have one shape")
    return reduced(arguments, x[:-1], f"input and target {shape_text(x)}")


def multi_label(arguments: Arguments, inputs: Inputs) -> Shaped:
    """A yes or no for each class; the mean over the last axis of the input."""
    x, target = given(inputs, 0, "N C"), given(inputs, 1, "N C")
    if not x:
        raise ValueError("the input has no axis of classes")
    each = broadcast(x, target)
    axis = len(x) - 1
    losses = (*each[:axis], *each[axis + 1 :])
    line = f"input {shape_text(x)}, target {shape_text(target)}: the mean over {each[axis]} classes"
    return reduced(arguments, losses, line)


# --- several inputs ---------------------------------------------------------------------------------------------------


def gaussian(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Mean, value and variance; one variance may stand for a whole axis."""
    x, target, variance = (given(inputs, place, "N ∗") for place in range(3))
    spread = variance
    if variance != x and x[:-1] == variance and x:
        spread = (*variance, 1)
    elif variance != x and not _short_of_one(x, variance):
        raise ValueError(f"input {shape_text(x)} wants a variance of that shape, or 1 on one axis of it")
    each = broadcast(broadcast(x, target), spread)
    line = f"input {shape_text(x)}, target {shape_text(target)}, variance {shape_text(variance)}"
    return reduced(arguments, each, line)


def _short_of_one(x: Sizes, variance: Sizes) -> bool:
    """Whether what differs are sizes that sum to 1 in the variance, as torch asks: one axis of size 1."""
    if len(x) != len(variance):
        return False
    return sum(mine for theirs, mine in zip(x, variance, strict=True) if theirs != mine and isinstance(mine, int)) == 1


def cosine(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Two vectors and whether they belong together."""
    one, other, target = given(inputs, 0, "N D"), given(inputs, 1, "N D"), given(inputs, 2, "N")
    if len(target) > 1 or len(one) != len(target) + 1 or len(other) != len(target) + 1:
        raise ValueError("two inputs of N×D and a target of N are wanted, or of D and a single number")
    each = broadcast(broadcast(one, other)[:-1], target)
    line = f"inputs {shape_text(one)} and {shape_text(other)}, target {shape_text(target)}: 1 alike, −1 not"
    return reduced(arguments, each, line)


def ranking(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Two scores and which of them should be the higher one."""
    one, other, target = (given(inputs, place, "N") for place in range(3))
    if not len(one) == len(other) == len(target):
        raise ValueError("both inputs and the target must have as many axes as each other")
    each = broadcast(broadcast(one, other), target)
    return reduced(arguments, each, f"two inputs {shape_text(one)}, target: 1 the first higher, −1 the second")


def triplet(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Something, something like it and something unlike it."""
    anchor, positive, negative = (given(inputs, place, "N D") for place in range(3))
    margin = arguments["margin"]
    if is_known(margin) and margin <= 0:
        raise ValueError(f"margin={margin} is not above 0")
    if not len(anchor) == len(positive) == len(negative):
        raise ValueError("anchor, positive and negative must have as many axes as each other")
    distances = [pairwise({}, pair).outputs[0] for pair in ((anchor, positive), (anchor, negative))]
    if arguments["swap"] is True:
        distances.append(pairwise({}, (positive, negative)).outputs[0])
    return reduced(arguments, broadcast(*distances), f"three inputs {shape_text(anchor)}: two distances a row")


def ctc(arguments: Arguments, inputs: Inputs) -> Shaped:
    """Scores for each moment, labels in order, and how long either is."""
    scores, labels = given(inputs, 0, "T N C"), given(inputs, 1, "N S")
    moments, lengths = given(inputs, 2, "N"), given(inputs, 3, "N")
    if len(scores) not in (2, 3):
        raise ValueError(f"scores of T×N×C or T×C are wanted, not {shape_text(scores)}")
    if len(labels) not in (1, 2):
        raise ValueError(f"labels of N×S, or all in one row, are wanted, not {shape_text(labels)}")
    if len(scores) == 3:
        samples: Sizes = (scores[1],)
        if moments != samples or lengths != samples:
            raise ValueError(f"both lengths have to be {scores[1]} numbers, one a sample")
        if len(labels) == 2 and labels[0] != scores[1]:
            raise ValueError(f"labels {shape_text(labels)} are not those of {scores[1]} samples")
    line = f"scores {shape_text(scores)}, labels {shape_text(labels)}: {scores[-1]} classes with the blank one"
    return reduced(arguments, scores[1:-1], line)
