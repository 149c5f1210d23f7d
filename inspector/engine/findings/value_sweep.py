"""One pass over the values of all parameters and buffers: their sums, which tell at once what is worth a second look.

A sum is not finite if a value is not; equal values have equal sums; and the sum of a constant is known. So one fast
reduction finds every candidate, and only candidates are looked at exactly. After some megabytes the sweep yields.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.forms import Form
from inspector.engine.tensor_values import UnreadableError, values_of

BATCH_BYTES = 64 << 20
BATCH_TENSORS = 4096
SLICE = 1 << 22
"""Elements of one slice of a tensor that is read block by block."""
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@dataclass(slots=True)
class Sweep:
    """What was found of every tensor that has floating values."""

    rows: list[int] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    constant: list[bool] = field(default_factory=list)
    """Whether all values are one; asked of plain tensors with several axes alone."""


def sweeping(anatomy: Anatomy) -> Generator[None, None, Sweep]:
    """Add up every parameter and buffer, yielding between some of them."""
    sweep = Sweep()
    batch: dict[torch.dtype, list[int]] = {}
    size = count = 0
    for row, tensor, form in anatomy.tensors():
        if form.lazy or form.meta or not form.elements:
            continue
        plain = form.plain and tensor.dtype in _DTYPES
        if not plain and not _has_real_values(tensor):
            continue
        index = len(sweep.rows)
        sweep.rows.append(row)
        sweep.tensors.append(tensor)
        sweep.forms.append(form)
        sweep.sums.append(0.0)
        sweep.constant.append(False)
        if plain:
            batch.setdefault(tensor.dtype, []).append(index)
        else:
            sweep.sums[index] = _sum_of_unusual(tensor)
        size, count = size + form.bytes, count + 1
        if size >= BATCH_BYTES or count >= BATCH_TENSORS:
            _add_up(sweep, batch)
            batch, size, count = {}, 0, 0
            yield
    _add_up(sweep, batch)
    return sweep


def _add_up(sweep: Sweep, batch: dict[torch.dtype, list[int]]) -> None:
    for dtype, indices in batch.items():
        with torch.no_grad():
            wide = torch.float64 if dtype is torch.float64 else torch.float32
            sums = [sweep.tensors[index].detach().sum(dtype=wide) for index in indices]
            for device in dict.fromkeys(each.device for each in sums):
                here = [place for place, each in enumerate(sums) if each.device == device]
                told = torch.stack([sums[place] for place in here]).tolist()
                for place, value in zip(here, told, strict=True):
                    sweep.sums[indices[place]] = value
            _find_constants(sweep, [index for index in indices if len(sweep.forms[index].shape or ()) > 1])


def _find_constants(sweep: Sweep, indices: list[int]) -> None:
    """Only a tensor whose sum is what its first value would add up to is looked at as a whole."""
    firsts = [sweep.tensors[index][(0,) * len(sweep.forms[index].shape or ())].item() for index in indices]
    for index, first in zip(indices, firsts, strict=True):
        total, count = sweep.sums[index], sweep.forms[index].elements
        if count > 1 and abs(first * count - total) <= 1e-3 * abs(total) + 1e-6 * abs(first) * count:
            low, high = torch.aminmax(sweep.tensors[index])
            sweep.constant[index] = bool((low == high).item())


def _has_real_values(tensor: Tensor) -> bool:
    """Whether a tensor that is not plain has values that may be not finite."""
    with torch._C.DisableTorchFunctionSubclass():
        try:
            return tensor.is_floating_point() or tensor.is_complex()
        except Exception:  # a class of the user's that says nothing of itself
            return False


def _sum_of_unusual(tensor: Tensor) -> float:
    """The sum of a sparse, complex or otherwise special tensor, block by block; 0 of one that cannot be read."""
    try:
        values = values_of(tensor)
        return sum(float(block.sum().item()) for block in values.blocks(SLICE, torch.float64))
    except (UnreadableError, RuntimeError, NotImplementedError, TypeError):
        return 0.0


@dataclass(frozen=True, slots=True)
class NotFinite:
    """How many values of a tensor are not finite, and where the first of them is."""

    nan: int
    positive: int
    negative: int
    first: int | None
    """Its place among all elements; None where they lie in no order of their own."""

    @property
    def count(self) -> int:
        """All of them."""
        return self.nan + self.positive + self.negative


def not_finite(tensor: Tensor) -> NotFinite:
    """Count what is not finite, exactly."""
    nan = positive = negative = 0
    first: int | None = None
    offset = 0
    ordered = type(tensor) in (Tensor, torch.nn.Parameter) and tensor.layout is torch.strided
    source = tensor.detach().contiguous() if ordered and not tensor.is_contiguous() else tensor
    for block in values_of(source).blocks(SLICE, torch.float32 if _is_narrow(tensor) else torch.float64):
        if not block.isfinite().all():
            nan += int(block.isnan().sum())
            positive += int(block.isposinf().sum())
            negative += int(block.isneginf().sum())
            if first is None:
                first = offset + int((~block.isfinite()).nonzero()[0])
        offset += block.numel()
    expanded = offset != tensor.numel()
    return NotFinite(nan, positive, negative, first if ordered and not expanded else None)


def _is_narrow(tensor: Tensor) -> bool:
    return tensor.dtype in (torch.float32, torch.float16, torch.bfloat16)


def index_of(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The place of an element as an index for every axis."""
    index: list[int] = []
    for size in reversed(shape):
        place, rest = divmod(place, size)
        index.append(rest)
    return tuple(reversed(index))
