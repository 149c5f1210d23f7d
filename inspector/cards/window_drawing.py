"""A window over its input in characters: what a convolution or pooling reads for one output, and for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.figures import plural


class Signs(NamedTuple):
    """What stands for what."""

    first: str
    second: str
    both: str
    value: str
    padding: str
    more: str


UNICODE = Signs("■", "□", "▣", "·", "░", "…")
ASCII = Signs("#", "o", "@", ".", ":", ">")


class Window(NamedTuple):
    """The arguments of a sliding window, one number for each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """How many places lie between the first and the last that is read, both counted."""
        return tuple(dilation * (kernel - 1) + 1 for kernel, dilation in zip(self.kernel, self.dilation, strict=True))


def draw_window(
    window: Window, sizes: Sequence[int], width: int, height: int, *, ascii_only: bool = False
) -> tuple[str, ...]:
    """The corner of the input where the window begins, in at most `height` lines of `width`, with what the signs mean.

    Of more than two axes the last two are drawn. Raises ValueError when the window is larger than the padded input.
    """
    signs = ASCII if ascii_only else UNICODE
    padded = [size + 2 * padding for size, padding in zip(sizes, window.padding, strict=True)]
    for size, reach in zip(padded, window.reach, strict=True):
        if reach > size:
            raise ValueError(f"the window reaches over {reach} places, the padded input has {size}")
    legend = _wrapped(_legend(window, sizes, padded, signs, ascii_only), width)
    room = max(height - len(legend), 1)
    rows = _sequence(window, sizes, signs, width, room) if len(sizes) == 1 else _grid(window, sizes, signs, width, room)
    return tuple(line[:width].rstrip() for line in (*rows, *legend))


def _wrapped(words: Sequence[str], width: int) -> list[str]:
    lines = [words[0]]
    for each in words[1:]:
        together = f"{lines[-1]}   {each}"
        if len(together) <= width:
            lines[-1] = together
        else:
            lines.append(each)
    return lines


def _grid(window: Window, sizes: Sequence[int], signs: Signs, width: int, height: int) -> list[str]:
    """The last two axes: the first window, and the one a step to the right of it (below it, if there is none)."""
    last = _last(window, 2)
    rows, columns = (size + 2 * padding for size, padding in zip(sizes[-2:], last.padding, strict=True))
    starts = [(0, 0), *_next(last, (rows, columns))]
    read = [_places(last, start) for start in starts]
    shown = min(columns, max((width - 1) // 2, 1)) if 2 * columns - 1 > width else columns
    lines = []
    for row in range(min(rows, height)):
        cells = [_sign(row, column, read, sizes[-2:], last.padding, signs) for column in range(shown)]
        lines.append(" ".join([*cells, signs.more] if shown < columns else cells))
    if rows > height:
        lines[-1] = signs.more
    return lines


def _sequence(window: Window, sizes: Sequence[int], signs: Signs, width: int, height: int) -> list[str]:
    """One axis: the input, and below it one line for each place of the window, as many as fit."""
    (size,), (padding,) = sizes, window.padding
    (kernel,), (stride,), (dilation,), (reach,) = window.kernel, window.stride, window.dilation, window.reach
    total = size + 2 * padding
    line = signs.padding * padding + signs.value * size + signs.padding * padding
    lines = [line if total <= width else line[: width - 1] + signs.more]
    for start in range(0, total - reach + 1, stride):
        if len(lines) == height:
            break
        taps = [" "] * (start + reach)
        for tap in range(kernel):
            taps[start + tap * dilation] = signs.first
        text = "".join(taps)
        if len(text) > width:
            break
        lines.append(text)
    return lines


def _last(window: Window, axes: int) -> Window:
    return Window(*(numbers[-axes:] for numbers in window))


def _next(window: Window, padded: tuple[int, int]) -> list[tuple[int, int]]:
    """Where the second window begins, if there is one."""
    if window.stride[1] + window.reach[1] <= padded[1]:
        return [(0, window.stride[1])]
    if window.stride[0] + window.reach[0] <= padded[0]:
        return [(window.stride[0], 0)]
    return []


def _places(window: Window, start: tuple[int, int]) -> set[tuple[int, int]]:
    rows = range(start[0], start[0] + window.reach[0], window.dilation[0])
    columns = range(start[1], start[1] + window.reach[1], window.dilation[1])
    return {(row, column) for row in rows for column in columns}


def _sign(
    row: int,
    column: int,
    read: Sequence[set[tuple[int, int]]],
    sizes: Sequence[int],
    padding: Sequence[int],
    signs: Signs,
) -> str:
    by = [index for index, places in enumerate(read) if (row, column) in places]
    if by:
        return signs.both if len(by) == 2 else (signs.first, signs.second)[by[0]]
    inside = 0 <= row - padding[0] < sizes[0] and 0 <= column - padding[1] < sizes[1]
    return signs.value if inside else signs.padding


def _legend(window: Window, sizes: Sequence[int], padded: Sequence[int], signs: Signs, ascii_only: bool) -> list[str]:
    times = "x" if ascii_only else "×"
    reads = f"{signs.first} read for one output: {times.join(map(str, window.kernel))}"
    if len(sizes) == 1:
        words = [reads]
    else:
        last = _last(window, 2)
        second = _next(last, (padded[-2], padded[-1]))
        words = [reads, f"{signs.second} for the next"] if second else [f"{reads}, the only one"]
        if second and _places(last, (0, 0)) & _places(last, second[0]):
            words.append(f"{signs.both} for both")
    words.append(f"{signs.value} input")
    if any(window.padding):
        words.append(f"{signs.padding} padding")
    if len(sizes) > 2:
        words.append(f"the last 2 of {plural(len(sizes), 'axis', 'axes')} are drawn")
    return words
