"""All cards there are, by the name of their class."""

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
BY_LOWER_CASE = {name.lower(): name for name in CARDS}
"""As somebody types them."""
