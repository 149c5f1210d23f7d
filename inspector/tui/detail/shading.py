"""How bright a pixel is on the screen: tables of the 256 colours in even steps of lightness, and a ramp of characters.

Grey where no value is below zero; where some are, zero is dark, and what is far from it is bright: blue below, orange
above. Bright means much in both. What is not finite is in no scale: it is marked with a glyph of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.color import Color
from rich.style import Style

GREYS: tuple[int, ...] = (*range(232, 256), 231)
"""Lightness 0.13 to 1.00 in OKLab, in steps of 0.03 or 0.04."""
BELOW_ZERO: tuple[int, ...] = (235, 19, 20, 25, 27, 33, 39, 45, 153, 159)
"""Blues from lightness 0.27 to 0.95, zero first."""
ABOVE_ZERO: tuple[int, ...] = (235, 52, 88, 124, 160, 166, 208, 214, 222, 229)
"""Reds and oranges of the same lightness, zero first."""
RAMP = " .:-=+*#%@"
"""The same without colours: each character covers more of its cell than the one before."""
LAST = 254
"""The pixel of the maximum."""
NOT_FINITE = 255
NOT_FINITE_MARK = "!"
_ALARM = 199
"""A pink that stands in neither scale."""


def colours_for(minimum: float | None, maximum: float | None) -> tuple[int, ...]:
    """The number of the colour of each pixel from 0 to 255."""
    if minimum is None or maximum is None:
        return (GREYS[0],) * NOT_FINITE + (_ALARM,)
    return _colours(minimum, maximum)


@lru_cache(8)
def _colours(minimum: float, maximum: float) -> tuple[int, ...]:
    if minimum == maximum:
        return (GREYS[len(GREYS) // 2 if minimum else 0],) * NOT_FINITE + (_ALARM,)
    if not minimum < 0 < maximum:
        return (*(_step(GREYS, pixel / LAST) for pixel in range(NOT_FINITE)), _ALARM)
    far = max(-minimum, maximum)
    low, span = minimum / far, maximum / far - minimum / far  # divided first: a difference of large floats overflows
    places = (low + span * pixel / LAST for pixel in range(NOT_FINITE))
    return (*(_step(BELOW_ZERO if place < 0 else ABOVE_ZERO, abs(place)) for place in places), _ALARM)


def _step(table: Sequence[int], place: float) -> int:
    return table[min(int(place * len(table)), len(table) - 1)]


def character_for(pixel: int) -> str:
    """The pixel as a character."""
    if pixel == NOT_FINITE:
        return NOT_FINITE_MARK
    return RAMP[min(pixel * len(RAMP) // NOT_FINITE, len(RAMP) - 1)]


@lru_cache(4096)
def half_block(upper: int, lower: int) -> Style:
    """The style in which ▀ shows two colours, one above the other."""
    return Style.from_color(Color.from_ansi(upper), Color.from_ansi(lower))


@lru_cache(256)
def half_block_on(upper: int, base: Style) -> Style:
    """The style in which ▀ shows one colour, with nothing below it."""
    return base + Style.from_color(Color.from_ansi(upper))


@lru_cache(256)
def ground(colour: int) -> Style:
    """The style in which a blank shows one colour; the mark for what is not finite stands out from it."""
    front = Color.from_ansi(231 if colour == _ALARM else colour)
    return Style.from_color(front, Color.from_ansi(colour))
