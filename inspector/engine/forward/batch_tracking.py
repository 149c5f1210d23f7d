"""Where the samples of a batch lie in what flows: one sample is changed, and whatever changes with it carries it.

Two passes, one on the sample inputs and one on the same with sample 0 changed. Of every tensor that a call gets or
gives, a few sums are kept, one for each slice along the axes on which a batch could lie; where the sums of both passes
differ in the slices of sample 0 alone, that axis is the batch, by measurement. No tensor is kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.forward.seeing import tensors_of, version_of

CHANGED = 0
"""Which sample is changed: the first, so that what reads the batch as time carries it on to all others."""
_TOLERANCE = 1e-6
_LARGEST = 1 << 28
"""Elements of a tensor that is still summed."""
_LONGEST = 1 << 16
"""Slices along an axis that are still told apart."""
MOST_SAMPLES = 1024
"""Samples of a batch. What has more on axis 0 has points or nodes there."""

Digest = dict[int, Tensor]
"""Sums of a tensor's slices by axis; under -1 the sum of all."""


class Spread(Enum):
    """What becomes of a tensor when one sample is changed."""

    UNTOLD = "untold"
    """It could not be summed, or is not there in both passes."""
    UNCHANGED = "unchanged"
    CLEAN = "clean"
    """Only the slices of that sample change, along some axis."""
    MIXED = "mixed"
    """The slices of other samples change too."""
    REDUCED = "reduced"
    """It changes, and no axis of it could be the batch."""


@dataclass(frozen=True, slots=True)
class Lies:
    """How the changed sample lies in one tensor."""

    spread: Spread
    axes: tuple[int, ...] = ()
    """Of CLEAN: the axes whose slices are the samples, one each."""
    merged: bool = False
    """Of CLEAN: axis 0 holds the batch together with something else, as in (batch × heads, …)."""

    @property
    def tangled(self) -> bool:
        """Whether the samples cannot be told apart any more."""
        return self.spread in (Spread.MIXED, Spread.REDUCED)


@dataclass(frozen=True, slots=True)
class Flow:
    """How it lies in what one call got and gave, tensor by tensor."""

    inputs: tuple[Lies, ...]
    outputs: tuple[Lies, ...]


@dataclass(frozen=True, slots=True)
class BatchTracking:
    """What both passes have shown."""

    size: int
    """Samples in the batch."""
    flows: dict[int, Flow]
    """By the index of the call."""


def batch_size(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Axis 0 of the first tensor; 0 when there is none, or when it can be no batch."""
    first = next((tensor for tensor in _tensors(args, kwargs) if tensor.dim()), None)
    size = int(first.shape[0]) if first is not None else 0
    return size if size <= MOST_SAMPLES else 0


def change_a_sample(args: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> bool:
    """Overwrite sample 0 in every tensor that has one; whether anything has changed.

    It gets what another sample holds (that is sure to be allowed: ids stay in range, masks stay masks), floating values
    scaled along the last axis, so that they are others even where all samples are the same.
    """
    changed = False
    with torch.no_grad(), torch._C.DisableTorchFunction():
        for tensor in _tensors(args, kwargs):
            if not tensor.dim() or tensor.shape[0] != size or not _writable(tensor):
                continue
            value = tensor[(CHANGED + 1) % size].clone()
            if value.is_floating_point() and value.dim():
                value *= torch.linspace(0.5, 0.9, value.shape[-1], dtype=value.dtype, device=value.device)
            elif torch.equal(value, tensor[CHANGED]) and value.dim():
                value = value.flip(-1)
            changed |= not torch.equal(value, tensor[CHANGED])
            tensor[CHANGED] = value
    return changed


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    return [tensor for tensor in tensors_of((*args, *kwargs.values())) if tensor.layout is torch.strided]


def _writable(tensor: Tensor) -> bool:
    repeated = any(stride == 0 and size > 1 for stride, size in zip(tensor.stride(), tensor.shape, strict=True))
    return not repeated and not tensor.requires_grad


# --- one pass ---------------------------------------------------------------------------------------------------------


class Digests:
    """The sums of one pass; an observer of it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.of_calls: dict[int, tuple[str, list[Digest | None], list[Digest | None]]] = {}
        self._known: dict[int, tuple[weakref.ref[Tensor], int | None, Digest | None]] = {}

    def heeds(self, call: Call) -> bool:
        """All of them."""
        return True

    def watch(self, returned: Returned) -> None:
        """Sum up what a call got and gave."""
        call = returned.call
        given = [self._of(tensor, met.version) for tensor, met in returned.given]
        made = [self._of(tensor, version_of(tensor)) for tensor in returned.outputs()]
        self.of_calls[call.index] = (f"{call.row} {call.name}", given, made)

    def _of(self, tensor: Tensor, version: int | None) -> Digest | None:
        """The sums of a tensor as it was at a version; None when it is another one by now."""
        known = self._known.get(id(tensor))
        if known is not None and known[0]() is tensor and known[1] == version:
            return known[2]
        if version_of(tensor) != version:
            return None
        found = digest(tensor, self._size)
        self._known[id(tensor)] = weakref.ref(tensor), version, found
        return found


_MASKED = -1e8
"""What is lower stands for a place that is masked, and is no number that anything was computed from."""


def digest(tensor: Tensor, size: int) -> Digest | None:
    """The sums of the slices that could be samples; None of what cannot be summed."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta or tensor.numel() > _LARGEST:
        return None
    value = tensor.detach()
    if value.is_complex():
        value = torch.view_as_real(value)
    shape = tensor.shape
    axes = [axis for axis, length in enumerate(shape) if length == size]
    if shape and size < shape[0] <= _LONGEST and shape[0] % size == 0:
        axes.append(0)
    sums = {axis: _summed(value, axis) for axis in axes}
    sums[-1] = next(iter(sums.values())).sum(0, keepdim=True) if sums else _summed(value.reshape(1, -1), 0)
    if not all(bool(torch.isfinite(each).all()) for each in sums.values()) and tensor.is_floating_point():
        finite = torch.nan_to_num(value, 0.0, 0.0, 0.0)
        return digest(finite, size) if bool(torch.isfinite(finite.sum(dtype=torch.float64))) else None
    if tensor.is_floating_point() and any(bool((each <= _MASKED).any()) for each in sums.values()):
        masked = value <= _MASKED
        if bool(masked.any()):  # beside masked_fill(-1e9) nothing else would be seen to move
            return digest(value.masked_fill(masked, 0.0), size)
    return sums


def _summed(value: Tensor, axis: int) -> Tensor:
    others = [other for other in range(value.dim()) if other != axis]
    if not others:
        return value.to(torch.float64).cpu()
    return value.sum(others, dtype=torch.float64).cpu()


# --- both passes ------------------------------------------------------------------------------------------------------


def compare(calls: Iterable[Call], before: Digests, after: Digests, size: int) -> BatchTracking | None:
    """What changed from one pass to the other; None when they did not call the same things."""
    flows: dict[int, Flow] = {}
    for call in calls:
        one, two = before.of_calls.get(call.index), after.of_calls.get(call.index)
        if one is None or two is None:
            continue
        if one[0] != two[0]:
            return None
        flows[call.index] = Flow(_compared(one[1], two[1], size), _compared(one[2], two[2], size))
    return BatchTracking(size, flows)


def _compared(one: list[Digest | None], two: list[Digest | None], size: int) -> tuple[Lies, ...]:
    if len(one) != len(two):
        return ()
    return tuple(_lies(first, second, size) for first, second in zip(one, two, strict=True))


def _lies(one: Digest | None, two: Digest | None, size: int) -> Lies:
    if one is None or two is None or one.keys() != two.keys():
        return Lies(Spread.UNTOLD)
    if any(one[axis].shape != two[axis].shape for axis in one):
        return Lies(Spread.UNTOLD)
    moved = {axis: _moved(one[axis], two[axis]) for axis in one}
    if not any(moved.values()):
        return Lies(Spread.UNCHANGED)
    candidates = {axis: slices for axis, slices in moved.items() if axis >= 0}
    if not candidates:
        return Lies(Spread.REDUCED)
    axes = tuple(sorted(axis for axis, slices in candidates.items() if slices == {CHANGED} and len(one[axis]) == size))
    if axes:
        return Lies(Spread.CLEAN, axes)
    length = len(one[0]) if 0 in one else 0
    if 0 in candidates and length > size and _is_merged(candidates[0], length, size):
        return Lies(Spread.CLEAN, (), merged=True)
    return Lies(Spread.MIXED)


def _is_merged(slices: set[int], length: int, size: int) -> bool:
    """Whether they are those of one sample in (batch × other) or (other × batch)."""
    inner = length // size
    return all(index // inner == CHANGED for index in slices) or all(index % size == CHANGED for index in slices)


def _moved(one: Tensor, two: Tensor) -> set[int]:
    """The slices whose sums differ by more than rounding."""
    scale = max(float(one.abs().max()), float(two.abs().max())) if one.numel() else 0.0
    return set(torch.nonzero((one - two).abs() > _TOLERANCE * scale).flatten().tolist())
