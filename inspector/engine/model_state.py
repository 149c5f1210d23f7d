"""A model's whole state as it was found, and the way back to it: what it holds, what its tensors are, and their bits.

Going back is cheap when little has changed, so it may be done after every pass. After the first, everything is compared
that can be: a write through `.data` or NumPy moves no version, but a forward that does such a thing does it every time.
So after further passes a large parameter that was not written to by the first is believed while its version stands. The
thorough way back, at the end, believes nothing again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from inspector.engine.belongings import Belongings
from inspector.engine.kinds import is_a
from inspector.engine.storages import Copies, can_be_read
from inspector.engine.tensor_marks import TensorMarks

BELIEVED = 1 << 16
"""Bytes from which on a parameter whose version has not moved is not compared after every pass but the first."""


class ModelState:
    """The state of one model; to be made and asked with torch's own functions overridden by nobody."""

    def __init__(
        self, model: nn.Module, modules: Iterable[nn.Module], tensors: Iterable[Tensor], copies: Copies
    ) -> None:
        """`modules` are all of its modules, `tensors` its parameters and buffers, also those that no attribute leads
        to."""
        self._copies = copies
        self._belongings = Belongings(model, tensors)
        self._marks = [TensorMarks(tensor) for tensor, _, _ in self._belongings.tensors]
        self._paths = [(around, name) for _, around, name in self._belongings.tensors]
        self._mark_gradients()
        normed = _renormalized(modules)
        self._kept = copies.keep(
            (storage, not isinstance(mark.tensor, nn.Parameter) or id(mark.tensor) in normed)
            for mark in self._marks
            for storage in mark.storages
            if can_be_read(storage)
        )
        self._believed: set[int] = set()
        """Storages that are compared only when something speaks for it, by their addresses in C."""

    def restore(self, thorough: bool) -> Iterator[str]:
        """Put back everything that is not as it was; tell what cannot be."""
        yield from self._belongings.restore()
        rewritten = [index for index, mark in enumerate(self._marks) if mark.written()]
        for index, mark in enumerate(self._marks):
            yield from (f"{self._path(index)}: {what}" for what in mark.restore())
        suspected = {storage._cdata for index in rewritten for storage in self._marks[index].storages}
        lost = set()
        for key, kept in self._kept.items():
            if (thorough or key not in self._believed or key in suspected) and not kept.put_back():
                lost.add(key)
        self._believed = self._believable()
        yield from self._tell_lost(lost)
        yield from self._restore_versions(rewritten, lost)
        if thorough:
            self._copies.remember_written(self._kept)

    def proof_of(self, tensor: Tensor) -> str:
        """By what a tensor is compared: `value`, `sums` or `version`."""
        return self._proofs.get(id(tensor), "version")

    @property
    def notes(self) -> Iterator[str]:
        """What is not compared."""
        if self._belongings.cut:
            yield "it reaches more than two million things: not all of them were compared"
        yield from (f"{path}: could not be read, and was not compared" for path in self._belongings.unread)

    def _mark_gradients(self) -> None:
        known = {id(mark.tensor) for mark in self._marks}
        for index, mark in enumerate(self._marks):  # which grow: a gradient may have one too
            gradient = mark.gradient
            if gradient is not None and id(gradient) not in known:
                known.add(id(gradient))
                around, name = self._paths[index]
                self._marks.append(TensorMarks(gradient))
                self._paths.append((around, f"{name}.grad"))

    def _believable(self) -> set[int]:
        """Storages that are large, only parameters', and never were found written to."""
        believed = {key for key, kept in self._kept.items() if kept.bytes >= BELIEVED and not kept.found_written}
        for mark in self._marks:
            if not isinstance(mark.tensor, nn.Parameter):
                believed.difference_update(storage._cdata for storage in mark.storages)
        return believed

    def _tell_lost(self, lost: set[int]) -> Iterator[str]:
        for index, mark in enumerate(self._marks):
            for storage in mark.storages:
                if storage._cdata in lost:
                    lost.discard(storage._cdata)
                    yield f"{self._path(index)}: was written to, and there was no room for a copy: load the model again"

    def _restore_versions(self, rewritten: list[int], lost: set[int]) -> Iterator[str]:
        """Where the bits are what they were, so is the version; where nobody can tell, that is told."""
        for index in rewritten:
            mark = self._marks[index]
            held = list(filter(_has_values, mark.storages))
            if not mark.storages or any(storage._cdata not in self._kept for storage in held):
                yield f"{self._path(index)}: was written to in place, and its values cannot be compared"
            elif not any(storage._cdata in lost for storage in held):
                mark.restore_version()

    @cached_property
    def _proofs(self) -> dict[int, str]:
        return {id(mark.tensor): self._proof(mark) for mark in self._marks}

    def _proof(self, mark: TensorMarks) -> str:
        """The weakest of its storages; of one without elements there are no values that could differ."""
        held = [storage for storage in mark.storages if storage.nbytes()]
        if not mark.storages or any(storage._cdata not in self._kept for storage in held):
            return "version"
        proofs = {self._kept[storage._cdata].proof for storage in held}
        return "sums" if "sums" in proofs else "value"

    def _path(self, index: int) -> str:
        return self._belongings.path(*self._paths[index])


def _has_values(storage: torch.UntypedStorage) -> bool:
    return storage.device.type != "meta" and storage.nbytes() > 0


def _renormalized(modules: Iterable[nn.Module]) -> set[int]:
    """Identities of the weights that a forward writes to: those of embeddings with a largest norm."""
    embeddings = (vars(module) for module in modules if is_a(module, nn.Embedding, nn.EmbeddingBag))
    return {id(held["_parameters"].get("weight")) for held in embeddings if held.get("max_norm") is not None}
