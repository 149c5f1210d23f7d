"""Arguments that are on or off."""

from __future__ import annotations

from typing import Any

from inspector.cards.arithmetic import is_known


def is_on(value: Any) -> bool:
    """Whether a switch is on; one that nobody knows is taken to be off, as most are by default."""
    return is_known(value) and bool(value)
