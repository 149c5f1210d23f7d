"""The cards of the losses: one number that says how wrong an answer is, with what it takes and what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspector.cards import loss_shapes as shapes
from inspector.cards.card import Card, Shape
from inspector.cards.loss_layers import ADAPTIVE, LINEAR

_OLD = "deprecated: use reduction"
_MEANING = {
    "weight": "a factor for each class",
    "size_average": _OLD,
    "reduce": _OLD,
    "reduction": "'mean' or 'sum' over all losses, or 'none' for each of them",
    "ignore_index": "the number of a class whose samples are left out",
}
_DEFAULT: dict[str, Any] = {"weight": None, "size_average": None, "reduce": None, "reduction": "mean"}
_CHANCE = "an untrained classifier of K classes gives about ln K: 2.303 of 10, 6.908 of 1,000"
_COIN = "a model that cannot tell gives about ln 2 = 0.6931 for each yes or no"
_SAME = "target: of the input's shape and dtype"


def _card(
    name: str,
    sentence: str,
    formula: tuple[str, ...],
    shape: Shape,
    takes: tuple[str, ...],
    order: str,
    meanings: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    pitfalls: tuple[str, ...] = (),
) -> Card:
    """`order` names the arguments in the order of the signature; what is said of one here goes before what all say."""
    told, usual = {**_MEANING, **(meanings or {})}, {**_DEFAULT, **(defaults or {})}
    names = order.split()
    return Card(
        name,
        "loss",
        sentence,
        formula,
        {each: told[each] for each in names},
        {each: usual[each] for each in names},
        shape,
        pitfalls=pitfalls,
        takes=takes,
    )


_USUAL = "size_average reduce reduction"

_NUMBERS = (
    _card(
        "L1Loss",
        "The mean distance between answer and target: every unit of error counts the same.",
        ("loss = mean |x − y|",),
        shapes.elementwise(),
        ("input: any shape, floating", _SAME, "0 is a perfect fit; it is in the units of the target"),
        _USUAL,
    ),
    _card(
        "MSELoss",
        "The mean squared distance between answer and target: large errors count most.",
        ("loss = mean (x − y)²",),
        shapes.elementwise(),
        ("input: any shape, floating", _SAME, "0 is a perfect fit; to answer the mean always gives the variance"),
        _USUAL,
    ),
    _card(
        "SmoothL1Loss",
        "Squared for small errors, straight for large ones, so that outliers do not rule.",
        ("loss = mean of  ½·d²/beta  where d < beta,  d − ½·beta  elsewhere", "d = |x − y|"),
        shapes.elementwise(),
        ("input: any shape, floating", _SAME, "0 is a perfect fit; it is HuberLoss divided by beta"),
        "size_average reduce reduction beta",
        {"beta": "the error at which the parabola becomes a line; 0 is L1Loss"},
        {"beta": 1.0},
    ),
    _card(
        "HuberLoss",
        "Squared for small errors, straight for large ones, so that outliers do not rule.",
        ("loss = mean of  ½·d²  where d ≤ delta,  delta·(d − ½·delta)  elsewhere", "d = |x − y|"),
        shapes.elementwise(),
        ("input: any shape, floating", _SAME, "0 is a perfect fit"),
        "reduction delta",
        {"delta": "the error at which the parabola becomes a line"},
        {"delta": 1.0},
    ),
    _card(
        "PoissonNLLLoss",
        "For counts: how unlikely the target is under a Poisson distribution with the rate that is given.",
        ("loss = mean (eˣ − y·x)            log_input=True", "loss = mean (x − y·ln(x + eps))    else"),
        shapes.elementwise(),
        ("input: any shape, floating: the rate, or its logarithm", "target: of the input's shape: counts",
         "less is better, and below 0 is no fault: a term that does not depend on the input is left out"),
        "log_input full size_average eps reduce reduction",
        {"log_input": "whether the input is the logarithm of the rate",
         "full": "whether the term y·ln y − y + ½·ln(2π·y), which no training changes, is added",
         "eps": "added below the logarithm"},
        {"log_input": True, "full": False, "eps": 1e-8},
    ),
    _card(
        "GaussianNLLLoss",
        "How unlikely the target is under a normal distribution whose mean and variance the model gives.",
        ("loss = mean ½·(ln max(v, eps) + (x − y)² / max(v, eps))",),
        shapes.gaussian,
        ("input: any shape, floating: the mean", "target: of the input's shape",
         "var: of the input's shape, or with size 1 on one axis, or without the last one; none below 0",
         "less is better, and below 0 is no fault"),
        "full eps reduction",
        {"full": "whether ½·ln(2π), which no training changes, is added", "eps": "the least variance that counts"},
        {"full": False, "eps": 1e-6},
    ),
)  # fmt: skip

_CLASSES = (
    _card(
        "CrossEntropyLoss",
        "For one class out of several: how unlikely the model finds the right one. It applies log_softmax itself.",
        ("loss = mean −w[y]·ln(e^x[y] / Σⱼ e^xⱼ)", "shares as target: mean −Σⱼ wⱼ·yⱼ·ln(e^xⱼ / Σₖ e^xₖ)",
         "'mean' divides by the sum of the weights w[y] of the samples"),
        shapes.classes_or_shares,
        ("input: N×C, or N×C×d₁×d₂…, floating: scores, not probabilities (no softmax before it)",
         "target: N, or N×d₁×d₂…, int64: the number of a class, 0 … C − 1",
         "or a target of the input's shape, floating: a share of each class", _CHANCE),
        "weight size_average ignore_index reduce reduction label_smoothing",
        {"label_smoothing": "how much of the target is spread over all classes, 0 … 1"},
        {"ignore_index": -100, "label_smoothing": 0.0},
        ("NN304", "NN303"),
    ),
    _card(
        "NLLLoss",
        "For one class out of several: minus the logarithm of the right one's probability. It wants LogSoftmax first.",
        ("loss = mean −w[y]·x[y]", "'mean' divides by the sum of the weights w[y] of the samples"),
        shapes.classes_only,
        ("input: N×C, or N×C×d₁×d₂…, floating: logarithms of probabilities, as LogSoftmax gives them",
         "target: N, or N×d₁×d₂…, int64: the number of a class, 0 … C − 1", _CHANCE),
        "weight size_average ignore_index reduce reduction",
        {},
        {"ignore_index": -100},
        ("NN304",),
    ),
    _card(
        "NLLLoss2d",
        "An old name of NLLLoss, for one class a pixel.",
        ("loss = mean −w[y]·x[y]",),
        shapes.classes_only,
        ("input: N×C×H×W, floating: logarithms of probabilities", "target: N×H×W, int64: the number of a class",
         _CHANCE),
        "weight size_average ignore_index reduce reduction",
        {},
        {"ignore_index": -100},
    ),
    _card(
        "MultiMarginLoss",
        "For one class out of several: the right one's score has to be above every other by a margin.",
        ("loss = mean Σⱼ max(0, margin − x[y] + xⱼ)ᵖ / C   j ≠ y",),
        shapes.multi_margin,
        ("input: N×C or C, floating: scores", "target: N or one number, int64: the number of a class",
         "0 as soon as every margin is kept; equal scores give margin·(C − 1)/C"),
        "p margin weight size_average reduce reduction",
        {"p": "1 counts what is lacking, 2 its square", "margin": "by how much the right score has to be above"},
        {"p": 1, "margin": 1.0},
    ),
    _card(
        "KLDivLoss",
        "How far one distribution is from another: what is lost if the input stands for the target.",
        ("loss = mean y·(ln y − x)           x = ln of the input's probabilities", "log_target: mean eʸ·(y − x)"),
        shapes.elementwise(allowed=("none", "mean", "sum", "batchmean")),
        ("input: any shape, floating: logarithms of probabilities, as LogSoftmax gives them",
         "target: of the input's shape: probabilities, or with log_target their logarithms",
         "0 when both are the same; 'batchmean' is the divergence as it is defined, 'mean' is not"),
        "size_average reduce reduction log_target",
        {"reduction": "'batchmean' divides by the batch, as the definition does; 'mean' by all numbers; 'sum'; 'none'",
         "log_target": "whether the target is logarithms too"},
        {"log_target": False},
        ("NN304",),
    ),
)  # fmt: skip

_YES_OR_NO = (
    _card(
        "BCELoss",
        "For yes or no: how unlikely the model finds the right answer. It wants probabilities, from a sigmoid.",
        ("loss = mean −w·(y·ln x + (1 − y)·ln(1 − x))",),
        shapes.alike,
        ("input: any shape, floating, every number in 0 … 1", "target: of the very same shape and dtype, in 0 … 1",
         _COIN),
        "weight size_average reduce reduction",
        {"weight": "a factor for each element of a batch"},
    ),
    _card(
        "BCEWithLogitsLoss",
        "For yes or no: how unlikely the model finds the right answer. It applies the sigmoid itself, and safely.",
        ("loss = mean −w·(p·y·ln σ(x) + (1 − y)·ln(1 − σ(x)))", "σ(x) = 1 / (1 + e⁻ˣ),  p = pos_weight"),
        shapes.alike,
        ("input: any shape, floating: scores, not probabilities (no sigmoid before it)",
         "target: of the very same shape and dtype, in 0 … 1", _COIN),
        "weight size_average reduce reduction pos_weight",
        {"weight": "a factor for each element of a batch", "pos_weight": "how much more a yes counts than a no"},
        {"pos_weight": None},
    ),
    _card(
        "SoftMarginLoss",
        "For yes or no written as 1 or −1: a smooth price for scores on the wrong side.",
        ("loss = mean ln(1 + e^(−y·x))",),
        shapes.elementwise(grows=False),
        ("input: any shape, floating: scores", "target: of the input's shape, 1 or −1, floating", _COIN),
        _USUAL,
    ),
    _card(
        "HingeEmbeddingLoss",
        "For distances: small where two things are alike (1), at least a margin where they are not (−1).",
        ("loss = mean of  x  where y = 1,  max(0, margin − x)  where y = −1",),
        shapes.elementwise(),
        ("input: any shape, floating: distances", "target: of the input's shape, 1 or −1",
         "0 when all that is alike coincides and all else is a margin apart"),
        "margin size_average reduce reduction",
        {"margin": "how far apart what is not alike has to be"},
        {"margin": 1.0},
    ),
    _card(
        "MultiLabelMarginLoss",
        "For several classes at once: each right one's score has to be above each wrong one's by 1.",
        ("loss = mean Σᵢⱼ max(0, 1 − (x[yᵢ] − xⱼ)) / C   yᵢ right, j wrong",),
        shapes.multi_label_margin,
        ("input: N×C or C, floating: scores",
         "target: of the input's shape, int64: the numbers of the right classes, then −1",
         "0 as soon as every margin is kept"),
        _USUAL,
    ),
    _card(
        "MultiLabelSoftMarginLoss",
        "For several classes at once: a yes or no for each class, and the mean over the classes.",
        ("loss = mean −(1/C)·Σᵢ (yᵢ·ln σ(xᵢ) + (1 − yᵢ)·ln(1 − σ(xᵢ)))",),
        shapes.multi_label,
        ("input: N×C, floating: scores", "target: of the input's shape, 0 or 1, floating", _COIN),
        "weight size_average reduce reduction",
    ),
)  # fmt: skip

_COMPARISONS = (
    _card(
        "CosineEmbeddingLoss",
        "For pairs of vectors: same direction where they are alike (1), at most a margin of cosine where not (−1).",
        ("loss = mean of  1 − cos(x₁, x₂)                   where y = 1",
         "                max(0, cos(x₁, x₂) − margin)     where y = −1"),
        shapes.cosine,
        ("input1, input2: N×D or D, floating", "target: N or one number, 1 or −1",
         "unrelated vectors of many numbers have a cosine near 0: about 1 where y = 1"),
        "margin size_average reduce reduction",
        {"margin": "the cosine that pairs which are not alike may have, −1 … 1"},
        {"margin": 0.0},
    ),
    _card(
        "MarginRankingLoss",
        "For pairs of scores: the first has to be higher (1) or lower (−1) than the second by a margin.",
        ("loss = mean max(0, −y·(x₁ − x₂) + margin)",),
        shapes.ranking,
        ("input1, input2: N, floating: scores", "target: N, 1 or −1", "equal scores give the margin"),
        "margin size_average reduce reduction",
        {"margin": "by how much the order has to be kept"},
        {"margin": 0.0},
    ),
    _card(
        "TripletMarginLoss",
        "For triples: an anchor has to be nearer to what is like it than to what is not, by a margin.",
        ("loss = mean max(0, d(a, p) − d(a, n) + margin)", "d(x, y) = ‖x − y + eps‖ₚ"),
        shapes.triplet,
        ("anchor, positive, negative: N×D or D, floating", "equal distances give the margin; 0 when all keep it"),
        "margin p eps swap size_average reduce reduction",
        {"margin": "how much nearer the one that is alike has to be", "p": "which norm measures the distance",
         "eps": "added to every difference, so that a distance of 0 has a gradient",
         "swap": "whether the distance from positive to negative counts when it is the smaller one"},
        {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False},
    ),
    _card(
        "TripletMarginWithDistanceLoss",
        "A TripletMarginLoss with a distance of one's own.",
        ("loss = mean max(0, d(a, p) − d(a, n) + margin)",),
        shapes.triplet,
        ("anchor, positive, negative: N×D, floating, or whatever the distance takes",
         "equal distances give the margin; 0 when all keep it"),
        "distance_function margin swap reduction",
        {"distance_function": "takes two tensors, gives a number for each row; None: the Euclidean distance",
         "margin": "how much nearer the one that is alike has to be",
         "swap": "whether the distance from positive to negative counts when it is the smaller one"},
        {"distance_function": None, "margin": 1.0, "swap": False},
    ),
    _card(
        "CTCLoss",
        "For sequences whose labels have an order and no times (speech, writing): every way to place them is summed.",
        ("loss = mean −ln Σ P(path)   over all paths that become the target", "a path: a label or blank a moment; "
         "repeats, then blanks, fall away"),
        shapes.ctc,
        ("log_probs: T×N×C, floating: LogSoftmax over C; the batch is axis 1",
         "targets: N×S, or all in one row, int64: labels without the blank one",
         "input_lengths, target_lengths: N, int64; more labels than moments give inf",
         "'mean' divides each loss by the length of its target first"),
        "blank reduction zero_infinity",
        {"blank": "the number of the class that means nothing yet",
         "zero_infinity": "whether targets that do not fit count 0 instead of inf"},
        {"blank": 0, "zero_infinity": False},
        ("NN301",),
    ),
)  # fmt: skip

CARDS: tuple[Card, ...] = (*_NUMBERS, *_CLASSES, *_YES_OR_NO, *_COMPARISONS, LINEAR, ADAPTIVE)
