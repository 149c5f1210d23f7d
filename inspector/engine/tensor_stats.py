"""Tensor → TensorStats: two sweeps over the values, with all reductions of a block while it is in the cache.

The first sweep finds the extremes, the zeros, what is not finite, and the moments; the second counts the histogram,
whose bins need the extremes. After every block the measurement yields, so that its caller can answer somebody else in
between, or drop it.

Precision: up to EXACT elements, and for integers and float64 always, blocks are computed with in float64. Beyond,
floats of 32 bits and fewer are computed with in float32 and merged in float64 (Chan, Golub and LeVeque 1979): mean and
standard deviation are then good to 1e-6 of the standard deviation, and a value within 1e-4 of a bin's width of the
edge between two bins may be counted in either.
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from inspector.engine.failure import message_of, sendable
from inspector.engine.tensor_histogram import MOST_BINS, Histogram
from inspector.engine.tensor_tally import Tally, safe, toward_one
from inspector.engine.tensor_values import UnreadableError, Values, values_of
from inspector.schema import TensorStats

EXACT = 1 << 22
"""Elements up to which float64 costs no time that anybody feels."""
BLOCK = {torch.float32: 1 << 18, torch.float64: 1 << 17}
"""Elements of a block on the CPU: a megabyte."""
DEVICE_BLOCK = 1 << 24
"""Elements of a block on a GPU: enough to fill it, and as many ones still add up exactly in float32."""


def measure(tensor: Tensor, bins: int = 40) -> TensorStats:
    """Measure all values of a tensor at once. Raises ValueError for a number of bins outside 1 to MOST_BINS."""
    measured: list[TensorStats] = []

    def steps() -> Generator[None, None, None]:
        measured.append((yield from measuring(tensor, bins)))

    for _ in steps():
        pass
    return measured[0]


def measuring(tensor: Tensor, bins: int = 40) -> Generator[None, None, TensorStats]:
    """Measure all values of a tensor, yielding after every block; the generator returns the statistics.

    What cannot be read is told in the note, never by an exception: no tensor of a user's model may end a session.
    Raises ValueError for a number of bins outside 1 to MOST_BINS.
    """
    if not 1 <= bins <= MOST_BINS:
        raise ValueError(f"bins={bins}: from 1 to {MOST_BINS} can be counted")
    try:
        return (yield from _measuring(values_of(tensor), bins))
    except UnreadableError as reason:
        return TensorStats(elements=_count(tensor), note=str(reason))
    except Exception as error:
        what = f"{type(error).__name__}: {message_of(error)}"
        return TensorStats(elements=_count(tensor), note=sendable(f"its values cannot be read: {what}"))


def _count(tensor: Tensor) -> int:
    try:
        return tensor.numel()
    except Exception:  # an uninitialised parameter has no size, and a subclass may refuse to say it
        return 0


def _measuring(values: Values, bins: int) -> Generator[None, None, TensorStats]:
    scratch, times = _scratch(values), values.repeats
    tally = yield from _tallying(values, scratch)
    scaled, factor = tally, 1.0
    some = tally.moments.count > 0
    if some and scratch.dtype is torch.float64 and not safe(scratch.dtype, tally.minimum, tally.maximum):
        factor = toward_one(tally)
        scaled = yield from _tallying(values, scratch, factor)
    counts = yield from _counting(values, scratch, scaled, factor, bins)
    return TensorStats(
        elements=values.elements,
        nan=tally.nan * times,
        positive_infinity=tally.positive_infinity * times,
        negative_infinity=tally.negative_infinity * times,
        zeros=tally.zeros * times,
        minimum=tally.minimum if some else None,
        maximum=tally.maximum if some else None,
        mean=tally.between(scaled.moments.mean / factor) if some else None,
        std=scaled.moments.deviation / factor if some else None,
        histogram=tuple(count * times for count in counts),
        note=values.note,
    )


def _scratch(values: Values) -> Tensor:
    """A vector as long as a block is to be, in the dtype that blocks are to be computed with."""
    narrow = values.dtype.is_floating_point and values.dtype.itemsize <= 4
    numbers = values.elements // values.repeats
    dtype = torch.float32 if narrow and numbers > EXACT else torch.float64
    length = BLOCK[dtype] if values.device.type == "cpu" else DEVICE_BLOCK
    return torch.empty(max(min(length, numbers), 1), dtype=dtype, device=values.device)


def _tallying(values: Values, scratch: Tensor, factor: float = 1.0) -> Generator[None, None, Tally]:
    tally = Tally(torch.empty_like(scratch, dtype=torch.bool))
    for number, block in enumerate(values.blocks(scratch.numel(), scratch.dtype, factor)):
        if block.numel():
            tally.add(block, number, scratch)
        yield
    return tally


def _counting(
    values: Values, like: Tensor, tally: Tally, factor: float, bins: int
) -> Generator[None, None, tuple[int, ...]]:
    """Count the histogram of a tally's finite values; `like` says how long its blocks were, and their dtype."""
    low, high = tally.minimum, tally.maximum
    if low >= high:
        return (0,) * (bins - 1) + (tally.moments.count,) if tally.moments.count else ()
    if not 1e-30 < high - low < 1e37:
        like = like.double()
    histogram = Histogram(bins, low, high, like)
    for number, block in enumerate(values.blocks(like.numel(), like.dtype, factor)):
        finite = block[block.isfinite()] if number in tally.unclean else block
        if finite.numel():
            histogram.add(finite)
        yield
    return histogram.counts()
