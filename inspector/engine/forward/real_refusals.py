"""What a real operation refuses to take, in its own words: asked of itself, with tensors that take no memory.

The rules for shapes that torch has for tensors without values leave dtypes out for products and norms, so a model that
mixes them would run dry and fail for real; and of sizes that do not multiply they tell in words that nobody knows.
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


def refuse_unequal(function: Any, args: Arguments) -> None:
    """Raise what a real run would, where rows and columns of a product are not as long as each other."""
    place = _FACTORS.get(function)
    if place is None or len(args) < place + 2:
        return
    left, right = args[place], args[place + 1]
    if left.dim() > 1 and right.dim() > 1 and left.shape[-1] != right.shape[-2]:
        function(*(torch.zeros((), dtype=t.dtype).expand(t.shape) if isinstance(t, Tensor) else t for t in args))


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

_FACTORS: dict[Any, int] = {
    torch.ops.aten.mm.default: 0,
    torch.ops.aten.bmm.default: 0,
    torch.ops.aten.addmm.default: 1,
    torch.ops.aten.baddbmm.default: 1,
}
"""Where the first of the two factors stands among the arguments."""
