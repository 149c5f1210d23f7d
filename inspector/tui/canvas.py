"""A widget made of lines that writes only the cells that changed: over SSH every byte of a key press counts.

Textual repaints whole regions; what is drawn here is compared with what stands on the screen first. Lines come as
Strips that are ready to be written, without a stylesheet between them and the terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from inspector.format import to_ascii
from inspector.tui.palette import Palette

if TYPE_CHECKING:
    from typing_extensions import Self


class Line:
    """Text being put together for one line of the screen."""

    __slots__ = ("segments", "width")

    def __init__(self) -> None:
        self.segments: list[tuple[str, Style]] = []
        self.width = 0

    def add(self, text: str, style: Style) -> Line:
        """Append text that holds no control characters."""
        if text:
            self.segments.append((text, style))
            self.width += len(text) if text.isascii() else cell_len(text)
        return self

    def pad(self, column: int, style: Style) -> Line:
        """Fill with blanks up to a column."""
        if column > self.width:
            self.add(" " * (column - self.width), style)
        return self

    def strip(self, width: int, palette: Palette, *, style: Style | None = None, ascii_only: bool = False) -> Strip:
        """The finished line, exactly `width` cells wide; in one style when `style` is given."""
        self.pad(width, palette.base)
        if style is not None:
            pieces = [Segment("".join(text for text, _ in self.segments), style)]
        else:
            pieces = [Segment(text, style) for text, style in self._merged()]
        if ascii_only:
            pieces = [Segment(to_ascii(text), style) for text, style, _ in pieces]
        strip = Strip(pieces, self.width)
        return strip if self.width == width else strip.crop(0, width)

    def _merged(self) -> list[tuple[str, Style]]:
        """Neighbours of one style as one piece: each piece costs an escape sequence."""
        merged: list[tuple[str, Style]] = []
        for text, style in self.segments:
            if merged and (merged[-1][1] is style or (text.isspace() and _blank_alike(merged[-1][1], style))):
                merged[-1] = (merged[-1][0] + text, merged[-1][1])
            else:
                merged.append((text, style))
        return merged


@lru_cache(256)
def _blank_alike(first: Style, second: Style) -> bool:
    """Whether a blank looks the same in both styles."""
    return (
        first.bgcolor == second.bgcolor
        and not (first.underline or second.underline)
        and not (first.reverse or second.reverse)
    )


class Canvas(Widget):
    """Lines of ready-made cells; subclasses say what stands there and call `paint`."""

    DEFAULT_CSS = "Canvas { width: 1fr; height: 1; }"
    ALLOW_SELECT = False

    def __init__(self, palette: Palette, *, ascii_only: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.palette = palette
        self.ascii_only = ascii_only
        self.touched: Callable[[], None] | None = None
        """Called with every key, click and turn of the wheel here."""
        self._painted: list[Strip] = []

    def on_key(self) -> None:
        if self.touched is not None:
            self.touched()

    def on_mouse_down(self) -> None:
        self.on_key()

    def on_mouse_scroll_down(self) -> None:
        self.on_key()

    def on_mouse_scroll_up(self) -> None:
        self.on_key()

    def lines(self) -> list[Strip]:
        """What should stand on the screen now: as many Strips as the widget is high, each as wide as it is."""
        raise NotImplementedError

    def paint(self) -> None:
        """Bring the screen up to date with `lines()`, touching only what differs from what stands there."""
        if not self.size.width or not self.size.height:
            return
        before, self._painted = self._painted, self.lines()
        if len(before) != len(self._painted) or (before and before[0].cell_length != self.size.width):
            self._repaint()
            return
        regions = []
        for y, (old, new) in enumerate(zip(before, self._painted, strict=True)):
            if old is not new and (span := difference(old, new)) is not None:
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            super().refresh(*regions)

    def on_resize(self) -> None:
        self._painted = self.lines()
        self._repaint()

    def _repaint(self) -> None:
        super().refresh()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """What Textual would repaint without being asked, with every change of focus, is painted already."""
        return super().refresh(*regions, layout=layout, recompose=recompose) if regions or layout else self

    def render_lines(self, crop: Region) -> list[Strip]:
        if len(self._painted) != self.size.height or any(s.cell_length != self.size.width for s in self._painted[:1]):
            self._painted = self.lines()
        rows = self._painted[crop.y : crop.bottom]
        if crop.x == 0 and crop.width == self.size.width:
            return rows
        return [row.crop(crop.x, crop.right) for row in rows]


_Cell = tuple[str, Style | None]


def _cells(strip: Strip) -> list[_Cell]:
    """One entry for each cell of a line; the second cell of a wide character holds no text."""
    cells: list[_Cell] = []
    for text, style, _ in strip:
        if text.isascii():
            cells.extend([(character, style) for character in text])
            continue
        for character in text:
            width = cell_len(character)
            if width == 0 and cells:  # a combining mark belongs to the cell before it
                cells[-1] = (cells[-1][0] + character, style)
            else:
                cells.append((character, style))
                cells.extend([("", style)] * (width - 1))
    return cells


def difference(old: Strip, new: Strip) -> tuple[int, int] | None:
    """The cells (from, to) in which two lines of the same width differ, as one span; None when they look the same."""
    before, after = _cells(old), _cells(new)
    width = len(after)
    if len(before) != width:
        return 0, new.cell_length
    left = next((at for at in range(width) if before[at] != after[at]), None)
    if left is None:
        return None
    right = next(at for at in range(width, left, -1) if before[at - 1] != after[at - 1])
    # Never between the halves of a wide character, old or new.
    while left and not (before[left][0] and after[left][0]):
        left -= 1
    while right < width and not (before[right][0] and after[right][0]):
        right += 1
    return left, right
