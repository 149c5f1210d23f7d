"""How findings write shapes, lists and sizes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from inspector.schema import Source


def by(shape: Iterable[int]) -> str:
    """(2, 400) → 2×400; a scalar has no size to show."""
    return "×".join(str(int(size)) for size in shape) or "scalar"


def product(shape: Iterable[int]) -> int:
    """How many elements a shape has."""
    total = 1
    for size in shape:
        total *= int(size)
    return total


def factors(shape: Sequence[int]) -> str:
    """400 = 16×5×5; only the number where there is nothing to multiply."""
    return f"{product(shape)} = {by(shape)}" if len(shape) > 1 else by(shape)


def and_(parts: Sequence[str]) -> str:
    """a · a and b · a, b and c"""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def or_(parts: Iterable[str]) -> str:
    """What would mend it, one alternative after another."""
    return ", or ".join(part for part in parts if part)


def at(source: Source | None) -> str:
    """at lenet.py:20; nothing where no line is known."""
    return f" at {os.path.basename(source.file)}:{source.line}" if source is not None else ""


def size(number: float) -> str:
    """Bytes in binary units: 512 B · 363.8 TiB"""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} PiB"


def plural(number: int, noun: str) -> str:
    """1 feature · 2 features"""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
