"""The cards of the measures between two tensors."""

from __future__ import annotations

import math

from inspector.cards.arithmetic import given, is_known, shape_text
from inspector.cards.broadcasting import axis_of, broadcast
from inspector.cards.card import Arguments, Card, Inputs, Shaped


def _cosine(arguments: Arguments, inputs: Inputs) -> Shaped:
    sizes = broadcast(given(inputs, 0, "N D"), given(inputs, 1, "N D"))
    dim = arguments["dim"]
    if not is_known(dim):
        return Shaped((("∗",),), ("axis dim is gone, the other axes stay",))
    axis = axis_of(dim, len(sizes))
    out = (*sizes[:axis], *sizes[axis + 1 :])
    along = sizes[axis] if sizes else 1
    return Shaped((out,), (f"{shape_text(out)} vectors of {along} numbers along axis {axis}: one number each",))


def pairwise(arguments: Arguments, inputs: Inputs) -> Shaped:
    """One number for each pair of rows, over the last axis."""
    sizes = broadcast(given(inputs, 0, "N D"), given(inputs, 1, "N D"))
    kept = (1,) if arguments.get("keepdim") is True and sizes else ()
    out = (*sizes[:-1], *kept)
    along = sizes[-1] if sizes else 1
    if along == 0 and arguments.get("p") in (math.inf, -math.inf) and 0 not in sizes[:-1]:
        raise ValueError("there is no largest among no numbers")
    return Shaped((out,), (f"{shape_text(sizes[:-1])} pairs of {along} numbers on the last axis: one distance each",))


CARDS: tuple[Card, ...] = (
    Card(
        "PairwiseDistance",
        "distance",
        "Measures how far two vectors are apart, row by row.",
        ("d = (Σᵢ |x₁ᵢ − x₂ᵢ + eps|ᵖ)^(1/p)   over the last axis",),
        {
            "p": "which norm: 2 the distance as the crow flies, 1 along the axes, inf the largest difference",
            "eps": "added to every difference, so that a distance of 0 has a gradient",
            "keepdim": "whether the last axis stays, with size 1",
        },
        {"p": 2.0, "eps": 1e-6, "keepdim": False},
        pairwise,
        takes=("x1 and x2: of one shape or of two that fit to each other (N×D), floating",),
    ),
    Card(
        "CosineSimilarity",
        "distance",
        "Measures whether two vectors point the same way, whatever their lengths: 1 same way, 0 at right angles.",
        ("cos = x₁·x₂ / (max(‖x₁‖, eps)·max(‖x₂‖, eps))   over the axis dim",),
        {"dim": "the axis along which the vectors lie", "eps": "the least length that is divided by"},
        {"dim": 1, "eps": 1e-8},
        _cosine,
        takes=("x1 and x2: of one shape or of two that fit to each other (N×D), floating",),
    ),
)
