"""Counts of values in equal bins, the slow part of a tensor's statistics."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_BINS = 125
"""The number of a bin, of one beyond the last, and of one for padding are to fit a signed byte."""
PENDING = 4
"""Blocks whose bin numbers are counted together."""


class Histogram:
    """Counts values in equal bins between two extremes.

    The numbers of the bins are written as bytes, and the bytes counted two at a time, as numbers of 16 bits: half as
    many steps as values, and equal neighbours do not wait for each other. torch.histc takes eight times as long.
    """

    def __init__(self, bins: int, low: float, high: float, like: Tensor) -> None:
        self._bins, self._low, self._range = bins, low, high - low
        self._rows = bins + 2
        self._origin = torch.tensor(-low * bins / self._range, dtype=like.dtype, device=like.device)
        self._places = torch.empty_like(like)
        self._numbers = torch.empty(PENDING * like.numel() + 1, dtype=torch.int8, device=like.device)
        self._pending = 0
        self._pairs = torch.zeros(self._rows * 256, dtype=torch.int64, device=like.device)

    def add(self, block: Tensor) -> None:
        """Count the values of a block, all of them between the extremes."""
        if self._pending + len(block) >= len(self._numbers):
            self._count_pairs()
        self._numbers[self._pending : self._pending + len(block)] = self._place(block)
        self._pending += len(block)

    def _place(self, block: Tensor) -> Tensor:
        """Where each value lies, in bins: 0 for the lowest, the number of bins for the highest."""
        places = self._places if len(block) == len(self._places) else self._places[: len(block)]
        if places.dtype is torch.float64:  # exact on the edges, where the difference is
            return torch.sub(block, self._low, out=places).mul_(self._bins).div_(self._range)
        if abs(self._low) <= 20 * self._range:  # what cancels is too little to see: one step will do
            return torch.add(self._origin, block, alpha=self._bins / self._range, out=places)
        return torch.sub(block, self._low, out=places).mul_(self._bins / self._range)

    def _count_pairs(self) -> None:
        """Count the numbers that wait, and one more in an unused row where they are odd."""
        self._numbers[self._pending] = self._rows - 1
        pairs = self._numbers[: self._pending + self._pending % 2].view(torch.int16)
        self._pairs += torch.bincount(pairs, minlength=len(self._pairs))
        self._pending = 0

    def counts(self) -> tuple[int, ...]:
        """Every bin's count; the last bin is closed."""
        self._count_pairs()
        pairs = self._pairs.view(self._rows, 256)[:, : self._rows]
        counts: list[int] = (pairs.sum(0) + pairs.sum(1)).tolist()
        return (*counts[: self._bins - 1], counts[self._bins - 1] + counts[self._bins])
