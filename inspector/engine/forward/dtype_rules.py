"""Which dtypes an operation refuses to take together: asked of the operation itself, with one element of each.

The rules for shapes that torch has for tensors without values leave dtypes out for products and norms, so a model that
mixes them would run dry and fail for real. The kernel's own refusal comes out, in its own words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Arguments = tuple[Any, ...]


def refuse_mixed(function: Any, args: Arguments) -> None:
    """Raise what a real run would, where an operation gets tensors of several dtypes that it cannot take together."""
    shrink = _SHRUNKEN.get(function)
    if shrink is None or len({value.dtype for value in args if isinstance(value, Tensor)}) < 2:
        return
    if all(value.device.type in ("cpu", "meta") for value in args if isinstance(value, Tensor)):
        function(*shrink(args))


def _products(args: Arguments) -> Arguments:
    return tuple(_one(value) for value in args)


def _convolution(args: Arguments) -> Arguments:
    x, weight, bias, stride, padding, dilation, transposed, output_padding, _ = args
    ones, zeros = [1] * len(stride), [0] * len(padding)
    return (
        _one(x),
        _one(weight),
        _one(bias),
        ones,
        zeros,
        [1] * len(dilation),
        transposed,
        [0] * len(output_padding),
        1,
    )


def _layer_norm(args: Arguments) -> Arguments:
    x, shape, *rest = args
    return (_one(x), [1] * len(shape), *map(_one, rest))


def _group_norm(args: Arguments) -> Arguments:
    x, weight, bias, _, _, _, _, *rest = args
    return (_one(x), _one(weight), _one(bias), 1, 1, 1, 1, *rest)


def _one(value: Any) -> Any:
    """One element, of a tensor; everything else as it is."""
    return torch.zeros([1] * value.dim(), dtype=value.dtype) if isinstance(value, Tensor) else value


_SHRUNKEN: dict[Any, Callable[[Arguments], Arguments]] = {
    **{
        getattr(torch.ops.aten, name).default: _products
        for name in (
            "mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "linear",
            "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training",
        )
    },
    torch.ops.aten.convolution.default: _convolution,
    torch.ops.aten.native_layer_norm.default: _layer_norm,
    torch.ops.aten.native_group_norm.default: _group_norm,
}  # fmt: skip
"""How to ask an operation with as little as can be."""
