"""Tensor → Picture: one slice of any tensor, scaled down by averaging, with statistics of it and of its channels.

The last two dimensions are the slice and the ones before them are chosen by index: of [N, C, H, W] a sample and a
channel, of [N, T, D] a sample. A matrix is one slice, a vector one row, a single number one pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import torch
from torch import Tensor

from inspector.engine.failure import message_of, sendable
from inspector.engine.tensor_stats import measure
from inspector.engine.tensor_values import UnreadableError, values_of
from inspector.figures import number, plural
from inspector.run_schema import Picture
from inspector.schema import TensorStats

MOST_CHANNELS = 512
NUMBERS = 64
"""First values that are told as they are."""
NOT_FINITE = 255
_BRIGHTEST = 254
_LARGEST = 4096
"""Pixels along one side: no screen has more."""
_BLOCK = 1 << 20
"""Elements that are computed with at a time."""


def draw(tensor: Tensor, index: tuple[int, ...], height: int, width: int) -> Picture:
    """Draw a slice in at most so many pixels; an index that is missing is 0, one beyond the end is the last.

    What cannot be read is told in the note, never by an exception.
    """
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        try:
            return _draw(tensor, *_dense(tensor), index, height, width)
        except UnreadableError as reason:
            return _nothing(tensor, str(reason))
        except Exception as error:
            return _nothing(tensor, f"its values cannot be read: {type(error).__name__}: {message_of(error)}")


def _draw(tensor: Tensor, dense: Tensor, note: str, index: tuple[int, ...], height: int, width: int) -> Picture:
    leading = dense.shape[:-2] if dense.dim() > 2 else ()
    chosen = _within(index, leading)
    image = dense[chosen] if dense.numel() else dense.new_empty(0, 0)
    image = image.reshape(1, -1) if image.dim() < 2 else image
    stats = measure(image)
    rows, columns = image.shape
    high, wide = (max(min(asked, side, _LARGEST), 0) for asked, side in ((height, rows), (width, columns)))
    return Picture(
        shape=tuple(dense.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        index=chosen,
        channels=leading[-1] if leading else 1,
        height=high,
        width=wide,
        pixels=_pixels(image, high, wide, stats) if image.numel() else b"",
        minimum=stats.minimum,
        maximum=stats.maximum,
        scaled=(rows, columns),
        stats=stats,
        per_channel=tuple(_channels(dense[chosen[:-1]])) if leading and dense.numel() else (),
        numbers=tuple(map(_spelled, image.flatten()[:NUMBERS].tolist())),
        note=sendable("; ".join(filter(None, (note, _said_of(stats))))),
    )


def _nothing(tensor: Tensor, note: str) -> Picture:
    try:
        shape, elements = tuple(map(int, tensor.shape)), tensor.numel()
    except Exception:  # lazy and nested tensors have no shape
        shape, elements = (), 0
    return Picture(
        shape=shape,
        dtype=str(tensor.dtype).removeprefix("torch."),
        index=(),
        channels=1,
        height=0,
        width=0,
        pixels=b"",
        minimum=None,
        maximum=None,
        scaled=(0, 0),
        stats=TensorStats(elements=elements, note=sendable(note)),
        note=sendable(note),
    )


def _dense(tensor: Tensor) -> tuple[Tensor, str]:
    """The tensor as a plain strided one of real numbers, in its own shape, and what was done for that."""
    values = values_of(tensor)  # refuses what has no values
    if tensor.is_nested:
        parts = tensor.unbind()
        return _dense(parts[0])[0], f"nested: the first of {plural(len(parts), 'tensor')}"
    plain, note = tensor.detach(), ""
    if hasattr(plain, "_local_tensor"):
        return _dense(plain._local_tensor)[0], values.note
    if plain.layout is not torch.strided:
        plain, note = plain.to_dense(), f"{str(plain.layout).removeprefix('torch.')}: of a dense copy"
    if plain.is_quantized:
        plain, note = plain.dequantize(), "quantized: of the dequantized values"
    if plain.is_complex():
        plain, note = plain.to(torch.complex128).abs(), "complex: of the absolute values"
    return plain, note


def _within(index: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...]:
    padded = (*index, *(0 for _ in sizes))[: len(sizes)]
    return tuple(max(min(place, size - 1), 0) for place, size in zip(padded, sizes, strict=True))


def _said_of(stats: TensorStats) -> str:
    odd = stats.nan + stats.positive_infinity + stats.negative_infinity
    return f"{odd:,} of {plural(stats.elements, 'value')} not finite" if odd else ""


def _spelled(value: bool | int | float | complex) -> str:
    return number(value) if isinstance(value, float) else str(value)


# --- pixels -----------------------------------------------------------------------------------------------------------


def _pixels(image: Tensor, height: int, width: int, stats: TensorStats) -> bytes:
    """0 … 254 from minimum to maximum; each is the mean of the finite values under it, weighted by how much of them it
    covers."""
    if stats.minimum is None or stats.maximum is None:
        return bytes([NOT_FINITE]) * (height * width)
    total = torch.zeros(height, width, dtype=torch.float64)
    covered = torch.zeros_like(total)
    for top, left, block in _blocks(image):
        finite = block.isfinite()
        rows, down = _shares(image.shape[0], height, top, top + block.shape[0])
        columns, across = _shares(image.shape[1], width, left, left + block.shape[1])
        total[rows, columns] += down @ block.masked_fill_(~finite, 0.0) @ across.t()
        covered[rows, columns] += down @ finite.to(torch.float64) @ across.t()
    mean = total / covered
    low, high = stats.minimum / 2, stats.maximum / 2  # halves: a difference of large floats overflows
    place = (mean / 2 - low) / (high - low) if high > low else torch.zeros_like(mean)
    shades = (place.clamp(0, 1) * _BRIGHTEST).round()
    return bytes(torch.where(covered > 0, shades, float(NOT_FINITE)).to(torch.uint8).flatten().tolist())


def _shares(size: int, parts: int, start: int, end: int) -> tuple[slice, Tensor]:
    """Of `size` places in equal parts: which parts cover the places from start to end, and with what share of each
    part, a row for each; the shares of a whole part are 1 together."""
    some = slice(start * parts // size, -(-end * parts // size))
    edges = torch.arange(some.start, some.stop + 1, dtype=torch.float64) * (size / parts)
    places = torch.arange(start, end, dtype=torch.float64)
    ends = torch.minimum(edges[1:, None], places + 1)
    starts = torch.maximum(edges[:-1, None], places)
    return some, (ends - starts).clamp_(min=0) / (size / parts)


def _blocks(image: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """Top, left and content of some of it at a time, as float64 on the CPU, each to be written to."""
    height, width = image.shape
    columns = min(width, _BLOCK)
    rows = max(_BLOCK // columns, 1)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            block = image[top : top + rows, left : left + columns]
            yield top, left, block.to("cpu", torch.float64, copy=True)


# --- channels ---------------------------------------------------------------------------------------------------------


Channel = tuple[float, float, float, float, float]


def _channels(slices: Tensor) -> Iterator[Channel]:
    """Minimum, mean, maximum, standard deviation and share of zeros of every slice, of its finite values; NaN where
    there is none."""
    slices = slices[:MOST_CHANNELS]
    if slices[0].numel() > _BLOCK:
        yield from map(_large_channel, slices)
        return
    for some in torch.split(slices, max(_BLOCK // max(slices[0].numel(), 1), 1)):
        yield from _small_channels(some.reshape(len(some), -1).to("cpu", torch.float64))


def _large_channel(values: Tensor) -> Channel:
    """Measured a block at a time."""
    stats = measure(values, bins=1)
    if stats.minimum is None or stats.mean is None or stats.maximum is None or stats.std is None:
        return (nan,) * 5
    return stats.minimum, stats.mean, stats.maximum, stats.std, stats.zeros / stats.elements


def _small_channels(block: Tensor) -> list[Channel]:
    """Several at once, a row each."""
    finite = block.isfinite()
    count = finite.sum(1)
    filled = block.masked_fill(~finite, 0.0)
    mean = filled.sum(1) / count
    variance = (filled - mean[:, None]).masked_fill_(~finite, 0.0).square_().sum(1) / count
    low = block.masked_fill(~finite, torch.inf).amin(1)
    high = block.masked_fill(~finite, -torch.inf).amax(1)
    zeros = (block == 0).sum(1) / block.shape[1]
    columns = torch.stack((low, mean, high, variance.sqrt_(), zeros), 1)
    rows: list[Channel] = columns.masked_fill_((count == 0)[:, None], nan).tolist()
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
