"""What comes of an operation whose arguments are all as they were before: remembered, it need not be found out again.

Operations repeat: of a model's hundreds of calls most have been made before with the same shapes. What is remembered
depends on nothing but the operation, the layouts of its tensors and its other arguments; what could depend on more is
not remembered. No tensor is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

Key = tuple[Any, ...]

_PLAIN = frozenset(
    {int, float, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size}
)
REAL = frozenset({Tensor, nn.Parameter})
_UNSTEADY = tuple(
    getattr(torch.Tag, name)
    for name in ("dynamic_output_shape", "data_dependent_output", "inplace_view")
    if hasattr(torch.Tag, name)
)
_UNSAFE_VIEW = torch.ops.aten._unsafe_view.default
"""A view that its schema does not call one."""
_MOST = 20_000
"""Results that are remembered at one time."""


class Relation(Enum):
    """How what comes out of an operation stands to what went in."""

    FRESH = "fresh"
    """Tensors of their own."""
    WRITES = "writes"
    """The same, of an operation that writes to arguments as well, as running statistics are."""
    FIRST = "first"
    """The first argument, written to."""
    VIEW = "view"
    """Parts of the first argument."""


_OF_FIRST = (Relation.FIRST, Relation.VIEW)
_WRITING = (Relation.FIRST, Relation.WRITES)


class Layout(NamedTuple):
    """All that a tensor without values is."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    offset: int


class Result(NamedTuple):
    """What came out: layouts, with None where None came."""

    relation: Relation
    layouts: tuple[Layout | None, ...]
    container: type | None
    """tuple or list; None of a lone tensor."""


class ShapeMemo:
    """Results by the key of their operation."""

    def __init__(self) -> None:
        self._results: dict[Key, Result] = {}
        self._relations: dict[OpOverload, Relation | None] = {}

    def key(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key | None:
        """By what an operation is remembered; None when it must be found out every time."""
        try:
            relation = self._relations[function]
        except KeyError:
            relation = self._relations[function] = _relation(function)
        if relation is None or (relation in _OF_FIRST and type(args[0]) is not FakeTensor):
            return None
        parts: list[Any] = [function, torch.get_default_dtype()]
        tensors = _Tensors()
        if not tensors.describe(args, parts, relation is Relation.VIEW):
            return None
        if kwargs:
            parts.append(tuple(kwargs))
            if not tensors.describe(kwargs.values(), parts, False):
                return None
        if not tensors.count or (tensors.constants and (relation in _WRITING or tensors.constants == tensors.count)):
            return None  # Of constants the values count too.
        return tuple(parts)

    def keep(self, key: Key, args: tuple[Any, ...], out: Any) -> None:
        """Remember what came out, if it can be made again from its layout alone."""
        relation = self._relations[key[0]]
        assert relation is not None
        result = _FITTING[relation](args, out)
        if result is not None:
            if len(self._results) >= _MOST:
                self._results.clear()
            self._results[key] = result

    def recall(self, key: Key, mode: FakeTensorMode, args: tuple[Any, ...]) -> tuple[bool, Any]:
        """Whether it is remembered, and what comes out then."""
        result = self._results.get(key)
        if result is None:
            return False, None
        if result.relation is Relation.FIRST:
            return True, args[0]
        storage = args[0].untyped_storage() if result.relation is Relation.VIEW else None
        made = [layout and _make(layout, mode, storage) for layout in result.layouts]
        return True, made[0] if result.container is None else result.container(made)


class _Tensors:
    """Describes arguments, and counts the tensors among them."""

    def __init__(self) -> None:
        self.count = self.constants = 0

    def describe(self, values: Iterable[Any], parts: list[Any], offsets: bool) -> bool:
        """Add what an operation sees of its arguments; False when some of it cannot be told."""
        for value in values:
            kind = type(value)
            if kind is FakeTensor:
                if value.layout is not torch.strided or value.dtype.is_complex:
                    return False
                self.constants += value.constant is not None
                parts.append((value.shape, value.stride(), value.dtype, value.fake_device))
            elif kind in REAL:
                if offsets or value.layout is not torch.strided or value.dtype.is_complex or value.is_nested:
                    return False
                parts.append((value.shape, value.stride(), value.dtype, value.device))
            elif kind in _PLAIN:
                parts.append(kind)  # 1, 1.0 and True are equal to a dictionary.
                parts.append(value)
                continue
            elif kind is list or kind is tuple:
                parts.append(len(value))
                if not self.describe(value, parts, offsets):
                    return False
                continue
            else:
                return False
            self.count += 1
            if offsets:
                parts.append(value.storage_offset())
        return True


def _relation(function: Any) -> Relation | None:
    if not isinstance(function, OpOverload) or function.namespace != "aten":
        return None
    if any(tag in function.tags for tag in _UNSTEADY):
        return None
    schema = function._schema
    if function is _UNSAFE_VIEW:
        return Relation.VIEW
    if schema.returns and all(result.alias_info is None for result in schema.returns):
        return Relation.WRITES if schema.is_mutable else Relation.FRESH
    aliased = [number for number, argument in enumerate(schema.arguments) if argument.alias_info is not None]
    if aliased != [0] or len(schema.returns) != 1 or schema.returns[0].alias_info is None:
        return None
    if (alias := schema.arguments[0].alias_info) is not None and alias.is_write:
        return Relation.FIRST
    return Relation.VIEW if function.is_view else None


# --- from what came out to a result -----------------------------------------------------------------------------------


def _fresh(args: tuple[Any, ...], out: Any) -> Result | None:
    container = _container(out)
    tensors = out if container else (out,)
    storages = {argument.untyped_storage()._cdata for argument in args if _is_bare(argument)}
    for tensor in tensors:
        if tensor is None:
            continue
        if not _is_bare(tensor) or tensor.storage_offset() or any(tensor is argument for argument in args):
            return None
        storage = tensor.untyped_storage()
        if storage._cdata in storages or storage.nbytes() != _extent(tensor):
            return None
        storages.add(storage._cdata)
    return Result(Relation.FRESH, tuple(tensor if tensor is None else _layout(tensor) for tensor in tensors), container)


def _first(args: tuple[Any, ...], out: Any) -> Result | None:
    return Result(Relation.FIRST, (), None) if out is args[0] and type(out) is FakeTensor else None


def _view(args: tuple[Any, ...], out: Any) -> Result | None:
    container = _container(out)
    tensors = out if container else (out,)
    if type(args[0]) is not FakeTensor or not all(map(_is_bare, tensors)):
        return None
    storage = args[0].untyped_storage()._cdata
    if any(tensor.untyped_storage()._cdata != storage for tensor in tensors):
        return None
    return Result(Relation.VIEW, tuple(map(_layout, tensors)), container)


_FITTING = {Relation.FRESH: _fresh, Relation.WRITES: _fresh, Relation.FIRST: _first, Relation.VIEW: _view}


def _container(out: Any) -> type | None:
    return tuple if isinstance(out, tuple) else list if isinstance(out, list) else None


def _is_bare(tensor: Any) -> bool:
    return type(tensor) is FakeTensor and tensor.layout is torch.strided and tensor.constant is None


def _layout(tensor: FakeTensor) -> Layout:
    return Layout(tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.fake_device, int(tensor.storage_offset()))


def _extent(tensor: Tensor) -> int:
    """Bytes from the first element to the last."""
    if not tensor.numel():
        return 0
    steps = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return (steps + 1) * tensor.element_size()


def _make(layout: Layout, mode: FakeTensorMode, storage: Any) -> FakeTensor:
    if storage is None:
        meta = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device="meta")
    else:
        meta = torch.empty(0, dtype=layout.dtype, device="meta")
        meta.set_(storage, layout.offset, layout.shape, layout.stride)
    return FakeTensor(mode, meta, layout.device)
