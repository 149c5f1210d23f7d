"""Random numbers in eval mode: the line that draws them, found by looking at the generators around every function that
a call's own code uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from inspector.engine.failure import place
from inspector.engine.forward.sources import Sources
from inspector.engine.kinds import is_a, unwrapped
from inspector.engine.modes.watch import Key, Original, Visit, Watch
from inspector.engine.source_files import is_library
from inspector.schema import Source


class Noise(NamedTuple):
    """Where two eval runs on one input begin to differ."""

    key: Key
    module: nn.Module
    source: Source | None
    """The line that draws random numbers; where nobody saw one, the line that made the call."""
    function: str = ""
    """What drew them: `dropout`, `randn_like`."""
    in_train_mode: bool = False
    """Whether the module's own flag is set although the run is one in eval mode."""


class Draws(TorchFunctionMode):
    """Hears of the first function that draws from torch's generators while one call's own code runs."""

    def __init__(self, concerned: Callable[[], bool]) -> None:
        super().__init__()
        self._concerned = concerned
        self._sources = Sources()
        self.source: Source | None = None
        self.function = ""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.function or not self._concerned():
            return func(*args, **(kwargs or {}))
        before = _states()
        result = func(*args, **(kwargs or {}))
        if _states() != before:
            source, _ = self._sources.caller_of_operation()
            self.source = self._sources.complete(source) if source is not None else None
            name = getattr(func, "__name__", "")
            self.function = name if type(name) is str else "a function"
        return result


def _states() -> list[bytes]:
    with torch._C.DisableTorchFunction():
        states = [torch.default_generator.get_state()]
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            states += [generator.get_state() for generator in torch.cuda.default_generators]
        return [bytes(state.untyped_storage()) for state in states]


class Listening:
    """A pass in which it is heard what draws random numbers in the own code of one call."""

    def __init__(self, key: Key) -> None:
        self.watch: Watch | None = None
        self._key = key
        self.draws = Draws(self._concerned)

    def call(self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if visit.key != self._key:
            return original(visit.module, *args, **kwargs)
        with self.draws:
            return original(visit.module, *args, **kwargs)

    def _concerned(self) -> bool:
        current = self.watch.current if self.watch is not None else None
        return current is not None and current.key == self._key


def line_of_forward(module: nn.Module) -> Source | None:
    """Where the user's forward begins; None of a module of a library's."""
    code = getattr(unwrapped(type(module).forward), "__code__", None)
    if code is None or is_library(code.co_filename):
        return None
    return place(code.co_filename, code.co_firstlineno)


def is_switched(module: nn.Module) -> bool:
    """Whether it is a layer of torch's whose random numbers the mode is meant to switch off."""
    return is_a(module, nn.modules.dropout._DropoutNd, nn.RReLU, nn.RNNBase, nn.MultiheadAttention)
