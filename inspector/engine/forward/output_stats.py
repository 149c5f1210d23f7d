"""Statistics of what flows: as `tensor_stats`, without the histogram, at a cost that a whole run can bear.

Most outputs are plain float32 vectors of a few kilobytes to a few megabytes: those are cut into blocks that fit the
cache and reduced in float32, a block after another, merged in float64; so are float16 and bfloat16, after conversion.
Everything else takes the way of `tensor_stats`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inspector.engine.failure import message_of, sendable
from inspector.engine.tensor_tally import Tally, safe, toward_one
from inspector.engine.tensor_values import UnreadableError, Values, values_of
from inspector.schema import TensorStats

BLOCK = 1 << 18
"""Elements of a block: a megabyte, which a cache holds."""
DEVICE_BLOCK = 1 << 24
_NARROW = (torch.float32, torch.float16, torch.bfloat16)


class OutputStats:
    """Measures tensors one after the other, with scratch memory of its own."""

    def __init__(self) -> None:
        with torch._C.DisableTorchFunction():
            self._scratch = torch.empty(BLOCK, dtype=torch.float32, device="cpu")
            self._nonzero = torch.empty(BLOCK, dtype=torch.bool, device="cpu")

    def measure(self, tensor: Tensor) -> TensorStats:
        """The statistics of any tensor; what cannot be read is told in the note. Torch function modes must be off."""
        try:
            with torch.no_grad():
                if type(tensor) is Tensor and tensor.dtype is torch.float32 and _in_one_piece(tensor):
                    return self._of_vector(tensor.detach().view(-1))
                return self._of_values(values_of(tensor))
        except UnreadableError as reason:
            return TensorStats(elements=_count(tensor), note=str(reason))
        except Exception as error:
            what = f"{type(error).__name__}: {message_of(error)}"
            return TensorStats(elements=_count(tensor), note=sendable(f"its values cannot be read: {what}"))

    def _of_vector(self, vector: Tensor) -> TensorStats:
        tally = Tally(self._nonzero)
        if vector.numel() <= BLOCK:
            if vector.numel():
                tally.add(vector, 0, self._scratch)
        else:
            for number, block in enumerate(torch.split(vector, BLOCK)):
                tally.add(block, number, self._scratch)
        return _told(tally, vector.numel())

    def _of_values(self, values: Values) -> TensorStats:
        dtype = torch.float32 if values.dtype in _NARROW else torch.float64
        on_cpu = values.device.type == "cpu"
        length = min(max(values.elements, 1), BLOCK if on_cpu else DEVICE_BLOCK)
        if on_cpu and dtype is torch.float32:
            scratch, nonzero = self._scratch[:length], self._nonzero[:length]
        else:
            scratch = torch.empty(length, dtype=dtype, device=values.device)
            nonzero = torch.empty(length, dtype=torch.bool, device=values.device)
        tally = _swept(values, scratch, nonzero)
        scaled, factor = tally, 1.0
        if tally.moments.count and dtype is torch.float64 and not safe(dtype, tally.minimum, tally.maximum):
            factor = toward_one(tally)
            scaled = _swept(values, scratch, nonzero, factor)
        return _told(tally, values.elements, values.repeats, values.note, scaled, factor)


def _in_one_piece(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.layout is torch.strided and tensor.is_contiguous()


def _swept(values: Values, scratch: Tensor, nonzero: Tensor, factor: float = 1.0) -> Tally:
    tally = Tally(nonzero)
    for number, block in enumerate(values.blocks(len(scratch), scratch.dtype, factor)):
        if block.numel():
            tally.add(block, number, scratch)
    return tally


def _told(
    tally: Tally, elements: int, times: int = 1, note: str = "", scaled: Tally | None = None, factor: float = 1.0
) -> TensorStats:
    scaled = scaled or tally
    some = tally.moments.count > 0
    return TensorStats(
        elements=elements,
        nan=tally.nan * times,
        positive_infinity=tally.positive_infinity * times,
        negative_infinity=tally.negative_infinity * times,
        zeros=tally.zeros * times,
        minimum=tally.minimum if some else None,
        maximum=tally.maximum if some else None,
        mean=tally.between(scaled.moments.mean / factor) if some else None,
        std=scaled.moments.deviation / factor if some else None,
        note=note,
    )


def _count(tensor: Tensor) -> int:
    try:
        return tensor.numel()
    except Exception:  # an uninitialised parameter has no size, and a subclass may refuse to say it
        return 0
