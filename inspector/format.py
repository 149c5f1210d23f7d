"""How numbers and names are written, one spelling for every front end: 25.6 M, 97.5 MiB, 64×3×7×7, 12.3 ms.

Everything here returns plain text with no control characters in it; what users name things stands in it literally.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len

from inspector.figures import bar, count, duration, flops, number, plural, shape, share, size, whole

__all__ = [
    "ELLIPSIS",
    "bar",
    "caret",
    "count",
    "duration",
    "end_cut",
    "flops",
    "held_together",
    "literal",
    "middle_cut",
    "number",
    "padded",
    "parted",
    "plural",
    "shape",
    "share",
    "size",
    "to_ascii",
    "whole",
]

ELLIPSIS = "…"
NO_BREAK = "\xa0"

_TO_ASCII = str.maketrans(
    {
        "×": "x", "→": ">", "←": "<", "…": "~", "·": ".", "│": "|", "├": "|", "└": "`", "─": "-", "▸": ">", "▾": "v",
        "✗": "!", "●": "*", "○": "o", "≡": "=", "▏": " ", "▎": " ", "▍": ".", "▌": ".", "▋": ":", "▊": ":", "▉": "#",
        "█": "#", "▁": "_", "▂": "_", "▃": ".", "▄": ":", "▅": "=", "▆": "+", "▇": "#", "µ": "u", "−": "-", "±": "~",
        "∞": "I", "≤": "<", "≥": ">", "√": "V", "‖": "|", "«": "<", "»": ">", "“": '"', "”": '"', "’": "'",
        "┃": "#", "▐": "#", "⇄": "=", "↑": "^", "↓": "v", "–": "-", "›": ">", "━": "=", "▀": "#", "≈": "~", "∗": "*",
        "≠": "!", "■": "#", "□": ".", "▣": "%", "░": ":",
    }
)  # fmt: skip


def to_ascii(text: str) -> str:
    """Text for a terminal that shows nothing but ASCII; every character keeps its width, so that columns stay."""
    if text.isascii():
        return text
    plain = text.translate(_TO_ASCII)
    if plain.isascii():
        return plain
    return "".join(c if c.isascii() else "?" * cell_len(c) for c in plain)


def literal(text: str, *, lines: bool = False) -> str:
    """Text from users' code with every character that could move a cursor or hide spelled out (`\\x1b`).

    Newlines and tabs are kept with lines=True, where text is meant to have lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _is_plain(c) or (lines and c in "\n\t") else _spelled(c) for c in text)


def _is_plain(character: str) -> bool:
    # Combining marks and joiners of real scripts stay; format characters (bidi overrides, zero width) do not.
    return character.isprintable() and unicodedata.category(character) not in ("Cf", "Cs")


def _spelled(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


_TOGETHER = re.compile(r"(?:→|->) (?!\d)\S+ \d\S*|\bat :\d+|\d[\d,.]* (?:[kMGTPE]?FLOPs?|parameters?)\b")


def held_together(text: str) -> str:
    """Text in which no line will end within a step (`→ conv1 6×28×28`), a place, or a number with its unit.

    `parted` undoes it after wrapping.
    """
    return _TOGETHER.sub(lambda found: found[0].replace(" ", NO_BREAK), text)


def parted(text: str) -> str:
    """Text with blanks again where `held_together` has put what is no blank."""
    return text.replace(NO_BREAK, " ")


def end_cut(text: str, width: int) -> str:
    """Text cut to a number of cells, at its end."""
    if len(text) <= width and text.isascii():
        return text
    if cell_len(text) <= width:
        return text
    return _take(text, width - 1) + ELLIPSIS if width > 0 else ""


def middle_cut(text: str, width: int) -> str:
    """Text cut to a number of cells in its middle, because names differ at their ends: encoder.la…self.q_proj"""
    if len(text) <= width and text.isascii():
        return text
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    tail = _take(text[::-1], width // 2)[::-1]
    return _take(text, width - 1 - cell_len(tail)) + ELLIPSIS + tail


def _take(text: str, width: int) -> str:
    """The longest start of text that fits into a number of cells."""
    if text[:width].isascii():
        return text[:width]
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[:index]
    return text


def caret(line: str, column: int) -> str:
    """A ^ under a column (counted from 1) of a source line that is shown with its tabs expanded."""
    return " " * cell_len(literal(line[: column - 1].expandtabs(4))) + "^"


def padded(text: str, width: int) -> str:
    """Text filled up with blanks to a number of cells."""
    return text + " " * (width - cell_len(text))
