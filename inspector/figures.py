"""How numbers are written, one spelling for everybody: 25.6 M, 97.5 MiB, 64×3×7×7, 12.3 ms."""

from __future__ import annotations

from collections.abc import Iterable


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
