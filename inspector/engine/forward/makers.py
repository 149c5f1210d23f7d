"""The tensors met in a run: what each is, and which call made it.

A tensor is known by its object, through a weak reference, so that none is kept alive; and as long as nobody has written
to it, nothing about it is asked twice.
"""

from __future__ import annotations

import weakref

from torch import Tensor

from inspector.engine.forward.seeing import Form, Seer, storage_of, version_of
from inspector.run_schema import Seen
from inspector.schema import TensorStats


class Met:
    """What is known of a tensor."""

    __slots__ = ("form", "maker", "stats", "storage", "tensor", "version")

    def __init__(self, tensor: Tensor, version: int | None, maker: int, form: Form) -> None:
        self.tensor = weakref.ref(tensor)
        self.version = version
        self.maker = maker
        """The innermost call that it came out of; -1: it came from outside the run."""
        self.form = form
        self.storage = storage_of(tensor)
        self.stats: TensorStats | None = None

    def seen(self, path: str, text: str, stats: TensorStats | None) -> Seen:
        """The tensor as a value of a call; `text` goes before what it is by itself."""
        shape, dtype, device, said, strides, size = self.form
        if text:
            said = f"{text}; {said}" if said else text
        return Seen(path, shape, dtype, device, said, strides, size, self.maker, stats)


class Makers:
    """Every tensor met in a run. Identities are used again after a tensor's end: the weak reference tells."""

    def __init__(self, seer: Seer) -> None:
        self._seer = seer
        self._met: dict[int, Met] = {}

    def meet(self, tensor: Tensor) -> Met:
        """A tensor that goes into a call."""
        met, version = self._met.get(id(tensor)), version_of(tensor)
        known = met is not None and met.tensor() is tensor
        if met is not None and known and met.version == version and version is not None:
            return met
        return self._note(tensor, version, met.maker if met is not None and known else -1)

    def made_by(self, call: int, tensor: Tensor) -> Met:
        """A tensor that came out of a call; who made it is that call, or one in it, or one before it that it only
        passes on."""
        met, version = self._met.get(id(tensor)), version_of(tensor)
        if met is None or met.tensor() is not tensor:
            return self._note(tensor, version, call)
        if met.version == version and version is not None:
            return met
        return self._note(tensor, version, met.maker if met.maker > call or version is None else call)

    def _note(self, tensor: Tensor, version: int | None, maker: int) -> Met:
        met = self._met[id(tensor)] = Met(tensor, version, maker, self._seer.form(tensor))
        return met
