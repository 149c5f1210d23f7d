"""Random numbers in eval mode: the line that draws them, found by looking at the generators around every function that
a call's own code uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from inspector.engine.failure import place, sendable
from inspector.engine.findings.scene import runs_torchs_forward
from inspector.engine.forward.sources import Sources
from inspector.engine.kinds import forward_of, is_a, unwrapped
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


class Draw(NamedTuple):
    """One function that drew from a generator of torch's."""

    key: Key
    """The innermost call in which it did."""
    source: Source | None
    function: str


class Draws(TorchFunctionMode):
    """Hears of every function that draws from torch's generators."""

    def __init__(self, current: Callable[[], Key | None]) -> None:
        super().__init__()
        self._current = current
        self._sources = Sources()
        self.made: list[Draw] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        key = self._current()
        if key is None or len(self.made) >= _MOST_DRAWS:
            return func(*args, **(kwargs or {}))
        before = _states()
        result = func(*args, **(kwargs or {}))
        if _states() != before:
            source, _ = self._sources.caller_of_operation()
            name = getattr(func, "__name__", "")
            self.made.append(Draw(key, source, name if type(name) is str else "a function"))
        return result

    def complete(self, source: Source | None) -> Source | None:
        """The same place with its code."""
        return self._sources.complete(source) if source is not None else None


_MOST_DRAWS = 10_000


def _states() -> list[bytes]:
    with torch._C.DisableTorchFunction():
        states = [torch.default_generator.get_state()]
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            states += [generator.get_state() for generator in torch.cuda.default_generators]
        return [bytes(state.untyped_storage()) for state in states]


class Listening:
    """A pass in which it is heard what draws random numbers."""

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.draws = Draws(self._current)

    def call(self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if visit.depth:
            return original(visit.module, *args, **kwargs)
        with self.draws:
            return original(visit.module, *args, **kwargs)

    def _current(self) -> Key | None:
        current = self.watch.current if self.watch is not None else None
        return current.key if current is not None else None


def origin(noisy: set[Key], evaluation: Watch, draws: Draws) -> Noise:
    """Where the noise begins: at the first draw in a call whose output is noisy. Where nobody saw a draw, in the first
    call to return something else that could have made it up itself."""
    for draw in draws.made:
        if draw.key in noisy and draw.key in evaluation.visits:
            visit = evaluation.visits[draw.key]
            source = draws.complete(draw.source) or evaluation.complete(visit.source)
            return Noise(draw.key, visit.module, source, sendable(draw.function), visit.training)
    visit = min((evaluation.visits[key] for key in noisy), key=lambda visit: visit.ended)
    while visit.parent is not None and runs_torchs_forward(visit.module) and not is_switched(visit.module):
        visit = visit.parent
    source = line_of_forward(visit.module) or evaluation.complete(visit.source)
    return Noise(visit.key, visit.module, source, "", visit.training)


def line_of_forward(module: nn.Module) -> Source | None:
    """Where the user's forward begins; None of a module of a library's."""
    code = getattr(unwrapped(forward_of(type(module))), "__code__", None)
    if code is None or is_library(code.co_filename):
        return None
    return place(code.co_filename, code.co_firstlineno)


def is_switched(module: nn.Module) -> bool:
    """Whether it is a layer of torch's whose random numbers the mode is meant to switch off."""
    return is_a(module, nn.modules.dropout._DropoutNd, nn.RReLU, nn.RNNBase, nn.MultiheadAttention)
