"""How much memory the tensors of a run hold, and whether a device has that much left.

Counted are storages, from the operation that makes one until nobody holds it any more: a view or a result in place
adds nothing, and the model and its inputs were there before. What a kernel takes for itself while it works is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from inspector.engine.free_memory import free_memory


class LiveBytes:
    """The storages that the operations of one run have made and that somebody holds."""

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0
        self._storages: dict[int, tuple[weakref.ref[Any], int]] = {}
        """By address of the storage: as long as one is alive no other has its address."""

    def see(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """An operation has run."""
        if _makes_storages(function):
            for tensor in _tensors(out):
                self._add(tensor)
        elif _resizes(function):
            for tensor in _tensors(out):
                self._resize(tensor)

    def _add(self, tensor: Tensor) -> None:
        if not _has_storage(tensor):
            return
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages:
            return
        held = storage.nbytes()
        self._storages[key] = (weakref.ref(storage, lambda _: self._drop(key)), held)
        self.now += held
        self.peak = max(self.peak, self.now)

    def _resize(self, tensor: Tensor) -> None:
        if not _has_storage(tensor):
            return
        storage = tensor.untyped_storage()
        if (known := self._storages.get(storage._cdata)) is not None:
            held = storage.nbytes()
            self._storages[storage._cdata] = (known[0], held)
            self.now += held - known[1]
            self.peak = max(self.peak, self.now)

    def _drop(self, key: int) -> None:
        _, held = self._storages.pop(key)
        self.now -= held


def _tensors(out: Any) -> Iterable[Tensor]:
    if isinstance(out, Tensor):
        return (out,)
    if isinstance(out, (list, tuple)):
        return [tensor for part in out for tensor in _tensors(part)]
    return ()


def _has_storage(tensor: Tensor) -> bool:
    """Whether it is a plain tensor of one storage: sparse and nested ones consist of others."""
    return tensor.layout is torch.strided and not tensor.is_nested


def _makes_storages(function: Any) -> bool:
    """Whether nothing of the result is, by the operation's own word, an argument or a part of one."""
    known = _makers.get(function)
    if known is None:
        known = _makers[function] = not isinstance(function, OpOverload) or all(
            result.alias_info is None for result in function._schema.returns
        )
    return known


_makers: dict[Any, bool] = {}


def _resizes(function: OpOverload) -> bool:
    """Whether it may give an argument more memory than that had."""
    return function._schema.overload_name.endswith("out") or function._schema.name in _RESIZING


_RESIZING = frozenset({"aten::resize_", "aten::resize_as_"})


def fits(needed: int, device: torch.device | str = "cpu") -> bool | None:
    """Whether a device has so many bytes left; None of the meta device, where nothing is ever held."""
    device = torch.device(device)
    return None if device.type == "meta" else needed <= free_memory(device)
