"""The outputs of a pass, kept to be compared with those of another: copied at the time of the call.

Where memory is short a fixed sample of the elements is kept beside sums of all bits, so that equal is still equal.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from inspector.engine.forward.seeing import Leaf, leaves, version_of
from inspector.engine.free_memory import free_memory
from inspector.engine.modes.distance import EQUAL, UNTOLD, Distance, between, vector_of, words_of
from inspector.figures import shape

SAMPLED = 1 << 14
"""Elements of a sample."""
SHARE = 4
"""Of the memory that is free, one part in so many may be used."""
ALWAYS = 32 << 20
"""Bytes that are kept without asking how much memory is free."""
_ROW = 1024
_ROWS = 128
_STRIDE = 1_000_003
"""A prime: the places of a sample have nothing to do with the sizes of axes."""


@dataclass(slots=True, eq=False)
class Kept:
    """One value of a result."""

    path: str
    text: str
    """Of what is no tensor."""
    shape: tuple[int, ...] | None = None
    dtype: torch.dtype | None = None
    elements: int = 0
    values: Tensor | None = None
    """All numbers, or a sample of them; None where there are none to be had."""
    sums: tuple[int, int] | None = None
    """Of a sample: what tells whether all are equal."""


class Pair(NamedTuple):
    """One value of two results."""

    path: str
    shape: tuple[int, ...] | None
    distance: Distance


class Room:
    """How many bytes may still be kept on each device."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._left: dict[torch.device, int] = {}

    def take(self, tensor: Tensor) -> bool:
        """Whether there is room for a copy; it counts as taken."""
        device = tensor.device
        if device not in self._left:
            self._left[device] = max(ALWAYS, free_memory(device) // SHARE) if self._most is None else self._most
        if tensor.nbytes > self._left[device]:
            return False
        self._left[device] -= tensor.nbytes
        return True


class Keeper:
    """Keeps results, and measures how far others are from them. A tensor that is met again is copied only once."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._copied: dict[int, tuple[weakref.ref[Tensor], int | None, Kept]] = {}

    def keep(self, result: Any) -> tuple[Kept, ...]:
        """Everything in a result. Torch function modes must be off."""
        return tuple(self._keep(*leaf) for leaf in leaves(result))

    def _keep(self, path: str, tensor: Tensor | None, text: str) -> Kept:
        if tensor is None:
            return Kept(path, text)
        known, version = self._copied.get(id(tensor)), version_of(tensor)
        if known is not None and known[0]() is tensor and known[1] == version is not None:
            old = known[2]
            return Kept(path, "", old.shape, old.dtype, old.elements, old.values, old.sums)
        kept = self._copy(path, tensor)
        self._copied[id(tensor)] = weakref.ref(tensor), version, kept
        return kept

    def _copy(self, path: str, tensor: Tensor) -> Kept:
        shape = None if tensor.is_nested else tuple(tensor.shape)
        vector = vector_of(tensor)
        if vector is None:
            return Kept(path, "", shape, tensor.dtype)
        kept = Kept(path, "", shape, tensor.dtype, vector.numel())
        if vector.numel() <= SAMPLED or self._room.take(vector):
            kept.values = vector.clone() if _shares(vector, tensor) else vector
        else:
            kept.values, kept.sums = sample_of(vector), sums_of(vector)
        return kept


class Comparer:
    """Measures how far results are from kept ones; what was measured once is known when it is met again."""

    def __init__(self) -> None:
        self._measured: dict[tuple[int, int], tuple[weakref.ref[Tensor], int | None, Tensor | None, Distance]] = {}

    def compare(self, kept: tuple[Kept, ...], result: Any) -> tuple[list[Pair], str]:
        """Every value that both have, and what must be said of the others. Torch function modes must be off."""
        found = leaves(result)
        pairs, note = paired(kept, found)
        note = note or next(filter(None, (_of_another_kind(one, other[1]) for one, other in pairs)), "")
        return [Pair(one.path, one.shape, self._distance(one, other)) for one, other in pairs], note

    def _distance(self, kept: Kept, leaf: Leaf) -> Distance:
        _, tensor, text = leaf
        if tensor is None or kept.dtype is None:
            return _of_texts(kept.text, text) if tensor is None and kept.dtype is None else UNTOLD
        key, version = (id(tensor), id(kept.values)), version_of(tensor)
        known = self._measured.get(key)
        if known and known[0]() is tensor and known[1] == version is not None and known[2] is kept.values:
            return known[3]
        distance = self._measure(kept, tensor)
        self._measured[key] = weakref.ref(tensor), version, kept.values, distance
        return distance

    def _measure(self, kept: Kept, tensor: Tensor) -> Distance:
        vector = vector_of(tensor)
        if vector is None or kept.values is None or kept.dtype != tensor.dtype or kept.elements != vector.numel():
            return UNTOLD
        if not tensor.is_nested and kept.shape != tuple(tensor.shape):
            return UNTOLD
        if kept.sums is None:
            return between(kept.values, vector)
        if kept.sums == sums_of(vector):
            return EQUAL
        sampled = between(kept.values, sample_of(vector))
        return sampled + Distance(equal=False, sampled=True)


def _shares(vector: Tensor, tensor: Tensor) -> bool:
    try:
        return bool(vector.untyped_storage()._cdata == tensor.untyped_storage()._cdata)
    except Exception:  # an odd layout, whose numbers were gathered
        return False


def paired(kept: tuple[Kept, ...], found: list[Leaf]) -> tuple[list[tuple[Kept, Leaf]], str]:
    """The values of two results that belong together: by their paths; else the first tensors of both."""
    by_path = {path: (path, tensor, text) for path, tensor, text in found}
    pairs = [(one, by_path[one.path]) for one in kept if one.path in by_path]
    if len(pairs) == len(kept) == len(found):
        return pairs, ""
    pairs = [(one, other) for one, other in pairs if (other[1] is None) == (one.dtype is None)]
    mine = [one for one in kept if one.dtype is not None]
    theirs = [leaf for leaf in found if leaf[1] is not None]
    compared = [one for one, _ in pairs if one.dtype is not None]
    if not compared and mine and theirs and _of_one_kind(mine[0], theirs[0][1]):
        pairs, compared = [(mine[0], theirs[0])], [mine[0]]
    counts = f"gives {_count(len(theirs))} in train mode, {_count(len(mine))} in eval mode"
    return pairs, f"{counts}: " + ("compared is what both give" if compared else "nothing of it can be compared")


def _of_one_kind(kept: Kept, tensor: Tensor) -> bool:
    return not tensor.is_nested and (kept.shape, kept.dtype) == (tuple(tensor.shape), tensor.dtype)


def _of_another_kind(kept: Kept, tensor: Tensor | None) -> str:
    """What must be said of two tensors that cannot be subtracted."""
    if tensor is None or kept.shape is None or tensor.is_nested:
        return ""
    at = f"{kept.path}: " if kept.path else ""
    if tuple(tensor.shape) != kept.shape:
        return f"{at}gives {shape(tensor.shape)} in train mode, {shape(kept.shape)} in eval mode: cannot be subtracted"
    if tensor.dtype != kept.dtype:
        one, other = (str(dtype).removeprefix("torch.") for dtype in (tensor.dtype, kept.dtype))
        return f"{at}gives {one} in train mode, {other} in eval mode: not compared"
    return ""


def _count(tensors: int) -> str:
    return "one tensor" if tensors == 1 else f"{tensors} tensors"


def _of_texts(one: str, other: str) -> Distance:
    """Of two plain values: numbers have a distance, others are equal or not."""
    if one == other:
        return EQUAL
    try:
        first, second = float(one), float(other)
    except ValueError:
        return UNTOLD
    step = second - first
    return Distance(step * step, first * first, second * second, abs(step), False, step - step == 0)


def total(pairs: list[Pair]) -> Distance:
    """The distance of whole results."""
    whole = EQUAL
    for pair in pairs:
        whole += pair.distance
    return whole


def apart(one: tuple[Kept, ...], other: tuple[Kept, ...]) -> Distance:
    """The distance of two results that are both kept."""
    if [(kept.path, kept.shape, kept.dtype) for kept in one] != [(kept.path, kept.shape, kept.dtype) for kept in other]:
        return UNTOLD
    whole = EQUAL
    for first, second in zip(one, other, strict=True):
        whole += _apart(first, second)
    return whole


def _apart(one: Kept, other: Kept) -> Distance:
    if one.dtype is None:
        return _of_texts(one.text, other.text)
    if one.values is None or other.values is None or one.elements != other.elements:
        return UNTOLD
    if one.sums is None and other.sums is None:
        return between(one.values, other.values)
    sums = [kept.sums or sums_of(kept.values) for kept in (one, other) if kept.values is not None]
    if sums[0] == sums[1]:
        return EQUAL
    samples = [kept.values if kept.sums else sample_of(kept.values) for kept in (one, other) if kept.values is not None]
    return between(*samples) + Distance(equal=False, sampled=True)


# --- of what there is no room for -------------------------------------------------------------------------------------


def sample_of(vector: Tensor) -> Tensor:
    """Some elements, always the same ones."""
    if vector.numel() <= SAMPLED:
        return vector.clone()
    return vector[_places(vector.numel(), vector.device)]


@lru_cache(maxsize=64)
def _places(elements: int, device: torch.device) -> Tensor:
    return (torch.arange(SAMPLED, device=device) * _STRIDE) % elements


def sums_of(vector: Tensor) -> tuple[int, int]:
    """Two weighted sums of the bits: other values, or the same in other places, give others."""
    bits = words_of(vector)
    rows, columns = 0, 0
    for number, block in enumerate(torch.split(bits, _ROW * _ROWS)):
        whole = block.numel() // _ROW * _ROW
        table = block[:whole].view(-1, _ROW)
        weights = _weights(block.device)
        if whole:
            rows += (number + 1) * int((table.sum(1, dtype=torch.int64) * weights[: len(table)]).sum())
            columns += (number + 1) * int((table.sum(0, dtype=torch.int64) * weights).sum())
        rest = block[whole:].to(torch.int64)
        columns += int((rest * weights[: len(rest)]).sum())
    return rows, columns


@lru_cache(maxsize=4)
def _weights(device: torch.device) -> Tensor:
    generator = torch.Generator(device="cpu").manual_seed(1)
    return torch.randint(1 << 62, (_ROW,), generator=generator, dtype=torch.int64, device="cpu").to(device)
