"""What the values of every channel are, one line each, on one common axis: a channel that is dead is seen at once."""

from __future__ import annotations

import math

from inspector.format import number, plural, share
from inspector.run_schema import Picture
from inspector.tui.detail.page import Page, Piece

_LONGEST = 40
"""Cells of the axis."""

Channel = tuple[float, float, float, float, float]
"""Minimum, mean, maximum, standard deviation, share of zeros."""


def write_channels(page: Page, picture: Picture, noun: str) -> None:
    """A table of all channels that were measured, the chosen one marked."""
    measured = picture.per_channel
    if len(measured) < 2:
        return
    finite = [channel for channel in measured if math.isfinite(channel[0]) and math.isfinite(channel[2])]
    low = min((channel[0] for channel in finite), default=0.0)
    high = max((channel[2] for channel in finite), default=0.0)
    page.heading(f"{plural(picture.channels, noun)}, each from {number(low)} to {number(high)}")
    digits = len(str(len(measured) - 1))
    taken = digits + 32
    axis = min(page.width - taken, _LONGEST)
    page.line((f"{'':{digits + 2}} {'mean ± std':>21}  {'zeros':>5}  ", page.palette.dim))
    chosen = picture.index[-1] if picture.index else -1
    for at, channel in enumerate(measured):
        head = (f"{'▸' if at == chosen else ' '} {at:>{digits}} ", page.palette.dim)
        page.line(head, *_words(page, channel, strong=at == chosen), *_bar(page, channel, low, high, axis))
    if len(measured) < picture.channels:
        page.line((f"and {picture.channels - len(measured):,} more", page.palette.dim))


def _words(page: Page, channel: Channel, *, strong: bool) -> list[Piece]:
    minimum, mean, maximum, std, zeros = channel
    style = page.palette.strong if strong else page.palette.base
    if not (math.isfinite(minimum) and math.isfinite(maximum)):
        return [(f"{'nothing finite':>21}", page.palette.error)]
    if zeros == 1:
        return [(f"{'all zeros':>21}", page.palette.warning)]
    if minimum == maximum:
        return [(f"{'every value is ' + number(mean):>21}", style), _zeros(page, zeros)]
    return [(f"{number(mean) + ' ± ' + f'{std:.3g}':>21}", style), _zeros(page, zeros)]


def _zeros(page: Page, part: float) -> Piece:
    percent = share(round(part * 1e6), 1_000_000)
    return (f"  {percent + '%' if percent else '-':>5}", page.palette.dim)


def _bar(page: Page, channel: Channel, low: float, high: float, width: int) -> list[Piece]:
    """From minimum to maximum thin, a standard deviation around the mean thick, the mean a stroke."""
    minimum, mean, maximum, std, zeros = channel
    if width < 10 or not low < high or zeros == 1 or not all(map(math.isfinite, channel)):
        return []

    def cell(value: float) -> int:
        place = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: a difference of large floats overflows
        return min(max(int(place * width), 0), width - 1)

    first, last = cell(minimum), cell(maximum)
    left, right, middle = max(cell(mean - std), first), min(cell(mean + std), last), cell(mean)
    cells = [" "] * width
    cells[first : last + 1] = "─" * (last + 1 - first)
    cells[left : right + 1] = "━" * (right + 1 - left)
    cells[middle] = "┃"
    return [("  " + "".join(cells).rstrip(), page.palette.accent)]
