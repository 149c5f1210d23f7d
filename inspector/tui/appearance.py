"""How the window is to look and behave, as far as the configuration decides it."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.tui.palette import Palette


@dataclass(frozen=True)
class Appearance:
    """How the window is to look and behave."""

    palette: Palette
    theme: str = "ansi-dark"
    ascii_only: bool = False
    watch: bool = True
    keymap: tuple[tuple[str, str], ...] = ()
    """(id of the key's action, keys) from the configuration."""
