"""How numbers and names are written, one spelling for every front end: 25.6 M, 97.5 MiB, 64×3×7×7, 12.3 ms.

Everything here returns plain text with no control characters in it; what users name things stands in it literally.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rich.cells import cell_len

ELLIPSIS = "…"

_TO_ASCII = str.maketrans(
    {
        "×": "x", "→": ">", "←": "<", "…": "~", "·": ".", "│": "|", "├": "|", "└": "`", "─": "-", "▸": ">", "▾": "v",
        "✗": "!", "●": "*", "○": "o", "≡": "=", "▏": " ", "▎": " ", "▍": ".", "▌": ".", "▋": ":", "▊": ":", "▉": "#",
        "█": "#", "▁": "_", "▂": "_", "▃": ".", "▄": ":", "▅": "=", "▆": "+", "▇": "#", "µ": "u", "−": "-", "±": "~",
        "∞": "I", "≤": "<", "≥": ">", "√": "V", "‖": "|", "«": "<", "»": ">", "“": '"', "”": '"', "’": "'",
        "┃": "#", "▐": "#", "⇄": "=", "↑": "^", "↓": "v",
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


def whole(number: int) -> str:
    """11173962 → 11,173,962"""
    return f"{number:,}"


def count(number: int) -> str:
    """A count in at most seven cells: 61,706 · 11.2 M · 671 B. Exact below a million."""
    if number < 1_000_000:
        return f"{number:,}"
    return _scaled(number, 1000, ("", "k", "M", "B", "T", "Qa", "Qi"))


def size(number: int) -> str:
    """Bytes in binary units: 512 B · 241 KiB · 97.5 MiB."""
    if number < 1024:
        return f"{number} B"
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))


def flops(number: int, unit: str = "") -> str:
    """Floating point operations: 840 · 277 k · 4.09 G; with unit="FLOP" 4.09 GFLOP, for where no title says it."""
    if number < 1000:
        return f"{number} {unit}".rstrip()
    return _scaled(number, 1000, ("", "k", "M", "G", "T", "P", "E")) + unit


def _scaled(number: int, base: int, units: tuple[str, ...]) -> str:
    """Three significant digits; a value that would round up to the next unit is written in that unit."""
    scaled, unit = float(number), 0
    while scaled >= base - 0.5 and unit < len(units) - 1:
        scaled /= base
        unit += 1
    digits = 0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2
    return f"{scaled:.{digits}f} {units[unit]}"


def shape(sizes: Iterable[int] | None) -> str:
    """(64, 3, 7, 7) → 64×3×7×7 · () → scalar · None → ? (not known yet)"""
    if sizes is None:
        return "?"
    return "×".join(map(str, sizes)) or "scalar"


def share(part: int, total: int) -> str:
    """Per cent in at most four cells: 100 · 88 · 1.4 · <0.1 · nothing of nothing is empty."""
    if not total or not part:
        return ""
    percent = 100 * part / total
    if percent < 0.1:
        return "<0.1"
    if percent < 9.95:
        return f"{percent:.1f}"
    return f"{percent:.0f}" if part == total or percent < 99.5 else ">99"


def bar(part: int, total: int, width: int) -> str:
    """A bar of `width` cells in eighths, for a share; never empty for something, never full for less than all."""
    if not total or not part:
        return ""
    eighths = min(max(round(8 * width * part / total), 1), 8 * width - (part < total))
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]


def duration(seconds: float) -> str:
    """0.0123 → 12.3 ms"""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 0.9995:
            value = seconds * scale
            return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def number(value: float | None) -> str:
    """A measured value with four significant digits; non-finite ones by name."""
    if value is None:
        return "–"
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return f"{value:.4g}"


def plural(number: int, noun: str, several: str = "") -> str:
    """1 module · 2 modules · 3 classes; `several` is the plural of a noun that makes it otherwise."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {several or noun + ('es' if noun.endswith('s') else 's')}"


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
