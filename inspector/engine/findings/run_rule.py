"""What a rule about a recorded run is: it may watch calls while they return, and says afterwards what it noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from inspector.catalogue import CATALOGUE
from inspector.engine.failure import sendable
from inspector.engine.forward.batch_tracking import BatchTracking
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.source_files import is_library
from inspector.run_schema import CallKind, Finding, InputSet, Seen, Severity, Warned
from inspector.schema import Source


@dataclass
class RunScene:
    """What such a rule may look at when the run is over."""

    model: nn.Module
    calls: Sequence[Call]
    row_of: Callable[[nn.Module], int | None]
    path_of: Callable[[int], str]
    inputs: InputSet
    mode: str
    dry: bool
    used: frozenset[int] = frozenset()
    """Rows of modules that were not called although their weights were used."""
    warnings: tuple[Warned, ...] = ()
    stopped: bool = False
    """Whether a dry run came to no end."""
    batch: BatchTracking | None = None
    """Where the samples of the batch lie in what chosen calls got, if anybody asked."""

    # --- names ----------------------------------------------------------------------------------------------------

    def path(self, module: nn.Module) -> str:
        """The dotted path of a module; empty for the model itself, and of what stands at none."""
        row = self.row_of(module)
        return sendable(self.path_of(row)) if row is not None else ""

    def module_name(self, module: nn.Module) -> str:
        """The same as a sentence says it: the model itself by its class."""
        return self.path(module) or sendable(type(module).__name__)

    def who(self, call: Call) -> str:
        """A call as a sentence says it: `fc1`, `call 2 of fc`, `softmax in block`."""
        if call.kind == CallKind.OPERATION:
            path = sendable(self.path_of(call.row))
            return f"{short(call)}{f' in {path}' if path else ''}"
        name = sendable(self.path_of(call.row)) or sendable(type(call.module).__name__)
        return f"call {call.number} of {name}" if call.number > 1 else name

    def line(self, call: Call | None) -> Source | None:
        """The user's own line that led to a call: one of an installed package only where there is no other."""
        first = call.source if call is not None else None
        while call is not None:
            if call.source is not None and not is_library(call.source.file):
                return call.source
            call = call.parent
        return first

    # --- calls ----------------------------------------------------------------------------------------------------

    def maker(self, seen: Seen) -> Call | None:
        """The call that made a value."""
        return self.calls[seen.maker] if 0 <= seen.maker < len(self.calls) else None

    @cached_property
    def ends(self) -> list[int]:
        """Of each call the index behind the last call in it."""
        ends = [call.index + 1 for call in self.calls]
        for call in reversed(self.calls):
            if call.parent is not None:
                ends[call.parent.index] = max(ends[call.parent.index], ends[call.index])
        return ends

    def inside(self, call: Call) -> Sequence[Call]:
        """The calls in a call, without itself."""
        return self.calls[call.index + 1 : self.ends[call.index]]

    @cached_property
    def consumers(self) -> dict[int, list[Call]]:
        """The calls that got what a call made, by its index; the calls around these that got it first."""
        found: dict[int, list[Call]] = {}
        for call in self.calls:
            for maker in {seen.maker for seen in call.inputs if seen.maker >= 0}:
                found.setdefault(maker, []).append(call)
        return found


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a rule found, in words; the rest of a Finding is the same for all."""

    row: int | None
    message: str
    fix: str = ""
    source: Source | None = None
    call: int = -1
    severity: Severity | None = None
    """Where it is milder than the catalogue has it."""
    producer: str = ""


class RunRule:
    """One entry of the catalogue, watching one run: made anew for each."""

    id: str
    modes: tuple[str, ...] = ("eval",)
    """In which modes what it measures supports what it says."""
    of_dry_runs = False
    """Whether shapes alone suffice."""

    def heeds(self, call: Call) -> bool:
        """Whether calls like this one are worth a look: of this class of modules, or of this operation."""
        return True

    def watch(self, returned: Returned) -> None:
        """Look at a call that has just returned."""

    def suspects(self, scene: RunScene) -> bool:
        """Whether it must know where the samples of the batch lie (`scene.batch`), which takes two more passes."""
        return False

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        """What there is to say."""
        raise NotImplementedError

    def findings(self, scene: RunScene) -> Iterable[Finding]:
        """The same as records."""
        for noticed in self.find(scene):
            yield finding(self.id, noticed, scene.path_of)


def finding(id_: str, noticed: Noticed, path_of: Callable[[int], str]) -> Finding:
    """What was noticed, as a record."""
    return Finding(
        id=id_,
        severity=noticed.severity or CATALOGUE[id_].severity,
        row=noticed.row,
        path=sendable(path_of(noticed.row)) if noticed.row is not None else "",
        message=sendable(noticed.message),
        fix=sendable(noticed.fix),
        source=noticed.source,
        call=noticed.call,
        producer=sendable(noticed.producer),
    )


def short(call: Call) -> str:
    """An operation without where it stands in torch: `softmax` for `F.softmax`."""
    return call.name.rpartition(".")[2] or call.name or "an operation"
