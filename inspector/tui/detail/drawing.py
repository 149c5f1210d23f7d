"""A picture as lines of styled text: two pixels a cell in colours, one pixel two cells wide in characters.

A pixel is square either way, because a cell is about twice as high as wide.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style

from inspector.format import number
from inspector.run_schema import Picture
from inspector.tui.detail import shading
from inspector.tui.detail.page import Piece
from inspector.tui.palette import Palette

_LARGEST = 6
"""Pixels of the screen for each side of one pixel of a small picture."""
_THINNEST = 4
"""Pixels of the screen that a picture of one line is high, or one of one column wide."""


class Sheet(NamedTuple):
    """What there is to draw on."""

    columns: int
    rows: int
    """Cells."""
    colours: bool
    """Whether there are 256 colours and half blocks."""

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width in square pixels."""
        return (2 * self.rows, self.columns) if self.colours else (self.rows, self.columns // 2)

    def fit(self, height: int, width: int) -> tuple[int, int]:
        """The height and width in which to ask for a slice of that size: its proportions kept, unless it is a thread.

        A slice is never asked for larger than it is.
        """
        most_high, most_wide = self.pixels
        scale = min(most_high / max(height, 1), most_wide / max(width, 1), 1.0)
        thread = min(2 * _THINNEST, most_high, most_wide)
        high = max(round(height * scale), min(height, thread), 1)
        wide = max(round(width * scale), min(width, thread), 1)
        return min(high, most_high), min(wide, most_wide)


class Drawing(NamedTuple):
    """A picture as it stands on the screen."""

    lines: list[list[Piece]]
    width: int
    """Cells of each of the lines."""


def draw(picture: Picture, sheet: Sheet, palette: Palette) -> Drawing:
    """The pixels, each as large as the sheet allows, within reason; what has no room is cut off."""
    grid = _enlarged(picture, sheet)
    if not grid or not grid[0]:
        return Drawing([], 0)
    if not sheet.colours:
        lines = [_in_characters(row, palette) for row in grid]
        return Drawing(lines, 2 * len(grid[0]))
    colours = shading.colours_for(picture.minimum, picture.maximum)
    lines = [_in_colours(upper, lower, colours) for upper, lower in zip(grid[::2], grid[1::2], strict=False)]
    if len(grid) % 2:
        lines.append(_in_upper_halves(grid[-1], colours, palette))
    return Drawing(lines, len(grid[0]))


def _enlarged(picture: Picture, sheet: Sheet) -> list[bytes]:
    """The rows of pixels of the screen."""
    most_high, most_wide = sheet.pixels
    height, width = picture.height, picture.width
    if not height or not width:
        return []
    times = max(min(most_high // height, most_wide // width, _LARGEST), 1)
    down = max(times, min(_THINNEST, most_high)) if height == 1 else times
    across = max(times, min(_THINNEST, most_wide)) if width == 1 else times
    grid = []
    for y in range(height):
        row = picture.pixels[y * width : (y + 1) * width]
        wide = row if across == 1 else bytes(pixel for pixel in row for _ in range(across))
        grid += [wide[:most_wide]] * down
    return grid[:most_high]


def _in_characters(row: bytes, palette: Palette) -> list[Piece]:
    pieces: list[Piece] = []
    for pixel in row:
        style = palette.alarm if pixel == shading.NOT_FINITE else palette.base
        _append(pieces, shading.character_for(pixel) * 2, style)
    return pieces


def _in_colours(upper: bytes, lower: bytes, colours: tuple[int, ...]) -> list[Piece]:
    """One line of cells."""
    pieces: list[Piece] = []
    for above, below in zip(upper, lower, strict=True):
        if shading.NOT_FINITE in (above, below):
            _append(pieces, shading.NOT_FINITE_MARK, shading.ground(colours[shading.NOT_FINITE]))
        elif colours[above] == colours[below]:
            _append(pieces, " ", shading.ground(colours[above]))
        else:
            _append(pieces, "▀", shading.half_block(colours[above], colours[below]))
    return pieces


def _in_upper_halves(row: bytes, colours: tuple[int, ...], palette: Palette) -> list[Piece]:
    """The last line of an odd number of rows: nothing stands below."""
    pieces: list[Piece] = []
    for pixel in row:
        mark = shading.NOT_FINITE_MARK if pixel == shading.NOT_FINITE else "▀"
        _append(pieces, mark, shading.half_block_on(colours[pixel], palette.base))
    return pieces


def _append(pieces: list[Piece], text: str, style: Style) -> None:
    if pieces and pieces[-1][1] is style:
        pieces[-1] = (pieces[-1][0] + text, style)
    else:
        pieces.append((text, style))


def scale(picture: Picture, width: int, palette: Palette, *, colours: bool) -> list[Piece]:
    """What the brightness means: minimum, the colours in between, maximum."""
    if picture.minimum is None or picture.maximum is None:
        return []
    if picture.minimum == picture.maximum:
        return [(f"every value is {number(picture.minimum)}", palette.base)]
    left, right = f"{number(picture.minimum)} ", f" {number(picture.maximum)}"
    room = max(min(width - len(left) - len(right), 40), 8)
    steps = [shading.LAST * at // (room - 1) for at in range(room)]
    pieces: list[Piece] = [(left, palette.base)]
    table = shading.colours_for(picture.minimum, picture.maximum)
    for pixel in steps:
        if colours:
            _append(pieces, " ", shading.ground(table[pixel]))
        else:
            _append(pieces, shading.character_for(pixel), palette.base)
    return [*pieces, (right, palette.base)]
