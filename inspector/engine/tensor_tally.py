"""What one sweep over a tensor finds: extremes, zeros, what is not finite, and the moments.

Each block is reduced in its own dtype while it is in the cache; blocks are merged in float64 (Chan, Golub and LeVeque
1979), so that nothing cancels and nothing overflows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

SAFE = {torch.float32: (1e-15, 1e16), torch.float64: (1e-120, 1e140)}
"""Magnitudes whose squares, and the sums of them over a block, neither overflow nor vanish."""


def safe(dtype: torch.dtype, minimum: float, maximum: float) -> bool:
    """Whether the squares of values between these can be added up in this dtype; zeros alone always can."""
    least, most = SAFE[dtype]
    magnitude = max(-minimum, maximum)
    return magnitude == 0 or least < magnitude < most


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of what has been merged so far."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @property
    def deviation(self) -> float:
        """The population standard deviation."""
        return math.sqrt(self.squares / self.count)

    def merge(self, count: int, mean: float, squares: float) -> None:
        """Take in the moments of another block."""
        if not self.count:
            self.count, self.mean, self.squares = count, mean, squares
            return
        total, delta = self.count + count, mean - self.mean
        self.mean += delta * count / total
        self.squares += squares + delta * delta * self.count * count / total
        self.count = total


@dataclass
class Tally:
    """What the first sweep finds."""

    nonzero: Tensor
    """Scratch, a byte for each value of a block."""
    nan: int = 0
    positive_infinity: int = 0
    negative_infinity: int = 0
    zeros: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    moments: Moments = field(default_factory=Moments)
    unclean: set[int] = field(default_factory=set)
    """Numbers of the blocks that hold something not finite."""

    def between(self, number: float) -> float:
        """The number, or the extreme that rounding has carried it beyond."""
        return min(max(number, self.minimum), self.maximum)

    def add(self, block: Tensor, number: int, scratch: Tensor) -> None:
        """Take in one block, a vector that is not empty; scratch is as long, and is overwritten."""
        total = block.sum().item()  # the fastest of all goes first: it waits for the memory
        low, high = block.amin().item(), block.amax().item()  # either is NaN if one value is
        if not (math.isfinite(low) and math.isfinite(high)):
            self.unclean.add(number)
            block = self._set_aside(block)
            if not block.numel():
                return
            total, low, high = block.sum().item(), block.amin().item(), block.amax().item()
        if len(scratch) > len(block):
            scratch = scratch[: len(block)]
        if low <= 0 <= high:
            self.zeros += self._zeros_in(block, scratch)
        self.minimum, self.maximum = min(low, self.minimum), max(high, self.maximum)
        self.moments.merge(len(block), *_mean_and_squares(block, total, low, high, scratch))

    def _zeros_in(self, block: Tensor, scratch: Tensor) -> int:
        """Count the zeros; that there are none is found in half the time, by way of one byte for each value."""
        nonzero = self.nonzero[: len(block)]
        nonzero.copy_(block)
        if nonzero.view(torch.int8).amin().item():
            return 0
        return int(torch.eq(block, 0, out=scratch).sum().item())  # twice as fast as count_nonzero

    def _set_aside(self, block: Tensor) -> Tensor:
        self.nan += int(block.isnan().sum().item())
        self.positive_infinity += int(block.isposinf().sum().item())
        self.negative_infinity += int(block.isneginf().sum().item())
        return block[block.isfinite()]


def _mean_and_squares(block: Tensor, total: float, low: float, high: float, scratch: Tensor) -> tuple[float, float]:
    """Mean and sum of squared deviations of a block of finite values between low and high that add up to total.

    The short way, Σx² − n·mean², is taken where little cancels in it: the mean is within two deviations of zero.
    Otherwise a number near the mean is subtracted first; and in float64, if float32 does not hold the squares.
    """
    count = len(block)
    if low == high:
        return low, 0.0
    if safe(block.dtype, low, high):
        mean, squares = total / count, torch.dot(block, block).item()
        if mean * mean * count <= 0.8 * squares:
            return mean, squares - mean * mean * count
    center = (block.sum() / count).item()
    if block.dtype is torch.float32 and not safe(block.dtype, low - center, high - center):
        block = block.double()
        return _mean_and_squares(block, block.sum().item(), low, high, torch.empty_like(block))
    deviations = torch.sub(block, center, out=scratch)
    rest = deviations.sum().item()  # what rounding left of the mean
    return center + rest / count, max(torch.dot(deviations, deviations).item() - rest * rest / count, 0.0)


def toward_one(tally: Tally) -> float:
    """The power of two that brings a tally's largest magnitude near to 1, as far as one factor can."""
    _, exponent = math.frexp(max(-tally.minimum, tally.maximum))
    return math.ldexp(1.0, -max(min(exponent, 1000), -1000))
