"""What comes of operations of which torch's rules for shapes refuse what CPU kernels take, or lay it out otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._prims_common import suggest_memory_format

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

LAID_OUT = frozenset(
    getattr(torch.ops.aten, name).default
    for name in (
        "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training",
        "_batch_norm_no_update", "_batch_norm_with_update", "log_sigmoid_forward",
    )
    if hasattr(torch.ops.aten, name)
)  # fmt: skip
"""Operations whose first result torch's rules lay out like the argument, and its CPU kernels as usual for its shape: of
a transposed argument the one lets itself be viewed and the other does not."""


def laid_out(out: Any, argument: Tensor) -> Tensor | None:
    """The first result as the kernel lays it out, on the meta device; None where it is so already."""
    usual = suggest_memory_format(argument)
    if not isinstance(out, Tensor) or out.device.type != "cpu" or out.is_contiguous(memory_format=usual):
        return None
    return torch.empty(out.shape, dtype=out.dtype, device="meta", memory_format=usual)
