"""The values of any tensor, a block at a time: whatever its layout, and never by a copy of the whole.

A block is what fits a core's cache, so that several reductions of one block read memory once. Nothing here writes to
the tensor, to its gradient or to its version counter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


class UnreadableError(Exception):
    """There is nothing to read; the message says why."""


@dataclass(frozen=True)
class Values:
    """The numbers of one tensor, as plain tensors that may be read in any order."""

    parts: tuple[Tensor, ...]
    """Strided, without gradient, the longest stride first."""
    repeats: int = 1
    """How many elements of the tensor each number stands for: more than one when it was expanded."""
    note: str = ""
    decode: Callable[[Tensor], Tensor] | None = None
    """Makes real numbers of a block: of complex, of quantized ones."""

    @property
    def elements(self) -> int:
        return self.repeats * sum(part.numel() for part in self.parts)

    @property
    def dtype(self) -> torch.dtype:
        return self.parts[0].dtype

    @property
    def device(self) -> torch.device:
        """Where the numbers are computed with: where they are, if torch can do all of this there."""
        device = self.parts[0].device
        return device if device.type in ("cpu", "cuda") else torch.device("cpu")

    def blocks(self, limit: int, dtype: torch.dtype, factor: float = 1.0) -> Iterator[Tensor]:
        """Yield the numbers, times factor, as vectors of at most `limit`; each is to be read, and gone at the next."""
        buffer = torch.empty(limit, dtype=dtype, device=self.device)
        for part in self.parts:
            for block in _cut(part, limit):
                yield self._vector(block, buffer, factor)

    def _vector(self, block: Tensor, buffer: Tensor, factor: float) -> Tensor:
        if self.decode:
            block = self.decode(block)
        in_place = type(block) is Tensor and block.dtype == buffer.dtype and block.device == buffer.device
        if in_place and factor == 1.0 and block.is_contiguous():
            return block.view(-1)
        vector = buffer[: block.numel()]
        vector.view(block.shape).copy_(block)
        return vector if factor == 1.0 else vector.mul_(factor)


def values_of(tensor: Tensor) -> Values:
    """Find the numbers of any tensor. Raises UnreadableError when there are none to be had."""
    with torch._C.DisableTorchFunctionSubclass():
        if is_lazy(tensor):
            raise UnreadableError("not initialised yet: no values")
        if _is_a(tensor, "DTensor"):
            return _local_shard(tensor)
        if tensor.is_meta or _is_a(tensor, "FakeTensor"):
            raise UnreadableError("not allocated: no values")
        if tensor.is_nested:
            return _nested(tensor)
        if tensor.layout is not torch.strided:
            return _stored(tensor)
        return _strided(_plain(tensor))


def _is_a(tensor: Tensor, name: str) -> bool:
    """Whether a class of this name is among the tensor's own, without importing the module that defines it."""
    return any(cls.__name__ == name for cls in type(tensor).__mro__)


def _local_shard(tensor: Tensor) -> Values:
    local: Tensor = tensor._local_tensor  # type: ignore[attr-defined]
    placements = ", ".join(str(placement) for placement in tensor.placements)  # type: ignore[attr-defined]
    values = values_of(local)
    note = f"DTensor {placements}: of the {local.numel():,} values held here, of {tensor.numel():,}"
    return Values(values.parts, values.repeats, _joined(note, values.note), values.decode)


def _nested(tensor: Tensor) -> Values:
    parts = tuple(_plain(part) for part in tensor.unbind())
    if not parts:
        raise UnreadableError("nested: holds no tensor")
    return Values(parts, note=f"nested: of the values of {len(parts)} tensors", decode=_decoder(parts[0]))


def _stored(tensor: Tensor) -> Values:
    """What a sparse or opaque layout really holds."""
    if tensor.layout is torch.sparse_coo:
        held, layout = tensor._values(), "sparse_coo" if tensor.is_coalesced() else "sparse_coo, not coalesced"
    elif tensor.layout in COMPRESSED:
        held, layout = tensor.values(), str(tensor.layout).removeprefix("torch.")
    else:
        dense = _strided(tensor.detach().to_dense())
        layout = str(tensor.layout).removeprefix("torch._")
        return Values(dense.parts, dense.repeats, _joined(f"{layout}: of a dense copy", dense.note), dense.decode)
    values = _strided(held.detach())
    absent = max(tensor.numel() - held.numel(), 0)
    note = f"{layout}: of the {held.numel():,} stored values; {absent:,} more are zero and not stored"
    return Values(values.parts, values.repeats, _joined(note, values.note), values.decode)


def _plain(tensor: Tensor) -> Tensor:
    """The tensor without gradient and, where it has memory of its own, without its subclass.

    Raises UnreadableError when the memory is gone: sharded training frees it, and reading it would end the process.
    """
    if type(tensor) in (Tensor, torch.nn.Parameter):
        plain = tensor.detach()
    else:
        with torch._C._DisableTorchDispatch():
            plain = tensor.detach().as_subclass(Tensor)
        if plain.numel() and not plain.data_ptr():
            return tensor.detach()  # a wrapper around other tensors: its own class must say what a copy of it is
    if type(plain) is Tensor and plain.numel() and plain.untyped_storage().nbytes() < _extent(plain):
        raise UnreadableError(f"its memory was freed ({plain.untyped_storage().nbytes()} bytes are left): no values")
    return plain


def _extent(tensor: Tensor) -> int:
    """Bytes from the start of the storage to the end of the last element."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return int(tensor.storage_offset() + last + 1) * tensor.element_size()


def _strided(tensor: Tensor) -> Values:
    decode, note = _decoder(tensor), ""
    if tensor.is_quantized:
        note = "quantized: of the dequantized values"
    elif tensor.is_complex():
        note = "complex: of the absolute values"
    if type(tensor) is not Tensor or tensor.is_quantized:
        return Values((tensor,), note=note, decode=decode)
    repeats = 1
    for dim in reversed(range(tensor.dim())):
        if tensor.stride(dim) == 0 and tensor.size(dim) > 1:
            repeats *= tensor.size(dim)
            tensor = tensor.select(dim, 0)
    outermost_first = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    return Values((tensor.permute(outermost_first),), repeats, note, decode)


def _decoder(tensor: Tensor) -> Callable[[Tensor], Tensor] | None:
    if tensor.is_quantized:
        return Tensor.dequantize
    return _magnitude if tensor.is_complex() else None


def _magnitude(block: Tensor) -> Tensor:
    return block.to(torch.complex128).abs()


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _cut(tensor: Tensor, limit: int) -> Iterator[Tensor]:
    """Cut a tensor into views of at most `limit` elements, along its longest strides."""
    if tensor.numel() <= limit:
        yield tensor
    elif tensor.dim() == 1:
        yield from torch.split(tensor, limit)
    elif tensor.is_contiguous() and not tensor.is_quantized:
        yield from torch.split(tensor.view(-1), limit)
    elif rows := limit // (tensor.numel() // tensor.size(0)):
        yield from torch.split(tensor, rows)
    else:
        for index in range(tensor.size(0)):
            yield from _cut(tensor[index], limit)
