"""Pictures in characters: the curve of an activation above the values that it got, a window over its input.

A drawing is lines of equal width with, for every cell, what stands in it, so that a front end can colour them; the
lines alone say everything too. Braille has eight dots a cell; where only ASCII may be written there is one sign a cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

Function = Callable[[float], float]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a Braille sign, by row and column."""
_BLANK = 0x2800
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_SHADES = " .:-=+*#"
_BISECTIONS = 30


class Drawing(NamedTuple):
    """Lines, and under the same places what stands there."""

    lines: tuple[str, ...]
    kinds: tuple[str, ...]
    """One letter a cell: f the function, d its derivative, b both, a an axis, l a label, h the histogram; a blank."""


class Counts(NamedTuple):
    """Measured values as a histogram: counts in equal bins from minimum to maximum."""

    minimum: float
    maximum: float
    bins: Sequence[int]


def draw_curve(
    function: Function,
    slope: Function,
    interval: tuple[float, float],
    width: int,
    height: int,
    *,
    counts: Counts | None = None,
    ascii_only: bool = False,
) -> Drawing:
    """A function and, dotted, its derivative over an interval; under it how the values that came in lie there.

    `height` is that of the plot: a line of numbers comes below it, and of `counts` three more. Raises ValueError when
    there is no room.
    """
    if width < 12 or height < 2:
        raise ValueError("a curve needs at least 12 × 2 cells")
    low, high = interval
    bottom, top = _range(function, slope, interval, width)
    labels = _labels(bottom, top, height)
    margin = max(map(len, labels)) + 1
    plot = _Plot(width - margin, height, interval, (bottom, top), ascii_only)
    plot.axes()
    plot.curve(slope, dotted=True)
    plot.curve(function, dotted=False)
    rows = [
        (f"{label:>{margin - 1}} {text}", f"{'l' * len(label):>{margin - 1}} {kinds}")
        for label, (text, kinds) in zip(labels, plot.rows(), strict=True)
    ]
    rows.append(_numbers_below(low, high, plot.width, margin))
    if counts is not None:
        rows += _histogram(counts, interval, plot.width, margin, ascii_only)
    return Drawing(tuple(text for text, _ in rows), tuple(kinds for _, kinds in rows))


def _range(function: Function, slope: Function, interval: tuple[float, float], width: int) -> tuple[float, float]:
    """From the lowest to the highest value of both, zero within."""
    low, high = interval
    places = [low + (high - low) * index / (2 * width) for index in range(2 * width + 1)]
    values = [each(place) for each in (function, slope) for place in places]
    finite = [value for value in values if math.isfinite(value)]
    bottom, top = min(0.0, *finite), max(0.0, *finite)
    return (bottom, top) if top > bottom else (bottom, bottom + 1.0)


def _labels(bottom: float, top: float, height: int) -> list[str]:
    labels = [""] * height
    labels[0], labels[-1] = f"{top:.3g}", f"{bottom:.3g}"
    zero = _zero_row(bottom, top, height)
    labels[zero] = labels[zero] or "0"
    return labels


def _zero_row(bottom: float, top: float, height: int) -> int:
    return min(int((top / (top - bottom)) * height), height - 1)


class _Plot:
    """Dots on their way to cells."""

    def __init__(
        self,
        width: int,
        height: int,
        across: tuple[float, float],
        upward: tuple[float, float],
        ascii_only: bool,
    ) -> None:
        self.width, self.height = width, height
        self._low, self._high = across
        self._bottom, self._top = upward
        self._ascii = ascii_only
        self._columns, self._levels = (width, height) if ascii_only else (2 * width, 4 * height)
        self._dots: dict[tuple[int, int], set[str]] = {}
        """Which of the two curves have a dot, by row and column of dots."""
        self._axes: dict[tuple[int, int], str] = {}
        """By row and column of cells."""

    def axes(self) -> None:
        """The two axes, where zero is within."""
        across, up, cross = ("-", "|", "+") if self._ascii else ("─", "│", "┼")
        zero = _zero_row(self._bottom, self._top, self.height)
        self._axes.update({(zero, column): across for column in range(self.width)})
        if self._low <= 0 <= self._high:
            middle = min(int(-self._low / (self._high - self._low) * self.width), self.width - 1)
            self._axes.update({(row, middle): up for row in range(self.height)})
            self._axes[zero, middle] = cross

    def curve(self, function: Function, dotted: bool) -> None:
        """One dot in every column and, unless dotted, what connects it with the one before; nothing over a jump."""
        kind = "d" if dotted else "f"
        before: tuple[float, int] | None = None
        for column in range(self._columns):
            place = self._place(column)
            level = self._level(function(place))
            if level is None:
                before = None
                continue
            if not dotted or column % 2 == 0:
                self._dots.setdefault((level, column), set()).add(kind)
            if not dotted and before is not None and not _jumps(function, before[0], place):
                self._connect(before[1], level, column, kind)
            before = place, level

    def _connect(self, start: int, end: int, column: int, kind: str) -> None:
        step = 1 if end > start else -1
        for level in range(start + step, end, step):
            self._dots.setdefault((level, column), set()).add(kind)

    def _place(self, column: int) -> float:
        return self._low + (self._high - self._low) * (column + 0.5) / self._columns

    def _level(self, value: float) -> int | None:
        if not math.isfinite(value):
            return None
        level = int((self._top - value) / (self._top - self._bottom) * self._levels)
        return min(max(level, 0), self._levels - 1)

    def rows(self) -> list[tuple[str, str]]:
        """Text and kinds of every row of cells."""
        cells = [[self._cell(row, column) for column in range(self.width)] for row in range(self.height)]
        return [("".join(text for text, _ in row), "".join(kind for _, kind in row)) for row in cells]

    def _cell(self, row: int, column: int) -> tuple[str, str]:
        bits, kinds = 0, set[str]()
        if self._ascii:
            kinds = self._dots.get((row, column), kinds)
        else:
            for down, across in ((down, across) for down in range(4) for across in range(2)):
                if found := self._dots.get((4 * row + down, 2 * column + across)):
                    bits |= _DOTS[down][across]
                    kinds = kinds | found
        if not kinds:
            axis = self._axes.get((row, column), "")
            return (axis, "a") if axis else (" ", " ")
        kind = "b" if len(kinds) == 2 else kinds.pop()
        if self._ascii:
            return {"f": "*", "d": ":", "b": "*"}[kind], kind
        return chr(_BLANK + bits), kind


def _jumps(function: Function, start: float, end: float) -> bool:
    """Whether the function is broken between two places: halving the way over and over does not close the gap."""
    first, last = function(start), function(end)
    gap = abs(last - first)
    if not gap:
        return False
    for _ in range(_BISECTIONS):
        middle = (start + end) / 2
        value = function(middle)
        if abs(value - first) >= abs(last - value):
            end, last = middle, value
        else:
            start, first = middle, value
    return not abs(last - first) < gap / 2


def _numbers_below(low: float, high: float, width: int, margin: int) -> tuple[str, str]:
    left, right = f"{low:.3g}", f"{high:.3g}"
    signs = [*left, *" " * (width - len(left) - len(right)), *right]
    middle = min(int(-low / (high - low) * width), width - 1) if low < 0 < high else -1
    if middle >= 0 and all(sign == " " for sign in signs[middle - 1 : middle + 2]):
        signs[middle] = "0"
    text = " " * margin + "".join(signs)
    return text, "".join(" " if sign == " " else "l" for sign in text)


# --- what came in -----------------------------------------------------------------------------------------------------


def _histogram(
    counts: Counts, interval: tuple[float, float], width: int, margin: int, ascii_only: bool
) -> list[tuple[str, str]]:
    """Two lines of bars (ASCII: one of shades) under the places of the plot, and one that says how many are there."""
    bars, outside = _rebinned(counts, interval, width)
    highest = max(bars, default=0.0)
    lines = _bars(bars, highest, ascii_only)
    rows = [
        (" " * margin + line, " " * margin + "".join(" " if sign == " " else "h" for sign in line)) for line in lines
    ]
    words = next((each for each in _said(counts, outside) if len(each) <= margin + width), "").ljust(margin + width)
    return [*rows, (words, "".join(" " if sign == " " else "l" for sign in words))]


def _bars(bars: Sequence[float], highest: float, ascii_only: bool) -> list[str]:
    if ascii_only:
        top = len(_SHADES) - 1
        return ["".join(_SHADES[_step(bar, highest, top)] for bar in bars)]
    steps = [_step(bar, highest, 16) for bar in bars]
    return [
        "".join(_EIGHTHS[max(step - 8, 0)] for step in steps),
        "".join(_EIGHTHS[min(step, 8)] for step in steps),
    ]


def _step(bar: float, highest: float, steps: int) -> int:
    """Never nothing for something."""
    return max(1, round(steps * bar / highest)) if bar > 0 else 0


def _rebinned(counts: Counts, interval: tuple[float, float], width: int) -> tuple[list[float], tuple[float, float]]:
    """The counts under every column, a bin over several of them in equal parts; and the counts below and above."""
    low, high = interval
    bars, below, above = [0.0] * width, 0.0, 0.0
    step = (counts.maximum - counts.minimum) / max(len(counts.bins), 1)
    for index, count in enumerate(counts.bins):
        start = (counts.minimum + index * step - low) / (high - low) * width
        end = start + step / (high - low) * width
        if end <= start:  # All values are one.
            below, above = below + count * (start < 0), above + count * (start > width)
            if 0 <= start <= width:
                bars[min(int(start), width - 1)] += count
            continue
        below += count * max(0.0, min(end, 0) - start) / (end - start)
        above += count * max(0.0, end - max(start, width)) / (end - start)
        for column in range(max(math.floor(start), 0), min(math.ceil(end), width)):
            bars[column] += count * (min(end, column + 1) - max(start, column)) / (end - start)
    return bars, (below, above)


def _said(counts: Counts, outside: tuple[float, float]) -> list[str]:
    """How many values there are, from where to where, and how many of them are not drawn; then the same in short."""
    total = sum(counts.bins)
    words = f"{total:,} from {counts.minimum:.3g} to {counts.maximum:.3g}"
    parts = [
        f"{count / total:.0%} {side}"
        for count, side in zip(outside, ("left of it", "right of it"), strict=True)
        if total and count / total >= 0.005
    ]
    return [", ".join([f"inputs: {words}", *parts]), words, f"{total:,}"]
