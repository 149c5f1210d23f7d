"""Pictures of made-up tensors, such as the engine would send, and what a person would read of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from inspector.run_schema import Picture
from inspector.schema import TensorStats

Value = Callable[[int, int], float]
"""The value at a row and a column."""


def picture_of(
    value: Value,
    shape: tuple[int, ...],
    index: tuple[int, ...] = (),
    *,
    size: tuple[int, int] | None = None,
    per_channel: Sequence[tuple[float, float, float, float, float]] = (),
    note: str = "",
) -> Picture:
    """The slice `index` of a tensor whose last two dimensions hold `value`; drawn in `size` when it is scaled down."""
    rows, columns = shape[-2:]
    height, width = size or (rows, columns)
    grid = [value(y * rows // height, x * columns // width) for y in range(height) for x in range(width)]
    stats = stats_of([value(y, x) for y in range(rows) for x in range(columns)])
    return Picture(
        shape=shape,
        dtype="float32",
        index=index,
        channels=shape[len(index) - 1] if index else 1,
        height=height,
        width=width,
        pixels=bytes(_pixel(number, stats) for number in grid),
        minimum=stats.minimum,
        maximum=stats.maximum,
        scaled=(rows, columns),
        stats=stats,
        per_channel=tuple(per_channel),
        numbers=tuple(f"{value(at // columns, at % columns):.4g}" for at in range(min(rows * columns, 64))),
        note=note,
    )


def _pixel(number: float, stats: TensorStats) -> int:
    if not math.isfinite(number) or stats.minimum is None or stats.maximum is None:
        return 255
    span = stats.maximum - stats.minimum
    return round(254 * (number - stats.minimum) / span) if span else 0


def stats_of(values: Sequence[float], bins: int = 40) -> TensorStats:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return TensorStats(len(values), nan=len(values))
    low, high, mean = min(finite), max(finite), math.fsum(finite) / len(finite)
    histogram = [0] * bins
    for value in finite:
        histogram[min(int((value - low) / ((high - low) or 1) * bins), bins - 1)] += 1
    return TensorStats(
        elements=len(values),
        nan=sum(math.isnan(value) for value in values),
        positive_infinity=sum(value == math.inf for value in values),
        negative_infinity=sum(value == -math.inf for value in values),
        zeros=sum(value == 0 for value in values),
        minimum=low,
        maximum=high,
        mean=mean,
        std=math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / len(finite)),
        histogram=tuple(histogram),
    )


def wave(y: int, x: int) -> float:
    """Rings around a point, never below zero."""
    return max(math.sin(math.hypot(y - 9, x - 12) / 3), 0.0) * 3


def signed_wave(y: int, x: int) -> float:
    return math.sin(math.hypot(y - 9, x - 12) / 3) - 0.2
