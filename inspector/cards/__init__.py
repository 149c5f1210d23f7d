"""The cards: every building block of torch.nn explained, as data that needs no torch. One module a family.

`card.py` says what a card is, `arithmetic.py` writes numbers with the way that leads to them, `explaining.py` puts a
card together with what is known of one layer. Each of the other modules has its family's cards in `CARDS`; `library.py`
puts them together when the first card is looked for: a window opens without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspector.cards.card import Card

    CARDS: Mapping[str, Card]

_SAME_AS = {"NonDynamicallyQuantizableLinear": "Linear"}
"""Classes of torch.nn that nobody builds by hand, and the one that they are in all but name."""


def __getattr__(name: str) -> Any:
    """`CARDS`, all of them, when somebody asks."""
    if name == "CARDS":
        from inspector.cards.library import CARDS

        return CARDS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def card_of(name: str) -> Card | None:
    """The card of a class: by its name as somebody types it, or by its qualified name, which has to be torch's."""
    package, _, last = name.rpartition(".")
    if package not in ("", "nn", "torch.nn") and not package.startswith("torch.nn."):
        return None  # a class of the user's, whatever it is called
    from inspector.cards.library import BY_LOWER_CASE, CARDS

    last = _SAME_AS.get(last, last)
    return CARDS.get(last) or CARDS.get(BY_LOWER_CASE.get(last.lower(), ""))
