"""What comes of operations of which torch's rules for shapes refuse what its CPU kernels take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_ALIGNED = 16
"""Bytes: rows of a grouped product begin at multiples of so many."""


def grouped_product(
    a: Tensor, b: Tensor, offs: Tensor | None = None, bias: Any = None, out_dtype: torch.dtype | None = None
) -> Tensor:
    """torch's own rule is that of a GPU, and knows no dtype but bfloat16."""
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    shape = [a.shape[-2], b.shape[-1]]
    if a.dim() == b.dim():
        shape.insert(0, a.shape[0] if a.dim() == 3 else offs.shape[0] if offs is not None else 1)
    dtype = out_dtype or a.dtype
    along = _ALIGNED // dtype.itemsize
    row = -(-shape[-1] // along) * along
    return torch.empty_strided(shape, (shape[-2] * row, row, 1)[-len(shape) :], dtype=dtype, device="meta")


OWN: dict[Any, Callable[..., Tensor]] = {}
"""By operation; each gives a tensor on the meta device."""
if (_grouped := getattr(torch.ops.aten, "_grouped_mm", None)) is not None:  # since torch 2.8
    OWN[_grouped.default] = grouped_product
