"""A feature map, a kernel, a weight as a picture: which slice it is, its values as brightness, and what they are."""

from __future__ import annotations

from typing import NamedTuple

from inspector.format import plural, shape
from inspector.run_schema import Picture
from inspector.tui.detail.channel_table import write_channels
from inspector.tui.detail.drawing import Sheet, draw, scale
from inspector.tui.detail.page import Page, Piece
from inspector.tui.detail.stats_page import write_stats

VALUE_AXES = ("sample", "channel", "slice", "row")
"""What the leading dimensions of what flows through a model mostly are."""
WEIGHT_AXES = ("filter", "input", "slice", "row")
"""Of a weight: the outputs that it makes, the inputs that it takes."""
_FACTS = 30
"""Cells that the facts take beside a picture."""
_GAP = 3


class Look(NamedTuple):
    """How a picture is to be drawn."""

    rows: int
    """Cells that it may be high."""
    colours: bool
    """Whether there are 256 colours and half blocks."""
    axes: tuple[str, ...] = VALUE_AXES
    """What the chosen indices count."""


def sheet_of(page_width: int, look: Look) -> Sheet:
    """What there is to draw on, on a page of that width."""
    return Sheet(page_width, look.rows, look.colours)


def write_picture(page: Page, picture: Picture, look: Look) -> None:
    """Everything about one slice."""
    page.line(*slice_line(page, picture, look.axes))
    page.line()
    if not picture.stats.elements:
        page.prose(f"Nothing to draw: {_shape(picture)} has no elements.", page.palette.dim)
        return
    drawing = draw(picture, sheet_of(page.width, look), page.palette)
    beside = drawing.width + _GAP + _FACTS <= page.width
    facts = Page(page.width - drawing.width - _GAP if beside else page.width, page.palette)
    _write_facts(facts, picture)
    if beside:
        write_beside(page, [*drawing.lines, *_scale_lines(page, picture, look, drawing.width)], facts.lines)
    else:
        page.lines += [*drawing.lines, *_scale_lines(page, picture, look, page.width), [], *facts.lines]
    write_channels(page, picture, axis_name(look.axes, len(picture.index) - 1))
    if picture.numbers and not _is_matrix(facts, picture):
        _write_numbers(page, picture)


def slice_line(page: Page, picture: Picture, axes: tuple[str, ...]) -> list[Piece]:
    """`sample 0 of 2 · channel 3 of 64   28×28`"""
    pieces: list[Piece] = []
    for at, (chosen, size) in enumerate(zip(picture.index, picture.shape, strict=False)):
        pieces.append((f"{' · ' if pieces else ''}{axis_name(axes, at)} ", page.palette.base))
        pieces.append((f"{chosen}", page.palette.strong))
        pieces.append((f" of {size:,}", page.palette.base))
    if pieces:
        pieces.append((f"   {shape(picture.shape[len(picture.index) :])} of ", page.palette.dim))
    return [*pieces, (f"{_shape(picture)} {picture.dtype}", page.palette.dim)]


def axis_name(axes: tuple[str, ...], at: int) -> str:
    """What an index counts."""
    return axes[at] if 0 <= at < len(axes) else "index"


def _shape(picture: Picture) -> str:
    return shape(picture.shape)


def _scale_lines(page: Page, picture: Picture, look: Look, width: int) -> list[list[Piece]]:
    pieces = scale(picture, max(width, _FACTS), page.palette, colours=look.colours)
    return [pieces] if pieces else []


def _write_facts(page: Page, picture: Picture) -> None:
    if picture.note:
        page.prose(picture.note, page.palette.warning)
    write_stats(page, picture.stats)
    if picture.scaled[0] > picture.height or picture.scaled[1] > picture.width:
        drawn = f"{shape(picture.scaled)} drawn as {picture.height}×{picture.width}: each pixel is a mean"
        page.prose(drawn, page.palette.dim)
    odd = picture.stats.nan + picture.stats.positive_infinity + picture.stats.negative_infinity
    if odd:
        page.prose(f"! marks {plural(odd, 'value')} that {'is' if odd == 1 else 'are'} not finite", page.palette.error)
    if _is_matrix(page, picture):
        page.blank()
        _write_matrix(page, picture)


def write_beside(page: Page, left: list[list[Piece]], right: list[list[Piece]]) -> None:
    """Two blocks of lines, the second beside the first."""
    column = max((_width(line) for line in left), default=0) + _GAP
    for at in range(max(len(left), len(right))):
        before = left[at] if at < len(left) else []
        after = right[at] if at < len(right) else []
        gap = [(" " * (column - _width(before)), page.palette.base)] if after else []
        page.line(*before, *gap, *after)


def _width(pieces: list[Piece]) -> int:
    return sum(len(text) for text, _ in pieces)  # every character of a picture and of a number is one cell wide


def _is_matrix(page: Page, picture: Picture) -> bool:
    """Whether the values themselves are all here and have room as they stand in the slice."""
    height, width = picture.scaled
    return 0 < height * width == len(picture.numbers) and width * _column(picture) <= page.width


def _column(picture: Picture) -> int:
    return max(map(len, picture.numbers), default=0) + 2


def _write_numbers(page: Page, picture: Picture) -> None:
    if _is_matrix(page, picture):
        page.heading("values")
        _write_matrix(page, picture)
    else:
        page.heading("the first values")
        page.prose(" ".join(picture.numbers))


def _write_matrix(page: Page, picture: Picture) -> None:
    width, column = picture.scaled[1], _column(picture)
    for at in range(0, len(picture.numbers), width):
        row = picture.numbers[at : at + width]
        page.line(("".join(f"{text:>{column}}" for text in row), page.palette.base))


def write_waiting(page: Page, subject: str) -> None:
    """In the place of a picture that is being drawn."""
    page.line((f"drawing {subject} …", page.palette.dim))


def write_failure(page: Page, words: str) -> None:
    """In the place of a picture that could not be drawn."""
    page.line(("This cannot be drawn.", page.palette.error))
    page.blank()
    page.prose(words)
