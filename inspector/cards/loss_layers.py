"""Losses that have weights of their own: a classifier and its cross-entropy in one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from inspector.cards.arithmetic import Figure, costs, counted, figure, given, is_known, shape_text, uniform_root
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Sizes, Symbol
from inspector.cards.linear import PLACE, PLACE_DEFAULTS
from inspector.cards.loss_shapes import classes_or_shares

# --- adaptive softmax -------------------------------------------------------------------------------------------------


def _cutoffs(arguments: Arguments) -> tuple[int, ...] | None:
    """Where clusters begin, the last end added; None when it is not known. Raises ValueError as torch does."""
    cutoffs, classes = arguments["cutoffs"], arguments["n_classes"]
    if not is_known(cutoffs, classes):
        return None
    if not cutoffs or list(cutoffs) != sorted(set(cutoffs)) or cutoffs[0] <= 0 or cutoffs[-1] > classes - 1:
        raise ValueError(f"cutoffs must rise from 1 to {classes - 1} at most, and {list(cutoffs)} do not")
    return (*cutoffs, classes)


def _projections(arguments: Arguments, ends: Sequence[int]) -> list[tuple[int, int]]:
    """Of every cluster: how many features are left for it, and how many classes it has."""
    features, division = arguments["in_features"], arguments["div_value"]
    sizes = [later - earlier for earlier, later in pairwise(ends)]
    return [(int(features // division ** (index + 1)), size) for index, size in enumerate(sizes)]


def _adaptive_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    ends = _cutoffs(arguments)
    features = figure(arguments["in_features"]).size
    x, target = given(inputs, 0, f"N {features}"), given(inputs, 1, "N")
    wanted: Sizes = (*target, features)
    if len(target) > 1 or len(x) != len(wanted) or (is_known(arguments["in_features"]) and x != wanted):
        raise ValueError(f"input {shape_text(x)} and target {shape_text(target)}: N×{features} and N are wanted")
    lines = ["a named pair: output, the logarithm of each target's probability, and loss, their negative mean"]
    if ends is not None:
        clusters = ", ".join(f"{size} classes on {width} features" for width, size in _projections(arguments, ends))
        lines.append(f"{ends[0]} frequent classes on all {features} features; {clusters}")
    return Shaped((target, ()), tuple(lines))


def _adaptive_parameters(arguments: Arguments) -> Counted:
    ends = _cutoffs(arguments)
    features = arguments["in_features"]
    if ends is None or not is_known(features, arguments["div_value"]):
        return Counted(None, ("head in_features·(cutoffs[0] + clusters)", "cluster i: in_features·hᵢ + hᵢ·sizeᵢ"))
    head = ends[0] + len(ends) - 1
    terms: list[tuple[str, tuple[int, ...]]] = [("head.weight", (head, features))]
    if arguments["head_bias"]:
        terms.append(("head.bias", (head,)))
    for index, (width, size) in enumerate(_projections(arguments, ends)):
        terms += [(f"tail.{index}.0.weight", (width, features)), (f"tail.{index}.1.weight", (size, width))]
    return counted(*terms)


def _adaptive_cost(arguments: Arguments, inputs: Inputs) -> Counted:
    """The head is always computed, a cluster for those samples alone whose target is in it: only values tell."""
    ends = _cutoffs(arguments)
    if ends is None:
        return Counted(None, ("head 2·N·in_features·(cutoffs[0] + clusters)",))
    target = given(inputs, 1, "N")
    samples = target[0] if target else 1
    head = costs((("N", samples), ("in_features", arguments["in_features"]), ("head", ends[0] + len(ends) - 1)))
    return Counted(None, (*head.lines, "and each cluster, for the samples whose target is in it"))


def _adaptive_head(arguments: Arguments) -> Drawn:
    return uniform_root(figure(arguments["in_features"]))


def _adaptive_head_bias(arguments: Arguments) -> Drawn | None:
    return _adaptive_head(arguments) if arguments["head_bias"] is True else None


def _adaptive_tail(arguments: Arguments) -> Drawn:
    ends = _cutoffs(arguments)
    if ends is None or len(ends) != 2 or not is_known(arguments["in_features"], arguments["div_value"]):
        return Drawn("U(−√k, √k), k = 1/⌊in_features/div_value^(i+1)⌋")
    return uniform_root(figure(_projections(arguments, ends)[0][0]))


ADAPTIVE = Card(
    "AdaptiveLogSoftmaxWithLoss",
    "loss",
    "A classifier for very many classes with its loss: frequent classes are computed exactly, rare ones in clusters "
    "with fewer features, and only when they are needed.",
    (
        "classes 0 … cutoffs[0] − 1: log softmax of the head",
        "classes of cluster i: log P(cluster i) + log softmax of its own tail",
        "loss = −mean of log P(target)",
    ),
    {
        "in_features": "how many numbers describe a sample",
        "n_classes": "how many classes there are, the most frequent one numbered 0",
        "cutoffs": "the numbers of classes at which clusters begin, rising",
        "div_value": "by how much the features become fewer from cluster to cluster",
        "head_bias": "whether the head has a bias",
        **PLACE,
    },
    {"div_value": 4.0, "head_bias": False, **PLACE_DEFAULTS},
    _adaptive_shape,
    _adaptive_parameters,
    (
        Initial("head.weight", _adaptive_head),
        Initial("head.bias", _adaptive_head_bias),
        Initial("tail.*.0.weight", _adaptive_head),
        Initial("tail.*.1.weight", _adaptive_tail),
    ),
    _adaptive_cost,
    takes=(
        "input: N×in_features, floating",
        "target: N, int64, the number of a class each; frequent classes must have the small numbers",
    ),
)


# --- linear and cross-entropy in one ----------------------------------------------------------------------------------


def _places(arguments: Arguments) -> tuple[Figure, ...]:
    value = arguments["out_features"]
    return (figure("∗"),) if isinstance(value, Symbol) else tuple(figure(size) for size in value)


def _linear_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    features, classes = figure(arguments["in_features"]).size, figure(arguments["num_classes"]).size
    places = tuple(place.size for place in _places(arguments))
    x = given(inputs, 0, f"N {features}")
    target = inputs[1] if len(inputs) > 1 else ("N", *places)
    if len(x) not in (1, 2) or (len(x) == 1 and places):
        raise ValueError(f"an input of N×{features} is wanted, not {shape_text(x)}")
    if isinstance(features, int) and isinstance(x[-1], int) and x[-1] != features:
        raise ValueError(f"{features} features are wanted on the last axis, not {x[-1]}")
    scores: Sizes = (*x[:-1], classes, *places)
    shaped = classes_or_shares(arguments, (scores, target))
    return Shaped(shaped.outputs, (f"scores {shape_text(scores)}, from {shape_text(x)}", *shaped.lines))


def _linear_parameters(arguments: Arguments) -> Counted:
    rows = (arguments["num_classes"], *_places(arguments))
    weight = ("linear.weight", (*rows, arguments["in_features"]))
    return counted(weight, ("linear.bias", rows)) if arguments["bias"] is True else counted(weight)


def _linear_cost(arguments: Arguments, inputs: Inputs) -> Counted:
    x = given(inputs, 0, "N in_features")
    samples = x[0] if len(x) == 2 else 1
    factors = [("N", samples), ("in_features", arguments["in_features"]), ("num_classes", arguments["num_classes"])]
    return costs((*factors, *(("out_features", place) for place in _places(arguments))))


def _linear_weight(arguments: Arguments) -> Drawn:
    return uniform_root(figure(arguments["in_features"]))


def _linear_bias(arguments: Arguments) -> Drawn | None:
    return _linear_weight(arguments) if arguments["bias"] is True else None


LINEAR = Card(
    "LinearCrossEntropyLoss",
    "loss",
    "A linear layer and the cross-entropy of what it gives, in one step, so that the scores of a large vocabulary "
    "need not all be in memory at once.",
    ("loss = CrossEntropyLoss(x·Wᵀ + b, target)",),
    {
        "in_features": "how many numbers describe a sample",
        "num_classes": "how many classes there are",
        "out_features": "further axes of the scores, for several predictions from one sample",
        "bias": "whether the linear layer has one",
        **PLACE,
        "reduction": "'mean', 'sum', or 'none' for one loss a sample",
        "weight": "a factor for each class",
        "ignore_index": "the number of a class that is left out; None: −100",
        "label_smoothing": "how much of the target is spread over all classes, 0 … 1",
        "options": "how the work is cut into chunks; None: not at all",
    },
    {
        "out_features": (),
        "bias": False,
        **PLACE_DEFAULTS,
        "reduction": "mean",
        "weight": None,
        "ignore_index": None,
        "label_smoothing": 0.0,
        "options": None,
    },
    _linear_shape,
    _linear_parameters,
    (Initial("linear.weight", _linear_weight), Initial("linear.bias", _linear_bias)),
    _linear_cost,
    takes=(
        "input: N×in_features, floating",
        "target: N, int64: the number of a class each; or N×classes, floating: a share of each",
        "an untrained classifier of K classes gives about ln K: 2.303 of 10, 6.908 of 1,000",
    ),
)
