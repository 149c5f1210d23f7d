"""Statistics of values on a page: in words, and as a histogram."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.format import number, whole
from inspector.schema import TensorStats
from inspector.tui.detail.histogram import columns
from inspector.tui.detail.page import Page


def write_stats(page: Page, stats: TensorStats) -> None:
    """All that was counted."""
    plain = page.palette.base
    if stats.note:
        page.prose(stats.note, page.palette.dim)
    if stats.minimum is not None:
        page.fact("min … max", (f"{number(stats.minimum)} … {number(stats.maximum)}", plain))
        page.fact("mean ± std", (f"{number(stats.mean)} ± {number(stats.std)}", plain))
    if stats.elements:
        page.fact("zeros", (share_of(stats.zeros, stats.elements), plain))
        odd = ((stats.nan, "NaN"), (stats.positive_infinity, "+Inf"), (stats.negative_infinity, "-Inf"))
        for found, label in odd:
            if found:
                page.fact(label, (share_of(found, stats.elements), page.palette.error))
        if not any(found for found, _ in odd):
            page.fact("NaN, Inf", ("none", plain))
    write_histogram(page, stats)


def write_histogram(page: Page, stats: TensorStats, height: int = 4) -> None:
    """The finite values from minimum to maximum, where there are several."""
    if not stats.histogram or stats.minimum == stats.maximum:
        return
    counts = narrowed(stats.histogram, page.width)
    for text in columns(counts, height):
        page.line((text, page.palette.accent))
    left, right = number(stats.minimum), number(stats.maximum)
    gap = len(counts) - len(left) - len(right)
    page.line((left + " " * max(gap, 1) + right, page.palette.dim))


def narrowed(counts: Sequence[int], width: int) -> list[int]:
    """The counts with as few neighbours taken together as will let them stand in a number of cells."""
    together = -(-len(counts) // max(width, 1)) or 1
    return [sum(counts[at : at + together]) for at in range(0, len(counts), together)]


def share_of(part: int, total: int) -> str:
    return f"{whole(part)} of {whole(total)}" if part else "none"
