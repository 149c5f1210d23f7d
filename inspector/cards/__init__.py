"""The cards: every building block of torch.nn explained, as data that needs no torch. One module a family.

`card.py` says what a card is, `arithmetic.py` writes numbers with the way that leads to them, `explaining.py` puts a
card together with what is known of one layer. Each of the other modules has its family's cards in `CARDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from inspector.cards import (
    activation,
    attention,
    container,
    convolution,
    distance,
    dropout,
    embedding,
    linear,
    loss,
    normalization,
    padding,
    parallel,
    parameter,
    pooling,
    recurrent,
    reshaping,
    transformer,
    vision,
)
from inspector.cards.card import Card

_FAMILIES: tuple[ModuleType, ...] = (
    linear,
    convolution,
    pooling,
    padding,
    normalization,
    activation,
    dropout,
    recurrent,
    attention,
    embedding,
    transformer,
    reshaping,
    vision,
    distance,
    loss,
    container,
    parameter,
    parallel,
)
"""In the order of a table of contents."""

CARDS: Mapping[str, Card] = MappingProxyType({card.name: card for family in _FAMILIES for card in family.CARDS})
"""By the name of the class."""

_SAME_AS = {"NonDynamicallyQuantizableLinear": "Linear"}
"""Classes of torch.nn that nobody builds by hand, and the one that they are in all but name."""
_BY_LOWER_CASE = {name.lower(): name for name in CARDS}


def card_of(name: str) -> Card | None:
    """The card of a class: by its name as somebody types it, or by its qualified name, which has to be torch's."""
    package, _, last = name.rpartition(".")
    if package not in ("", "nn", "torch.nn") and not package.startswith("torch.nn."):
        return None  # a class of the user's, whatever it is called
    last = _SAME_AS.get(last, last)
    return CARDS.get(last) or CARDS.get(_BY_LOWER_CASE.get(last.lower(), ""))
