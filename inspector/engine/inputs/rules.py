"""What a function of torch wants of the tensors that it is called with: sizes of axes, numbers of axes, dtypes.

Read off the arguments themselves, before the call: no error text is needed to know that a Linear of 576 features does
not take 400. What cannot be told before is left to the failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Want(NamedTuple):
    """One thing that a tensor must have."""

    tensor: Tensor
    what: str
    """axis, rank, integers, truth, floating, larger, elements, or shape"""
    axis: int = 0
    size: int = 0
    """Of the axis; of integers the number of values; the number of axes; of elements what they must be divisible by."""
    phrase: str = ""
    """What is wanted in words: `takes 1 channel`"""
    dtype: str = ""

    @property
    def met(self) -> bool:
        """Whether the tensor has it."""
        tensor = self.tensor
        match self.what:
            case "axis":
                return tensor.dim() > self.axis and tensor.shape[self.axis] == self.size
            case "rank":
                return tensor.dim() == self.size
            case "integers":
                return tensor.dtype in (torch.int64, torch.int32)
            case "truth":
                return tensor.dtype is torch.bool
            case "floating":
                return str(tensor.dtype) == f"torch.{self.dtype}"
            case "elements":
                return not self.size or tensor.numel() % self.size == 0
            case _:
                return False


Rule = Callable[[tuple[Any, ...], dict[str, Any]], Iterator[Want]]


def wants(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Want]:
    """Everything that is wanted in this call; nothing of a function that is not known."""
    rule = _RULES.get(name)
    if rule is None:
        return []
    try:
        return [want for want in rule(args, kwargs) if isinstance(want.tensor, Tensor)]
    except Exception:  # Called in a way that the rule does not read: torch itself will say what it thinks of it.
        return []


def counted(number: int, noun: str) -> str:
    """`1 channel`, `3 channels`"""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], index: int, name: str) -> Any:
    return args[index] if index < len(args) else kwargs.get(name)


def _last(tensor: Tensor) -> int:
    return max(tensor.dim() - 1, 0)


def _dtype_of(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _linear(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    x, weight = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 1, "weight")
    yield Want(x, "floating", dtype=_dtype_of(weight))
    wide = weight.shape[-1]
    yield Want(x, "axis", _last(x), wide, f"wants {wide}")


def _convolution(args: tuple[Any, ...], kwargs: dict[str, Any], transposed: bool = False) -> Iterator[Want]:
    x, weight = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 1, "weight")
    groups = _argument(args, kwargs, 6, "groups") or 1
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    yield Want(x, "rank", 0, weight.dim(), f"takes {counted(channels, 'channel')}")
    yield Want(x, "floating", dtype=_dtype_of(weight))
    yield Want(x, "axis", 1, channels, f"takes {counted(channels, 'channel')}")


def _transposed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    return _convolution(args, kwargs, transposed=True)


def _embedding(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    ids, weight = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 1, "weight")
    rows = weight.shape[0]
    yield Want(ids, "integers", 0, rows, f"has {counted(rows, 'row')}")


def _batch_norm(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    x = _argument(args, kwargs, 0, "input")
    for index, name in ((1, "running_mean"), (3, "weight")):
        known = _argument(args, kwargs, index, name)
        if isinstance(known, Tensor):
            yield Want(x, "axis", 1, known.numel(), f"takes {counted(known.numel(), 'channel')}")
            return


def _group_norm(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    x, weight = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 2, "weight")
    if isinstance(weight, Tensor):
        yield Want(x, "axis", 1, weight.numel(), f"takes {counted(weight.numel(), 'channel')}")


def _layer_norm(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    x, shape = _argument(args, kwargs, 0, "input"), tuple(_argument(args, kwargs, 1, "normalized_shape"))
    for place, size in enumerate(shape):
        yield Want(x, "axis", x.dim() - len(shape) + place, size, f"normalises {counted(size, 'feature')}")


def _matmul(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    one, other = args[0], _argument(args, kwargs, 1, "other")
    yield from _product(one, other)


def _reversed_matmul(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    yield from _product(args[1], args[0])


def _added_product(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    yield from _product(args[1], args[2])


def _product(one: Tensor, other: Tensor) -> Iterator[Want]:
    inner = other.shape[-2] if other.dim() > 1 else other.shape[0]
    yield Want(one, "floating", dtype=_dtype_of(other))
    yield Want(other, "floating", dtype=_dtype_of(one))
    yield Want(one, "axis", _last(one), inner, f"multiplies it by {counted(inner, 'row')}")
    yield Want(
        other, "axis", max(other.dim() - 2, 0), one.shape[-1], f"multiplies it by {counted(one.shape[-1], 'column')}"
    )


def _recurrent(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    """Of a layer the third argument is the list of its weights, of a cell the first weight."""
    x, weights = args[0], args[2]
    wide = (weights[0] if isinstance(weights, (tuple, list)) else weights).shape[1]
    yield Want(x, "floating", dtype=_dtype_of(weights[0] if isinstance(weights, (tuple, list)) else weights))
    yield Want(x, "axis", _last(x), wide, f"takes {counted(wide, 'feature')}")


def _many_heads(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    query, wide = args[0], args[3]
    yield Want(query, "axis", _last(query), wide, f"takes {counted(wide, 'feature')}")


def _bilinear(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    one, other, weight = args[:3]
    yield Want(one, "axis", _last(one), weight.shape[1], f"wants {weight.shape[1]}")
    yield Want(other, "axis", _last(other), weight.shape[2], f"wants {weight.shape[2]}")


def _view(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    sizes = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    if not sizes or isinstance(sizes[0], torch.dtype) or -1 not in sizes:
        return
    fixed = 1
    for size in sizes:
        fixed *= size if size > 0 else 1
    kept = args[0].shape[0] if args[0].dim() and sizes[0] == args[0].shape[0] and sizes[0] > 0 else 1
    yield Want(args[0], "elements", 0, fixed, f"views it in {counted(fixed // kept, 'value')}")


def _permuted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    order = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    yield Want(args[0], "rank", 0, len(order))


def _exchanged(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    highest = max(axis for axis in args[1:3] if type(axis) is int)
    if highest >= args[0].dim():
        yield Want(args[0], "rank", 0, highest + 1)


def _elementwise(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    one, other = args[0], _argument(args, kwargs, 1, "other")
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return
    for short, long in ((one, other), (other, one)):
        if 1 < short.dim() < long.dim() and isinstance(long, torch.nn.Parameter):
            yield Want(short, "rank", 0, long.dim())
    for back in range(1, min(one.dim(), other.dim()) + 1):
        here, there = one.shape[-back], other.shape[-back]
        if here != there and 1 not in (here, there):
            yield Want(one, "axis", one.dim() - back, there, f"combines it with {there}")
            yield Want(other, "axis", other.dim() - back, here, f"combines it with {here}")


def _split(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    sizes = args[1] if len(args) > 1 else kwargs.get("split_size_or_sections", kwargs.get("split_size"))
    if isinstance(sizes, (tuple, list)):
        axis = (_argument(args, kwargs, 2, "dim") or 0) % max(args[0].dim(), 1)
        yield Want(args[0], "axis", axis, sum(sizes), f"splits it in {sum(sizes)}")


def _joined(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    tensors = _argument(args, kwargs, 0, "tensors")
    dim = _argument(args, kwargs, 1, "dim") or 0
    first, *others = tensors
    along = dim % first.dim()
    for other in others:
        yield Want(other, "rank", 0, first.dim())
        yield Want(first, "rank", 0, other.dim())
        for axis in range(min(first.dim(), other.dim())):
            if axis != along and first.shape[axis] != other.shape[axis]:
                yield Want(other, "axis", axis, first.shape[axis], f"joins it with {first.shape[axis]}")
                yield Want(first, "axis", axis, other.shape[axis], f"joins it with {other.shape[axis]}")


def _indexed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    source, index = args[:2]
    indices = index if isinstance(index, tuple) else (index,)
    axis = 0
    for part in indices:
        if isinstance(part, Tensor) and part.dtype is not torch.bool:
            yield Want(part, "integers", 0, source.shape[min(axis, _last(source))], "uses it as an index")
        axis += part is not None


def _gathered(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    source, dim, index = args[0], _argument(args, kwargs, 1, "dim"), _argument(args, kwargs, 2, "index")
    yield Want(index, "integers", 0, source.shape[dim], "uses it as an index")


def _masked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    yield Want(_argument(args, kwargs, 1, "mask"), "truth", phrase="uses it as a mask")


def _conditional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    yield Want(_argument(args, kwargs, 0, "condition"), "truth", phrase="uses it as a condition")


def _one_hot(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    classes = _argument(args, kwargs, 1, "num_classes")
    yield Want(
        args[0], "integers", 0, classes if isinstance(classes, int) and classes > 0 else 10, "takes it as a class"
    )


def _inverted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    if args[0].is_floating_point():
        yield Want(args[0], "truth", phrase="inverts it")


def _classified(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    scores, target = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 1, "target")
    classes = scores.shape[1] if scores.dim() > 1 else scores.shape[0]
    if target.shape != scores.shape:
        yield Want(target, "integers", 0, classes, f"takes it as one of {classes} classes")
        yield Want(target, "rank", 0, max(scores.dim() - 1, 0))


def _attended(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    query, key = args[:2]
    yield Want(key, "axis", _last(key), query.shape[-1], f"wants {query.shape[-1]} features")


def _einsum(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Want]:
    letters: dict[str, int] = {}
    operands = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    terms = args[0].replace(" ", "").split("->")[0].split(",")
    for term, tensor in zip(terms, operands, strict=True):
        if isinstance(tensor, torch.nn.Parameter):
            letters.update(zip(term, tensor.shape, strict=True))
    for term, tensor in zip(terms, operands, strict=True):
        yield Want(tensor, "rank", 0, len(term))
        for axis, letter in enumerate(term):
            size = letters.setdefault(letter, tensor.shape[axis])
            yield Want(tensor, "axis", axis, size, f"wants {size} for {letter}")


_RULES: dict[str, Rule] = {
    "linear": _linear,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed),
    **dict.fromkeys(("embedding", "embedding_bag"), _embedding),
    **dict.fromkeys(("batch_norm", "instance_norm"), _batch_norm),
    "group_norm": _group_norm,
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer_norm),
    **dict.fromkeys(("matmul", "mm", "bmm", "__matmul__", "mv", "dot"), _matmul),
    "__rmatmul__": _reversed_matmul,
    **dict.fromkeys(("addmm", "baddbmm"), _added_product),
    **dict.fromkeys(
        ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _recurrent
    ),
    "multi_head_attention_forward": _many_heads,
    "bilinear": _bilinear,
    **dict.fromkeys(("view", "reshape"), _view),
    **dict.fromkeys(
        ("add", "sub", "mul", "div", "__add__", "__sub__", "__mul__", "__truediv__", "__radd__", "__rmul__", "__rsub__",
         "add_", "mul_", "sub_", "__iadd__", "__imul__", "true_divide", "maximum", "minimum", "mse_loss", "l1_loss",
         "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_similarity", "eq", "__eq__",
         "smooth_l1_loss", "huber_loss", "kl_div", "pairwise_distance", "__and__", "__or__", "pow", "__pow__"),
        _elementwise,
    ),
    **dict.fromkeys(("cat", "concat", "concatenate"), _joined),
    "__getitem__": _indexed,
    "permute": _permuted,
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    "transpose": _exchanged,
    **dict.fromkeys(("gather", "index_select", "take_along_dim"), _gathered),
    "masked_fill": _masked,
    "where": _conditional,
    "one_hot": _one_hot,
    **dict.fromkeys(("__invert__", "bitwise_not"), _inverted),
    **dict.fromkeys(("cross_entropy", "nll_loss"), _classified),
    "scaled_dot_product_attention": _attended,
    "einsum": _einsum,
}  # fmt: skip
