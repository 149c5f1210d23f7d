"""The calls of a run while it goes on: live objects of the engine, from which `packing` makes the records.

A `Call` refers to no tensor once it is over; what a failure's explanation needs alive is in `Halt`, for as long as the
explanation takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from inspector.run_schema import CallKind, CallState, Seen
from inspector.schema import Source


@dataclass(slots=True)
class Call:
    """One call of a module, or of a function of torch from the forward of a user's module."""

    index: int
    """In the order in which calls began."""
    parent: Call | None
    kind: CallKind
    module: nn.Module
    """The module that was called; of an operation: the one whose forward made it."""
    row: int
    """Row of `module`."""
    name: str = ""
    """Of an operation: `F.relu`, `view`, `+`."""
    number: int = 0
    """Of a module: which call of this module it is, from 1."""
    inputs: tuple[Seen, ...] = ()
    outputs: tuple[Seen, ...] = ()
    source: Source | None = None
    notes: tuple[str, ...] = ()
    state: CallState = CallState.DONE
    seconds: float = float("nan")
    """From call to return, everything in it included."""
    spread: float = float("nan")
    own_flops: int = 0
    """Without those of the calls in it."""
    memory: int = 0
    """Bytes of the storages that its outputs hold and its inputs do not."""


@dataclass(slots=True)
class OpenCall:
    """A call that did not return, with what it was called with, alive."""

    call: Call
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    function: Any = None
    """Of an operation: the function of torch that was called."""


@dataclass(slots=True)
class Halt:
    """Where a forward stopped: everything that an explanation may look at."""

    error: BaseException
    open: list[OpenCall]
    """The calls that did not return, the model's own first, the innermost last."""
    calls: list[Call]
    """Every call that began, in that order: `Seen.maker` is an index in it."""
    training: bool
    """Whether the run was one in train mode."""
    dry: bool = False
    """Whether the tensors are fake: shapes and dtypes are right, values are not there."""
    notes: list[str] = field(default_factory=list)
    row_of: Callable[[nn.Module], int | None] = lambda _: None
    """The row of a module, also of one that was not called."""

    @property
    def innermost(self) -> OpenCall:
        """The call that raised: an operation, or a module."""
        return self.open[-1]
