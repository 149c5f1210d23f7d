"""What is measured on live values while a run is recorded, and fits no `Call`: arguments are there only until their
call has returned.

An observer keeps numbers, never a tensor. What it raises must not reach the user's forward: it ends that observer, and
is told as a note of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inspector.engine.failure import message_of, sendable
from inspector.engine.forward.calls import Call
from inspector.engine.forward.flop_formulas import dense
from inspector.engine.forward.makers import Met
from inspector.engine.forward.output_stats import OutputStats
from inspector.engine.forward.recorder import Watched
from inspector.engine.forward.seeing import leaves, version_of
from inspector.engine.kinds import is_a
from inspector.schema import TensorStats


class Returned:
    """A call that has just returned, alive."""

    def __init__(self, opened: Watched, result: Any, stats: OutputStats, calls: list[Call]) -> None:
        self.call = opened.call
        self.args, self.kwargs, self.function = opened.args, opened.kwargs, opened.function
        self.result = result
        self.given = opened.given
        self.gradients = torch.is_grad_enabled()
        """Whether they are on for the user's code."""
        self._stats, self._calls = stats, calls

    def outputs(self) -> list[Tensor]:
        """Every tensor that came out and has one shape and its values in rows: sparse and nested ones have not."""
        return [tensor for _, tensor, _ in leaves(self.result) if tensor is not None and dense(tensor)]

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """One argument, by place or by name."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)

    def met(self, tensor: Any) -> Met | None:
        """What is known of one of the arguments, as it was when the call began."""
        return next((met for one, met in self.given if one is tensor), None)

    def fed_by(self, names: tuple[str, ...], *kinds: type[nn.Module]) -> bool:
        """Whether the first tensor that it got was made by a function of one of these names, or by such a module."""
        maker = self.given[0][1].maker if self.given else -1
        if not 0 <= maker < len(self._calls):
            return False
        call = self._calls[maker]
        return call.name.rpartition(".")[2] in names if call.name else is_a(call.module, *kinds)

    def stats(self, tensor: Tensor, met: Met) -> TensorStats | None:
        """Statistics of an argument as it was when the call began; None when it has been written to since."""
        if met.stats is None and met.version is not None and version_of(tensor) == met.version:
            met.stats = self._stats.measure(tensor)
        return met.stats


class Observer(Protocol):
    """Looks at calls."""

    def heeds(self, call: Call) -> bool:
        """Whether calls like this one are worth a look: asked once for each class of modules, and each operation."""

    def watch(self, returned: Returned) -> None:
        """Look at one that has just returned. Torch function modes are off, and so are gradients."""


class Observation:
    """Everybody who looks at the calls of one run."""

    def __init__(self, observers: Sequence[Observer], around: Sequence[AbstractContextManager[object]] = ()) -> None:
        self._observers, self._around = list(observers), around
        self._stats = OutputStats()
        self._stack = ExitStack()
        self._heeding: dict[str | type, tuple[Observer, ...]] = {}
        self.calls: list[Call] = []
        """The calls until now: to be set to those of the recorder."""
        self.notes: list[str] = []

    def __enter__(self) -> Observation:
        for each in self._around:
            self._stack.enter_context(each)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, opened: Watched, result: Any) -> None:
        """For `Recorder`, as its `on_return`."""
        observers = self._concerned(opened.call)
        if not observers:
            return
        returned = Returned(opened, result, self._stats, self.calls)
        if not returned.gradients:
            self._look(observers, returned)
            return
        with torch.no_grad():
            self._look(observers, returned)

    def _concerned(self, call: Call) -> tuple[Observer, ...]:
        kind = call.name or type(call.module)
        found = self._heeding.get(kind)
        if found is None:
            found = self._heeding[kind] = tuple(observer for observer in self._observers if observer.heeds(call))
        return found

    def _look(self, observers: tuple[Observer, ...], returned: Returned) -> None:
        for observer in observers:
            try:
                observer.watch(returned)
            except Exception as error:
                self._observers.remove(observer)
                self._heeding.clear()
                what = f"{type(error).__name__}: {message_of(error)}".splitlines()[0]
                self.notes.append(sendable(f"{type(observer).__name__} could not look at all values: {what}"))
