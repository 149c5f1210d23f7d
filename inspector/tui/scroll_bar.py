"""Where in a long list a screen is: one cell at the right of each of its lines."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from inspector.tui.palette import Palette


def scroll_bar(height: int, top: int, total: int, palette: Palette, *, ascii_only: bool) -> list[Strip]:
    """A strip for each of `height` lines, the first of which holds titles; blank when everything is on the screen.

    `top` is the index of the first line shown of `total`.
    """
    track = height - 1
    blank = Strip.blank(1, palette.base)
    if total <= track:
        return [blank] * height
    length = max(track * track // total, 1)
    start = 1 + (track - length) * top // (total - track)
    filled = Strip([Segment("#" if ascii_only else "▐", palette.dim)], 1)
    return [filled if start <= y < start + length else blank for y in range(height)]
