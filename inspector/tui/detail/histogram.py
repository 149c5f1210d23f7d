"""A histogram in block characters: what the values of a tensor look like at a glance."""

from __future__ import annotations

from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"


def columns(counts: Sequence[int], height: int) -> list[str]:
    """Lines, top first, one cell for each count; the fullest bin reaches the top, a filled one is never empty."""
    most = max(counts, default=0)
    if not most:
        return [" " * len(counts)] * height
    levels = [max(round(8 * height * n / most), 1) if n else 0 for n in counts]
    return ["".join(_BLOCKS[min(max(level - 8 * row, 0), 8)] for level in levels) for row in range(height - 1, -1, -1)]
