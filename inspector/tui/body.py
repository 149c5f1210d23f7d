"""The screen with the panes, below whatever lies over it."""

from __future__ import annotations

from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget


class Body(Screen[object]):
    """A screen that is not written anew when another of its panes gets the keys."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
