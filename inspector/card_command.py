"""What --card prints: of a class of torch.nn without torch, of a module of a model with its own numbers."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from inspector.card_flow import flow_of
from inspector.cards import CARDS, card_of
from inspector.cards.card import Card
from inspector.cards.explaining import explain, explain_module
from inspector.headless import Outcome


class NoSuchCardError(Exception):
    """There is nothing of that name to explain; the message says what there is."""


def text(options: argparse.Namespace, outcome: Outcome | None, width: int) -> str:
    """The card in the form that was asked for; empty when the load failed, which has been told already.

    Raises NoSuchCardError for a class that torch.nn does not have, and for a path that the model does not have.
    """
    from inspector.reports import card_text

    form = card_text.form_of(options)
    if outcome is None:
        return card_text.write(explain(_card(options.card)), form, width)
    if outcome.described is None:
        if outcome.failure is not None:
            return ""
        raise NoSuchCardError("the model has no module of that path; --tree lists them")
    rows, described = outcome.run_rows(), outcome.described
    explained = explain_module(described.detail, flow_of(rows, described.row) if rows is not None else None)
    if explained is None:
        return card_text.of_own_class(options.card, described.detail, form, width)
    return card_text.write(explained, form, width, options.card)


def _card(name: str) -> Card:
    card = card_of(name)
    if card is None:
        near = ", ".join(get_close_matches(name, CARDS, 3)) or "Linear, Conv2d"
        raise NoSuchCardError(f"torch.nn has no such class; did you mean {near}?")
    return card
