"""What each pass of a comparison does around every call of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from inspector.engine.modes.distance import UNTOLD, Distance
from inspector.engine.modes.generators import Generators
from inspector.engine.modes.keeping import Comparer, Keeper, Kept, Pair, Room, total
from inspector.engine.modes.proof import Proof, Prover
from inspector.engine.modes.watch import Key, Original, Visit

Arguments = tuple[Any, ...]
Named = dict[str, Any]
Measured = Callable[[Any], None]
"""Wants to know what a call gave."""


class Keeping:
    """Keeps what every call gives."""

    def __init__(self, room: Room) -> None:
        self.kept: dict[Key, tuple[Kept, ...]] = {}
        self._keeper = Keeper(room)

    def call(self, visit: Visit, original: Original, args: Arguments, kwargs: Named) -> Any:
        result = original(visit.module, *args, **kwargs)
        with torch._C.DisableTorchFunction():
            self.kept[visit.key] = self._keeper.keep(result)
        return result


class Comparing:
    """Measures how far what every call gives is from what it gave in another pass."""

    def __init__(
        self, reference: dict[Key, tuple[Kept, ...]], may_draw: Callable[[Visit], bool] = lambda visit: False
    ) -> None:
        """`may_draw`: whose random numbers are remembered."""
        self.drawn: dict[Key, Generators] = {}
        """The generators as such a call found them."""
        self._may_draw = may_draw
        self.distances: dict[Key, Distance] = {}
        self.notes: dict[Key, str] = {}
        self.outputs: list[Pair] = []
        """Of the model itself, one by one."""
        self._reference = reference
        self._comparer = Comparer()

    def call(self, visit: Visit, original: Original, args: Arguments, kwargs: Named) -> Any:
        self._remember(visit)
        result = original(visit.module, *args, **kwargs)
        with torch._C.DisableTorchFunction():
            self.compare(visit, result)
        return result

    def _remember(self, visit: Visit) -> None:
        if self._may_draw(visit):
            with torch._C.DisableTorchFunction():
                self.drawn[visit.key] = Generators()

    def compare(self, visit: Visit, result: Any) -> None:
        """Measure what a call gave."""
        reference = self._reference.get(visit.key)
        if reference is None:
            return
        pairs, note = self._comparer.compare(reference, result)
        self.distances[visit.key] = _told(pairs, note)
        if note:
            self.notes[visit.key] = note
        if visit.depth == 0:
            self.outputs = pairs


def _told(pairs: list[Pair], note: str) -> Distance:
    """Of results of another structure what both have is told; they are never equal."""
    if not note:
        return total(pairs)
    tensors = [pair for pair in pairs if pair.shape is not None]
    return total(tensors) + Distance(equal=False) if tensors else UNTOLD


class Training(Comparing):
    """The pass in train mode: compared with the one in eval mode, kept to be compared with the next, measured."""

    def __init__(
        self,
        reference: dict[Key, tuple[Kept, ...]],
        measure: Callable[[Visit, Arguments, Named], Measured | None],
        may_draw: Callable[[Visit], bool] = lambda visit: False,
    ) -> None:
        super().__init__(reference, may_draw)
        self.kept: dict[Key, tuple[Kept, ...]] = {}
        self._keeper = Keeper(Room(0))
        self._measure = measure

    def call(self, visit: Visit, original: Original, args: Arguments, kwargs: Named) -> Any:
        with torch._C.DisableTorchFunction():
            measured = self._measure(visit, args, kwargs)
        self._remember(visit)
        result = original(visit.module, *args, **kwargs)
        with torch._C.DisableTorchFunction():
            if measured is not None:
                measured(result)
            self.compare(visit, result)
            self.kept[visit.key] = self._keeper.keep(result)
        return result


class Proving(Comparing):
    """A pass in eval mode with another seed, in which the suspects are tried before they are called."""

    def __init__(self, reference: dict[Key, tuple[Kept, ...]], suspects: set[Key]) -> None:
        super().__init__(reference)
        self.proofs: dict[Key, Proof] = {}
        self.prover: Prover | None = None
        self._suspects = suspects

    def call(self, visit: Visit, original: Original, args: Arguments, kwargs: Named) -> Any:
        if visit.key not in self._suspects or self.prover is None:
            return super().call(visit, original, args, kwargs)
        judge = self.prover.prove(visit, original, args, kwargs, self._reference.get(visit.key, ()))
        result = super().call(visit, original, args, kwargs)
        self.proofs[visit.key] = judge(result)
        return result
