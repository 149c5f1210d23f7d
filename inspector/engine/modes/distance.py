"""How far one tensor is from another: exactly equal, or the sums that a relative difference is made of.

Blocks that fit a core's cache are reduced in the numbers' own precision and added up in float64; a block whose squares
leave that precision is reduced again in float64, without what is not finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from inspector.engine.tensor_values import UnreadableError, values_of

BLOCK = 1 << 17
"""Elements of a block."""
_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_NARROW = (torch.float32, torch.float16, torch.bfloat16)
_SMALLEST = math.ulp(0.0)


@dataclass(frozen=True, slots=True)
class Distance:
    """What is between two outputs of one call. They add up."""

    squares: float = 0.0
    """Of the differences."""
    reference: float = 0.0
    """Squares of the first output's elements."""
    other: float = 0.0
    largest: float = 0.0
    """The largest absolute difference of an element."""
    equal: bool = True
    """Bit for bit."""
    told: bool = True
    """Whether the sums say anything: shapes may differ, and values may not be finite or not be there."""
    sampled: bool = False

    def __add__(self, more: Distance) -> Distance:
        return Distance(
            self.squares + more.squares,
            self.reference + more.reference,
            self.other + more.other,
            max(self.largest, more.largest),
            self.equal and more.equal,
            self.told and more.told,
            self.sampled or more.sampled,
        )

    @property
    def relative(self) -> float:
        """The norm of the difference over that of the first output, or of the second where the first is zero."""
        if self.equal:
            return 0.0
        if not self.told:
            return math.nan
        base = self.reference or self.other
        # Zeros of either sign are as far apart as two numbers can be without being equal.
        return max(math.sqrt(self.squares / base), _SMALLEST) if base else _SMALLEST

    def seen_from_the_other(self) -> Distance:
        """The same with both outputs in each other's place."""
        sums = self.squares, self.other, self.reference, self.largest
        return Distance(*sums, self.equal, self.told, self.sampled)


EQUAL = Distance()
UNTOLD = Distance(equal=False, told=False)


def vector_of(tensor: Tensor) -> Tensor | None:
    """The numbers of a tensor in a row, its own memory where that is possible; None where there are none to be had."""
    try:
        if type(tensor) in (Tensor, torch.nn.Parameter) and tensor.layout is torch.strided and not tensor.is_quantized:
            if tensor.is_meta or tensor.is_nested:
                return None if tensor.is_meta else _gathered(tensor)
            plain = tensor.detach().resolve_conj().resolve_neg()
            return (torch.view_as_real(plain) if plain.is_complex() else plain).contiguous().view(-1)
        return _gathered(tensor)
    except (UnreadableError, RuntimeError, NotImplementedError):
        return None


def _gathered(tensor: Tensor) -> Tensor:
    values = values_of(tensor)
    parts = [values.decode(part) if values.decode is not None else part for part in values.parts]
    return torch.cat([part.reshape(-1) for part in parts])


def words_of(vector: Tensor) -> Tensor:
    """The bits of a vector, as integers."""
    size = vector.element_size()
    whole = size < 8 and vector.numel() * size % 8 == 0 and vector.storage_offset() * size % 8 == 0
    return vector.view(torch.int64 if whole else _WORDS.get(size, torch.uint8))


def between(reference: Tensor, other: Tensor) -> Distance:
    """The distance of two vectors of one dtype and length."""
    if torch.equal(words_of(reference), words_of(other)):
        return EQUAL
    total = Distance(equal=False)
    exact = reference.dtype not in _NARROW
    for first, second in zip(torch.split(reference, BLOCK), torch.split(other, BLOCK), strict=True):
        total += _block(first, second, torch.float64 if exact else torch.float32)
    return total


def _block(first: Tensor, second: Tensor, dtype: torch.dtype) -> Distance:
    one, two = first.to(dtype), second.to(dtype)
    step = two - one
    sums = torch.stack((step.dot(step), one.dot(one), two.dot(two), step.abs_().max())).tolist()
    if all(map(math.isfinite, sums)):
        return Distance(sums[0], sums[1], sums[2], sums[3], equal=False)
    return _finite(first.to(torch.float64), second.to(torch.float64))


def _finite(one: Tensor, two: Tensor) -> Distance:
    """Of the elements that are finite in both; all others must be the same, or nothing can be told."""
    both = one.isfinite() & two.isfinite()
    same = torch.equal(one[~both].nan_to_num(), two[~both].nan_to_num()) and torch.equal(one.isnan(), two.isnan())
    one, two = one[both], two[both]
    step = two - one
    largest = float(step.abs().max()) if step.numel() else 0.0
    return Distance(float(step.dot(step)), float(one.dot(one)), float(two.dot(two)), largest, False, same)
