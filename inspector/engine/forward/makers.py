"""Which call made a tensor: known by the tensor object itself, through a weak reference, so that none is kept alive."""

from __future__ import annotations

import weakref
from typing import NamedTuple

from torch import Tensor

from inspector.engine.forward.seeing import version_of
from inspector.schema import TensorStats


class Made(NamedTuple):
    """What is known of a tensor that was met."""

    tensor: weakref.ref[Tensor]
    maker: int
    version: int | None
    stats: TensorStats | None


class Makers:
    """Every tensor met in a run. Identities are used again after a tensor's end: the weak reference tells."""

    def __init__(self) -> None:
        self._met: dict[int, Made] = {}

    def of(self, tensor: Tensor) -> Made | None:
        """What is known of a tensor; None when it was not met before."""
        made = self._met.get(id(tensor))
        return made if made is not None and made.tensor() is tensor else None

    def meet(self, tensor: Tensor) -> int:
        """The maker of a tensor that goes into a call; -1 for one that comes from outside the run."""
        made = self.of(tensor)
        if made is None:
            made = self._met[id(tensor)] = Made(weakref.ref(tensor), -1, version_of(tensor), None)
        return made.maker

    def made_by(self, call: int, tensor: Tensor) -> Made:
        """Take note that a tensor came out of a call; who made it is that call, or one in it, or one before it that
        it only passes on."""
        made, version = self.of(tensor), version_of(tensor)
        if made is not None and made.version == version and version is not None:
            return made
        known = made is not None and (made.maker > call or version is None)
        maker = made.maker if made is not None and known else call
        made = self._met[id(tensor)] = Made(weakref.ref(tensor), maker, version, None)
        return made

    def measured(self, tensor: Tensor, stats: TensorStats) -> None:
        """Remember the statistics of a tensor, for as long as nobody writes to it."""
        made = self._met[id(tensor)]
        self._met[id(tensor)] = made._replace(stats=stats)
