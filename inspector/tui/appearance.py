"""How the window is to look and behave, as far as the configuration decides it."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.tui.palette import Palette

NARROW = 100
"""Below this many columns the detail pane covers the tree instead of standing beside it."""
WIDE = 180
"""From this many columns on the source stands in a third pane."""

PANES = """
Screen { layout: vertical; overflow: hidden; }
#body { height: 1fr; }
#detail { width: 40%; }
#source { width: 34%; }
#source, #source-divider { display: none; }
.wide #detail { width: 30%; }
.wide #source, .wide #source-divider { display: block; }
.alone #detail { width: 100%; }
.tracing #tree { display: none; }
.tracing #trace { display: block; }
.alone #tree, .alone #trace, .alone #divider, .narrow #divider { display: none; }
.narrow #detail { display: none; width: 100%; }
.narrow.detail-open #detail { display: block; }
.narrow.detail-open #tree, .narrow.detail-open #trace { display: none; }
"""
"""Where the panes stand, by the classes of the screen."""


@dataclass(frozen=True)
class Appearance:
    """How the window is to look and behave."""

    palette: Palette
    theme: str = "ansi-dark"
    ascii_only: bool = False
    watch: bool = True
    keymap: tuple[tuple[str, str], ...] = ()
    """(id of the key's action, keys) from the configuration."""
    depth: int | None = None
    """Levels below the root that a model is opened to at first; None is as many as fit."""
    filter_words: str = ""
    """What the tree is narrowed to at first."""
