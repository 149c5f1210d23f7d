"""The bytes behind tensors: kept as they are found, compared, and written back.

What is kept is the memory itself and not the tensor, so views, tied weights and every dtype are one case. A copy is the
only thing that can be written back; where there is no room for one, sums of the bits tell at least that it is needed.
Comparing reads memory once and costs what a sum costs, so nothing is trusted that can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from inspector.engine.free_memory import free_memory

ALWAYS_COPIED = 32 << 20
"""Bytes that are copied without asking how much memory is free."""
SHARE = 4
"""Of the memory that is free, one part in so many may be used for copies."""
_ALIGNED = 64
_ROW = 1024
_ROWS = 128
"""Sums are taken of blocks of so many rows of so many words: a megabyte, which fits a core's cache."""


@dataclass(slots=True, eq=False)
class Kept:
    """One storage as it was found."""

    storage: torch.UntypedStorage
    bytes: int
    copy: Tensor | None = None
    sums: Tensor | None = None
    found_written: bool = False
    """Whether it was ever found other than it was kept."""

    @property
    def proof(self) -> str:
        """By what it can be compared."""
        return "value" if self.copy is not None else "sums" if self.sums is not None else "version"

    def unchanged(self) -> bool:
        """Whether every bit is as it was; True also where nobody can tell."""
        if self.storage.nbytes() != self.bytes:
            return False
        if self.copy is not None:
            return torch.equal(words(self.storage), _as_words(self.copy))
        return self.sums is None or torch.equal(_sums(words(self.storage)), self.sums)

    def put_back(self) -> bool:
        """Write the copy back where a bit differs; says whether all is as it was."""
        if self.unchanged():
            return True
        self.found_written = True
        if self.copy is None:
            return False
        if self.storage.nbytes() != self.bytes:
            self.storage.resize_(self.bytes)
        words(self.storage).copy_(_as_words(self.copy))
        return True


class Copies:
    """Memory for copies. It outlives a guard: to use it again is seven times as fast as to be given some anew.

    It serves one guard at a time; the next one writes over what the one before kept.
    """

    def __init__(self) -> None:
        self._room: dict[torch.device, Tensor] = {}
        self._written: set[int] = set()

    def keep(self, storages: Iterable[tuple[torch.UntypedStorage, bool]]) -> dict[int, Kept]:
        """Keep the bytes of some storages, by their addresses in C.

        The flag says whether one is likely to be written to: those are copied first when there is no room for all.
        """
        kept: dict[int, Kept] = {}
        urgent: set[int] = set(self._written)
        for storage, likely in storages:
            key = storage._cdata
            if key not in kept:
                kept[key] = Kept(storage, storage.nbytes())
            if likely:
                urgent.add(key)
        devices = dict.fromkeys(one.storage.device for one in kept.values())
        for device in devices:
            here = [key for key, one in kept.items() if one.storage.device == device]
            here.sort(key=lambda key: key not in urgent)
            self._keep_on(device, [kept[key] for key in here])
        return kept

    def remember_written(self, kept: dict[int, Kept]) -> None:
        """Let those that were found written to be copied before others from now on."""
        self._written = {key for key, one in kept.items() if one.found_written or key in self._written}

    def _keep_on(self, device: torch.device, storages: list[Kept]) -> None:
        sizes = [_padded(one.bytes) for one in storages]
        room = self._find_room(device, sum(sizes))
        start = 0
        for one, size in zip(storages, sizes, strict=True):
            if start + size <= room.numel():
                one.copy = room[start : start + one.bytes]
                _as_words(one.copy).copy_(words(one.storage))
                start += size
            else:
                one.sums = _sums(words(one.storage))

    def _find_room(self, device: torch.device, wanted: int) -> Tensor:
        held = self._room.get(device)
        had = 0 if held is None else held.numel()
        if wanted > max(had, ALWAYS_COPIED):
            wanted = min(wanted, max(ALWAYS_COPIED, (free_memory(device) + had) // SHARE))
        if held is not None and had >= wanted:
            return held
        self._room.pop(device, None)
        del held  # Before more is asked for.
        room = self._room[device] = torch.empty(wanted, dtype=torch.uint8, device=device)
        return room


def can_be_read(storage: torch.UntypedStorage) -> bool:
    """Whether this process may read and write what is behind it; of an empty one that may be its size alone."""
    try:
        return storage.device.type in ("cpu", "cuda") and (storage.nbytes() == 0 or storage.data_ptr() != 0)
    except RuntimeError:  # that of a wrapper around other tensors
        return False


def words(storage: torch.UntypedStorage) -> Tensor:
    """A storage as a vector of integers, which has a version counter of its own: writing to it raises no tensor's."""
    return _as_words(torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage))


def _as_words(memory: Tensor) -> Tensor:
    return memory.view(torch.int64) if memory.numel() % 8 == 0 else memory


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _sums(numbers: Tensor) -> Tensor:
    """Sums of every row and of every column of every block: values that change places change them too."""
    sums: list[Tensor] = []
    for block in torch.split(numbers, _ROW * _ROWS):
        whole = block.numel() // _ROW * _ROW
        rows = block[:whole].view(-1, _ROW)
        sums += [rows.sum(0, dtype=torch.int64), rows.sum(1, dtype=torch.int64), block[whole:].to(torch.int64)]
    return torch.cat(sums) if sums else numbers.to(torch.int64)
