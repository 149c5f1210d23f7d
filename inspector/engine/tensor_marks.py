"""What a tensor is beside its values: its memory, its class, whether it trains, its gradient, its hooks, its version.

The values belong to its storages, which `storages` keeps; a tensor only says which they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from inspector.engine.failure import message_of
from inspector.engine.manners import identical
from inspector.engine.tensor_values import COMPRESSED

_HOOK_TABLES = ("_backward_hooks", "_post_accumulate_grad_hooks")


class TensorMarks:
    """One tensor as it was found. To be made and asked with torch's own functions overridden by nobody."""

    __slots__ = ("_alias", "_gradient", "_history", "_hooks", "_trainable", "_version", "storages", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._alias = _alias(tensor)
        """Another tensor with the same memory: what it is put back from when the memory was replaced."""
        self._version = _read(tensor, "_version")
        self._trainable = _read(tensor, "requires_grad")
        self._history = _read(tensor, "grad_fn")
        self._gradient = self._gradient_now()
        self._hooks = tuple(_hooks(tensor, name) for name in _HOOK_TABLES)
        self.storages = tuple(_storages(tensor))

    @property
    def gradient(self) -> Tensor | None:
        """The gradient that it had."""
        return self._gradient

    def written(self) -> bool:
        """Whether its version counter or its memory is another; what goes around both is not seen."""
        return _read(self.tensor, "_version") != self._version or not self._in_place()

    def restore(self) -> Iterator[str]:
        """Put back everything but values and version; tell in words what cannot be."""
        tensor = self.tensor
        if not self._in_place():
            yield from _attempt("its memory", lambda: setattr(tensor, "data", self._alias))
        if _read(tensor, "grad_fn") is not self._history:
            yield from self._cut_history()
        if _read(tensor, "requires_grad") is not self._trainable:
            yield from _attempt("requires_grad", lambda: tensor.requires_grad_(bool(self._trainable)))
        if self._gradient_now() is not self._gradient:
            yield from _attempt("its gradient", lambda: setattr(tensor, "grad", self._gradient))
        for name, before in zip(_HOOK_TABLES, self._hooks, strict=True):
            if not identical(before, _hooks(tensor, name)):
                yield from _attempt(f"its {name.lstrip('_')}", partial(_put_hooks, tensor, name, before))

    def restore_version(self) -> bool:
        """Take the version counter back, its values being what they were; says whether it could be done."""
        now = _read(self.tensor, "_version")
        if now == self._version:
            return True
        write: Any = torch._C._autograd._unsafe_set_version_counter
        for arguments in (((self.tensor,), (self._version,)), (self.tensor, self._version)):  # of torch 2.4 the latter
            try:
                write(*arguments)
            except Exception:  # some layouts have no counter
                continue
            break
        return bool(_read(self.tensor, "_version") == self._version)

    def _in_place(self) -> bool:
        """Whether it still is what its alias is."""
        alias, tensor = self._alias, self.tensor
        if alias is None:
            return True
        try:
            if tensor.dtype is not alias.dtype or tensor.layout is not alias.layout or tensor.device != alias.device:
                return False
            if tensor.layout is torch.strided:
                with torch._C._DisableTorchDispatch():
                    return tensor.is_set_to(alias)
            return tensor.shape == alias.shape and identical(tuple(_storages(tensor)), self.storages)
        except Exception:  # what it was answered all this
            return False

    def _cut_history(self) -> Iterator[str]:
        if self._history is None:
            yield from _attempt("its history", self.tensor.detach_)
        else:
            yield "its history is another now: it was written to by an operation that autograd records"

    def _gradient_now(self) -> Tensor | None:
        gradient: Tensor | None = _read(self.tensor, "grad") if _read(self.tensor, "is_leaf") else None
        return gradient


def _attempt(what: str, action: Callable[[], object]) -> Iterator[str]:
    try:
        with torch.no_grad():
            action()
    except Exception as error:
        yield f"{what} cannot be put back ({type(error).__name__}: {message_of(error)})"


def _alias(tensor: Tensor) -> Tensor | None:
    """None of what has no memory of its own: fake and nested tensors, wrappers around other tensors."""
    try:
        if tensor.is_nested:
            return None
        with torch._C._DisableTorchDispatch():
            alias = tensor.detach()
            return alias if alias.layout is not torch.strided or alias.is_set_to(tensor) else None
    except Exception:
        return None


def _storages(tensor: Tensor) -> Iterator[torch.UntypedStorage]:
    for part in _parts(tensor):
        if part is not tensor and _is_wrapper(part):
            yield from _storages(part)
            continue
        try:
            with torch._C._DisableTorchDispatch():
                yield part.untyped_storage()
        except Exception:  # an opaque layout: nothing but its version can be compared
            continue


def _is_wrapper(tensor: Tensor) -> bool:
    """Whether it has no memory, but other tensors that have."""
    return bool(is_traceable_wrapper_subclass(tensor))


def _parts(tensor: Tensor) -> tuple[Tensor, ...]:
    """The strided tensors that hold its values."""
    layout = _read(tensor, "layout")
    try:
        if _is_wrapper(tensor):
            wrapper: Any = tensor
            return tuple(getattr(wrapper, name) for name in wrapper.__tensor_flatten__()[0])
        if layout is torch.sparse_coo:
            return tensor._indices(), tensor._values()
        if layout in COMPRESSED:
            rows = layout in (torch.sparse_csr, torch.sparse_bsr)
            if rows:
                return tensor.crow_indices(), tensor.col_indices(), tensor.values()
            return tensor.ccol_indices(), tensor.row_indices(), tensor.values()
    except Exception:
        return ()
    return (tensor,)


def _hooks(tensor: Tensor, name: str) -> tuple[Any, ...]:
    """A table of hooks, its keys and its hooks, flat; None alone where there is no table."""
    table = _read(tensor, name)
    return (None,) if table is None else (table, *table.keys(), *table.values())


def _put_hooks(tensor: Tensor, name: str, before: tuple[Any, ...]) -> None:
    table, *entries = before
    setattr(tensor, name, table)
    if table is not None:
        half = len(entries) // 2
        table.clear()
        table.update(zip(entries[:half], entries[half:], strict=True))


def _read(tensor: Tensor, attribute: str) -> Any:
    try:
        return getattr(tensor, attribute)
    except Exception:
        return None
