"""Stands around every call of a module during one pass, and knows which call it is: the seam between the passes of a
comparison, which do different things there, and nn.Module.

Like the recorder it puts its own `nn.Module.__call__` in place, so hooks of the user's stay as they are. Modules that
are made during the pass belong to the call that made them: they are others in every pass.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from inspector.engine.forward.module_classes import ModuleClass, ModuleClasses
from inspector.engine.forward.progress import interruption
from inspector.engine.forward.sources import Sources
from inspector.engine.kinds import truth
from inspector.engine.modes.looks import Looks
from inspector.engine.source_files import attributes
from inspector.schema import Source

Key = tuple[int, int]
"""Row of a module, and which of its calls it is, from 1: the same call in every pass."""
Original = Callable[..., Any]


@dataclass(slots=True, eq=False)
class Visit:
    """One call of a module."""

    module: nn.Module
    key: Key
    parent: Visit | None
    depth: int
    source: Source | None
    """The line that made the call."""
    training: bool
    """Its own flag as the call began."""
    invisible: bool = False
    """Whether nobody can see what happens in it, as in one that was compiled."""
    ended: int = -1
    """When it returned, counted in returns."""
    looked: dict[int, tuple[nn.Module, Source | None]] = field(default_factory=dict)
    """The modules whose flags were looked at by its own code, hooks of the user's included, and the first line."""
    parts: int = 0
    """Calls of modules in it."""

    @property
    def looks(self) -> Source | None:
        """The line of the user's that looks at the module's own flag."""
        return self.looked.get(id(self.module), (None, None))[1]

    @property
    def looks_at_itself(self) -> bool:
        """Whether its own code has looked at its own flag."""
        return id(self.module) in self.looked


class Known(NamedTuple):
    """What stays the same from pass to pass."""

    sources: Sources
    classes: ModuleClasses


class Around(Protocol):
    """What a pass does around a call."""

    def call(self, visit: Visit, original: Original, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out `original(visit.module, *args, **kwargs)`, and return what it returns."""


class Watch:
    """Every call of one pass. To be entered once."""

    def __init__(
        self,
        row_of: Callable[[nn.Module], int | None],
        around: Around,
        on_call: Callable[[int], None],
        known: Known | None = None,
    ) -> None:
        """`known` is what another watch has found out about classes and files."""
        self.visits: dict[Key, Visit] = {}
        """In the order in which they began."""
        self._row_of, self._around, self._on_call = row_of, around, on_call
        self._open: list[Visit] = []
        self._counts: dict[int, int] = {}
        self._ended = 0
        self._muted = False
        self._sources, self._classes = known or (Sources(), ModuleClasses())
        self._looks = Looks(self._looked)
        self._before: tuple[Original, int] | None = None

    @property
    def current(self) -> Visit | None:
        """The innermost call that goes on."""
        return self._open[-1] if self._open else None

    def __enter__(self) -> Watch:
        original, thread, visit = nn.Module.__call__, get_ident(), self._visit

        def __call__(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if self._muted or get_ident() != thread or (row := self._row_of(module)) is None:
                return original(module, *args, **kwargs)
            return visit(original, row, module, args, kwargs)

        self._before = original, sys.getrecursionlimit()
        sys.setrecursionlimit(3 * sys.getrecursionlimit())  # A call of a module takes three times as many frames now.
        nn.Module.__call__ = __call__  # type: ignore[method-assign]
        self._looks.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._looks.stop()
        assert self._before is not None
        nn.Module.__call__, limit = self._before  # type: ignore[method-assign]
        sys.setrecursionlimit(limit)
        self._open.clear()

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Calls of modules and looks at flags are nobody's business meanwhile."""
        before, self._muted = self._muted, True
        try:
            yield
        finally:
            self._muted = before

    def complete(self, source: Source | None) -> Source | None:
        """The same place with its code; to be asked when the pass is over."""
        return self._sources.complete(source) if source is not None else None

    def _visit(
        self, original: Original, row: int, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        interruption.check()
        parent, depth = self.current, len(self._open)
        number = self._counts[row] = self._counts.get(row, 0) + 1
        source = self._sources.caller() if parent is not None else None
        known = self._classes.of(module)
        with self.muted():  # Those of torch.compile are asked for their flag: that is nobody's look.
            flag = flag_of(module)
        visit = Visit(module, (row, number), parent, depth, source, flag, _invisible(known, module))
        self.visits[visit.key] = visit
        if parent is not None:
            parent.parts += 1
        self._open.append(visit)
        self._on_call(row)
        try:
            function = self._unwatched(original) if known.compiled else original
            result = self._around.call(visit, function, args, kwargs)
        finally:
            del self._open[depth:]
        visit.ended = self._ended
        self._ended += 1
        return result

    def _unwatched(self, original: Original) -> Original:
        """A call as if nobody watched: what torch.compile traces must be torch's own."""

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            ours = nn.Module.__call__
            try:
                self._looks.stop()
                nn.Module.__call__ = original  # type: ignore[method-assign]
                return original(module, *args, **kwargs)
            finally:
                nn.Module.__call__ = ours  # type: ignore[method-assign]
                self._looks.listen()

        return call

    def _looked(self, module: nn.Module, source: Source | None) -> None:
        if self._open and not self._muted:
            self._open[-1].looked.setdefault(id(module), (module, source))


def flag_of(module: nn.Module) -> bool:
    """A module's training flag as an `if` takes it; False of one that has none."""
    held = attributes(module)
    if "training" in held:
        return truth(held["training"])
    try:
        return truth(module.training)  # Compiled modules keep it elsewhere.
    except Exception:
        return False


def _invisible(known: ModuleClass, module: nn.Module) -> bool:
    return known.compiled or isinstance(module, torch.jit.ScriptModule)
