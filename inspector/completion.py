"""What a shell needs to complete the command line, written by shtab from the options there are."""

from __future__ import annotations

import argparse

import shtab

from inspector.cards import CARDS
from inspector.catalogue import CATALOGUE
from inspector.options import parser

_FILES = ("target", "config", "checkpoint", "log")
_WORDS: dict[str, tuple[str, ...]] = {
    "device": ("cpu", "cuda", "meta"),
    "card": tuple(CARDS),
    "explain": tuple(CATALOGUE),
    "ignore": tuple(CATALOGUE),
}
"""Beginnings that are worth a key; other words are as good."""


def script(shell: str) -> str:
    """The script for one of `options.SHELLS`."""
    options = parser()
    for action in options._actions:
        _say_what_fits(action)
    return str(shtab.complete(options, shell))


def _say_what_fits(action: argparse.Action) -> None:
    if action.dest in _FILES:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif action.dest in _WORDS:
        action.choices = _WORDS[action.dest]
