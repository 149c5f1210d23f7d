"""What --card prints: of a class of torch.nn without torch, of a module of a model with its own numbers."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import TYPE_CHECKING

from inspector import loss_labels, own_class
from inspector.card_flow import flow_of, registered
from inspector.cards import CARDS, card_of
from inspector.cards.card import Card
from inspector.cards.explaining import Explained, explain, explain_module, with_tryout
from inspector.outcome import Outcome

if TYPE_CHECKING:
    from inspector.reports.card_text import Sheet


class NoSuchCardError(Exception):
    """There is nothing of that name to explain; the message says what there is."""


def text(options: argparse.Namespace, outcome: Outcome | None, width: int, *, ascii_only: bool = False) -> str:
    """The card in the form that was asked for; empty when the load failed, which has been told already.

    Raises NoSuchCardError for a class that torch.nn does not have, and for a path that the model does not have.
    """
    from inspector.reports import card_text

    sheet = card_text.Sheet(card_text.form_of(options), width, ascii_only)
    if outcome is None:
        return card_text.write(explain(_card(options.card)), sheet)
    if outcome.described is None:
        return _of_class(options.card, outcome, sheet)
    rows, described = outcome.run_rows(), outcome.described
    flow = flow_of(rows, described.row) if rows is not None else None
    table = outcome.table()
    assert table is not None  # a described module has a row
    explained = explain_module(described.detail, flow, registered(table, described.row, outcome.measured))
    if explained is None:
        own = own_class.of(table, rows, described.row, described.detail)
        return card_text.of_own_class(options.card, described.detail, own, sheet)
    explained = _with_loss(explained, outcome)
    return card_text.write(explained, sheet, card_text.Layer(options.card, described.detail, flow, outcome.flow_stats))


def _of_class(name: str, outcome: Outcome, sheet: Sheet) -> str:
    """What is no module of the model: of a loss the card of its class, tried on the output."""
    from inspector.reports import card_text

    if outcome.failure is not None:
        return ""
    if outcome.loss is None:
        raise NoSuchCardError("the model has no module of that path; --tree lists them")
    return card_text.write(_with_loss(explain(_card(name)), outcome), sheet)


def _with_loss(explained: Explained, outcome: Outcome) -> Explained:
    trial = outcome.loss
    return explained if trial is None else with_tryout(explained, loss_labels.TITLE, loss_labels.lines(trial))


def _card(name: str) -> Card:
    card = card_of(name)
    if card is None:
        near = ", ".join(get_close_matches(name, CARDS, 3)) or "Linear, Conv2d"
        raise NoSuchCardError(f"torch.nn has no such class; did you mean {near}?")
    return card
