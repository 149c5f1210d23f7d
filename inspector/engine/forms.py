"""What one tensor is, apart from its name and its values: shape, dtype, device, layout, and the memory it holds.

Tensors of a model come in few forms, so one `Form` is made for each and shared. Plain strided tensors are told apart by
a key that is cheap to read; everything else (lazy, sparse, quantized, nested, sharded, fake, a class of the user's
own) is described one by one, and what it will not tell is said in the form's note instead of raised.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from inspector.engine.kinds import home

PLAIN: frozenset[Any] = frozenset((Tensor, nn.Parameter))
"""Classes whose attributes are torch's own C getters: reading one runs nobody's code."""

TRAIN, EVAL, TRAINABLE, FROZEN, LAZY, META = (1 << bit for bit in range(6))
"""What a subtree contains, as bits that are or-ed upward; above them two bits for each dtype and device index."""
FIRST_DTYPE_BIT = 6
DEPTH_OF_WRAPPING = 4

Memory = dict[Hashable, int]
"""Bytes of each storage that a tensor uses, by the storage's identity."""

_SPARSE_PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


@dataclass(slots=True, eq=False, frozen=True)
class Form:
    """Everything that tensors of one form have in common."""

    shape: tuple[int, ...] | None
    dtype: str
    device: str
    requires_grad: bool
    elements: int
    bytes: int
    """elements × item size; of what has more or less memory than that, the memory held here."""
    layout: str
    note: str
    lazy: bool
    meta: bool
    plain: bool
    """Whether its memory is one storage that `untyped_storage()` gives."""
    dtype_index: int
    device_index: int
    parameter_bits: int
    buffer_bits: int
    signature: int


class Forms:
    """Every form met so far, and the dtypes and devices among them."""

    def __init__(self) -> None:
        self.dtypes = ["", "mixed"]
        self.devices = ["", "mixed"]
        self.known: dict[Hashable, Form] = {}
        self._texts: dict[object, str] = {}

    def of(self, tensor: Tensor) -> Form:
        """The form of any tensor; never raises, whatever the tensor's class does."""
        return self.describe(tensor)[0]

    def describe(self, tensor: Tensor) -> tuple[Form, Memory]:
        """The form of a tensor, and the storages that hold it."""
        if type(tensor) in PLAIN:
            form = self.meet(tensor)
            if form.plain:
                storage = tensor.untyped_storage()
                return form, {storage._cdata: storage.nbytes()}
        with torch._C.DisableTorchFunctionSubclass():
            return self._unusual(tensor)

    def meet(self, tensor: Tensor) -> Form:
        """The form of a tensor whose class is Tensor or Parameter, interned by what is cheap to read."""
        try:
            key = (tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad, tensor.layout)
        except RuntimeError:  # a nested tensor has no shape
            with torch._C.DisableTorchFunctionSubclass():
                return self._unusual(tensor)[0]
        form = self.known.get(key)
        if form is None:
            form = self.known[key] = self._plain(tensor) if _is_plain(tensor) else self._unusual(tensor)[0]
        return form

    def _plain(self, tensor: Tensor) -> Form:
        return self._form(
            shape=tuple(tensor.shape),
            dtype=self._text(tensor.dtype),
            device=self._text(tensor.device),
            requires_grad=tensor.requires_grad,
            elements=tensor.numel(),
            size=tensor.nbytes,
            meta=tensor.is_meta,
            plain=True,
        )

    def _unusual(self, tensor: Tensor) -> tuple[Form, Memory]:
        dtype, device = self._text(_read(tensor, "dtype", "")), self._text(_read(tensor, "device", ""))
        requires_grad = bool(_read(tensor, "requires_grad", False))
        if isinstance(tensor, UninitializedTensorMixin):
            form = self._form(shape=None, dtype=dtype, device=device, requires_grad=requires_grad, lazy=True)
            return form, {("object", id(tensor)): 0}
        shape, note = _shape(tensor)
        elements = _elements(tensor, shape)
        memory, meta = _memory(tensor, elements)
        form = self._form(
            shape=shape,
            dtype=dtype,
            device=device,
            requires_grad=requires_grad,
            elements=elements,
            size=sum(memory.values()),
            layout=_layout(tensor),
            note=note,
            meta=meta,
        )
        return form, memory

    def _form(
        self,
        *,
        shape: tuple[int, ...] | None,
        dtype: str,
        device: str,
        requires_grad: bool,
        elements: int = 0,
        size: int = 0,
        layout: str = "",
        note: str = "",
        lazy: bool = False,
        meta: bool = False,
        plain: bool = False,
    ) -> Form:
        dtype_index, device_index = _index(self.dtypes, dtype), _index(self.devices, device)
        common = (LAZY if lazy else 0) | (META if meta else 0) | 2 << FIRST_DTYPE_BIT + 2 * device_index
        trains = TRAINABLE if requires_grad else FROZEN
        return Form(
            shape=shape,
            dtype=dtype,
            device=device,
            requires_grad=requires_grad,
            elements=elements,
            bytes=size,
            layout=layout,
            note=note,
            lazy=lazy,
            meta=meta,
            plain=plain,
            dtype_index=dtype_index,
            device_index=device_index,
            parameter_bits=common | trains | 1 << FIRST_DTYPE_BIT + 2 * dtype_index,
            buffer_bits=common,
            signature=hash((() if shape is None else shape, lazy, dtype, requires_grad, layout)),
        )

    def _text(self, thing: object) -> str:
        text = self._texts.get(thing)
        if text is None:
            text = self._texts[thing] = str(thing).removeprefix("torch.")
        return text


def single(bits: int) -> tuple[int, int]:
    """The dtype index and the device index that subtree bits stand for: 0 when there is none, 1 when they differ."""
    dtypes, devices = [], []
    rest, index = bits >> FIRST_DTYPE_BIT, 0
    while rest:
        if rest & 1:
            dtypes.append(index)
        if rest & 2:
            devices.append(index)
        rest, index = rest >> 2, index + 1
    return _one_of(dtypes), _one_of(devices)


def _one_of(indices: list[int]) -> int:
    return indices[0] if len(indices) == 1 else min(len(indices), 1)


def _index(texts: list[str], text: str) -> int:
    """Where a text stands in its column's list; there are at most 255, so the last one stands for all others."""
    if text in texts:
        return texts.index(text)
    if len(texts) == 255:
        texts.append("other")
    if len(texts) < 255:
        texts.append(text)
    return len(texts) - 1


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_nested


def _read(tensor: Tensor, name: str, otherwise: Any) -> Any:
    """An attribute of a tensor whose class may refuse it, as subclasses are free to."""
    try:
        return getattr(tensor, name)
    except Exception:
        return otherwise


def _shape(tensor: Tensor) -> tuple[tuple[int, ...] | None, str]:
    """The shape, or None and the reason why there is none."""
    if _read(tensor, "is_nested", False):
        return None, "nested: its parts differ in shape"
    try:
        shape = tuple(tensor.shape)
    except Exception as error:
        return None, f"its shape raised {type(error).__name__}"
    if all(type(size) is int for size in shape):
        return shape, ""
    return None, f"symbolic shape {shape}"


def _elements(tensor: Tensor, shape: tuple[int, ...] | None) -> int:
    try:
        elements = tensor.numel()
    except Exception:
        return math.prod(shape) if shape is not None else 0
    return elements if type(elements) is int else 0


def _memory(tensor: Tensor, elements: int, depth: int = 0) -> tuple[Memory, bool]:
    """Its storages, and whether any of them is on the meta device."""
    parts = _parts(tensor) if depth < DEPTH_OF_WRAPPING else []
    if parts:
        memory: Memory = {}
        meta = False
        for part in parts:
            held, is_meta = _memory(part, _elements(part, None), depth + 1)
            memory |= held
            meta |= is_meta
        return memory, meta
    try:
        storage = tensor.untyped_storage()
        return {storage._cdata: storage.nbytes()}, storage.device.type == "meta"
    except Exception:  # an opaque tensor: what it holds is its own business
        size = _read(tensor, "itemsize", 0)
        return {("object", id(tensor)): elements * size}, bool(_read(tensor, "is_meta", False))


def _parts(tensor: Tensor) -> list[Tensor]:
    """The tensors that a sparse tensor or a wrapping subclass (DTensor, quantized weights) is made of."""
    names = _SPARSE_PARTS.get(_read(tensor, "layout", torch.strided))
    try:
        if names is not None:
            return [getattr(tensor.detach(), name)() for name in names]
        flatten = getattr(type(tensor), "__tensor_flatten__", None)
        if flatten is None:
            return []
        parts = [getattr(tensor, name) for name in flatten(tensor)[0]]
    except Exception:  # then it is described from outside
        return []
    return [part for part in parts if isinstance(part, Tensor)]


def _layout(tensor: Tensor) -> str:
    """What a person must know about how the values lie in memory; empty when they lie as they always do."""
    placements = _read(tensor, "placements", None)
    if placements is not None and type(tensor).__name__ == "DTensor":
        mesh = "×".join(str(size) for size in _read(_read(tensor, "device_mesh", None), "shape", ()))
        return f"DTensor {', '.join(_placement(each) for each in placements)} of {mesh}"
    if _read(tensor, "is_quantized", False):
        return f"quantized {str(tensor.qscheme()).removeprefix('torch.')}"
    layout = str(_read(tensor, "layout", torch.strided)).removeprefix("torch.")
    if _read(tensor, "is_nested", False):
        return f"nested {layout}"
    if type(tensor) in PLAIN or home(type(tensor)).startswith("torch."):
        return "" if layout == "strided" else layout
    return f"{type(tensor).__name__}" if layout == "strided" else f"{type(tensor).__name__} {layout}"


def _placement(placement: Any) -> str:
    name = type(placement).__name__
    return f"{name}({placement.dim})" if hasattr(placement, "dim") else name
