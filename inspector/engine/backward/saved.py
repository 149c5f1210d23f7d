"""The tensors that backward needs, and which of them were written to after they had been saved.

Watched only in a second pass, after backward has raised: hooks on saved tensors switch off torch's own check of their
versions, so a pass with them is not the pass that a training makes. Nothing is propagated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from inspector.engine.backward.graph import count, operation_of, reachable
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.forward.recorder import Recorder
from inspector.engine.forward.seeing import version_of

_NEAR = 3
"""How many nodes an operation may have made between its own and the end of what it saves."""


class Overwritten(NamedTuple):
    """One of them, in numbers and indices of calls."""

    shape: tuple[int, ...]
    saver: int | None
    operation: str
    writer: int | None
    saved: int
    """Its version when it was saved."""
    now: int


@dataclass
class _Saved:
    tensor: Tensor
    version: int
    call: int | None
    number: int
    """Nodes that there were when it was saved."""
    writer: int | None = None


class Saving:
    """Hooks around a forward, and an observer of its calls: who saved what, and who wrote to it."""

    def __init__(self) -> None:
        self._entries: list[_Saved] = []
        self._recorder: Recorder | None = None
        self.overwritten: tuple[Overwritten, ...] = ()

    def hooks(self) -> Any:
        """To be entered around forward."""
        return torch.autograd.graph.saved_tensors_hooks(self._pack, self._unpack)

    def follow(self, recorder: Recorder) -> None:
        """Ask this recorder which call goes on."""
        self._recorder = recorder

    def _pack(self, tensor: Tensor) -> Tensor:
        """Keep an alias without a history: a node that held its own result would never be let go of. It shares the
        counter of versions."""
        tensor = tensor.detach()
        current = self._recorder.current if self._recorder is not None else None
        version = version_of(tensor)
        if version is not None:
            self._entries.append(_Saved(tensor, version, current.index if current is not None else None, count()))
        return tensor

    @staticmethod
    def _unpack(tensor: Tensor) -> Tensor:
        return tensor

    def heeds(self, call: Call) -> bool:
        return True

    def watch(self, returned: Returned) -> None:
        """A call that wrote into what it got: whose version is another now has been written to by it."""
        if not any("writes into" in note for note in returned.call.notes):
            return
        for entry in self._entries:
            if entry.writer is None and version_of(entry.tensor) != entry.version:
                entry.writer = returned.call.index

    def conclude(self, roots: list[Any]) -> None:
        """When forward is over: those that backward from these roots would have needed, its first one first."""
        nodes = {node._sequence_nr(): node for node in reachable(roots)}
        found: list[tuple[int, Overwritten]] = []
        for entry in self._entries:
            now = version_of(entry.tensor)
            if now is None or now == entry.version:
                continue
            number = next((n for n in range(entry.number - 1, entry.number - 1 - _NEAR, -1) if n in nodes), None)
            if number is not None:
                shape, operation = tuple(entry.tensor.shape), operation_of(nodes[number])
                told = Overwritten(shape, entry.call, operation, entry.writer, entry.version, now)
                found.append((number, told))
        self.overwritten = tuple(told for _, told in sorted(found, key=lambda each: -each[0]))
        self._entries = []
