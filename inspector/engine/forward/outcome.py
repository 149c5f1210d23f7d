"""What came of a run, as far as it got, on its way into a `RunRecord`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from inspector.engine.failure import sendable
from inspector.engine.forward.calls import Call
from inspector.messages import Run
from inspector.run_schema import CallKind, Finding, InputSet, RunRecord, Seen, Warned
from inspector.schema import Failure


class Count(NamedTuple):
    """What a pass that watched torch's dispatcher has counted."""

    by: Literal["dry run", "run"]
    flops: int
    uncounted: tuple[tuple[str, int], ...]
    peak_bytes: int | None
    training_bytes: int | None
    of_calls: tuple[tuple[int, int, str, int], ...]
    """Of each call what it called, and its own FLOPs."""


def of_calls(calls: Sequence[Call]) -> tuple[tuple[int, int, str, int], ...]:
    """What each call called (the index of the one around it, the row, the name), and its own FLOPs."""
    return tuple(
        (call.parent.index if call.parent is not None else -1, call.row, call.name, call.own_flops) for call in calls
    )


@dataclass
class Outcome:
    """What came of a run."""

    calls: list[Call] = field(default_factory=list)
    dry: bool = False
    repeats: int = 1
    flops: int = 0
    flops_by: Literal["dry run", "run", ""] = ""
    uncounted: tuple[tuple[str, int], ...] = ()
    peak_bytes: int | None = None
    training_bytes: int | None = None
    uncalled: tuple[int, ...] = ()
    warnings: tuple[Warned, ...] = ()
    notes: list[str] = field(default_factory=list)
    findings: tuple[Finding, ...] | None = None
    """What was noticed in a recorded run, nothing where it failed; None of a run that nobody watched closely enough."""
    finding: Finding | None = None
    failure: Failure | None = None

    @property
    def outputs(self) -> tuple[Seen, ...]:
        """What the model returned."""
        return self.calls[0].outputs if self.calls else ()

    def called(self, count: Count) -> bool:
        """Whether what was counted called the same things in the same order."""
        return [what[:3] for what in of_calls(self.calls)] == [what[:3] for what in count.of_calls]

    def take(self, count: Count) -> None:
        """Take over what another pass has counted, call by call where it called the same things."""
        self.flops, self.flops_by, self.uncounted = count.flops, count.by, count.uncounted
        self.peak_bytes, self.training_bytes = count.peak_bytes, count.training_bytes
        if self.called(count):
            for call, (*_, flops) in zip(self.calls, count.of_calls, strict=True):
                call.own_flops = flops
        elif self.calls:
            self.calls[0].own_flops = count.flops
            self.notes.append("forward calls other things from pass to pass: its FLOPs are known only as a whole")

    def record(self, request: Run, inputs: InputSet, device: str) -> RunRecord:
        """The record; what the guard has to say is left open."""
        modules = sum(call.kind == CallKind.MODULE for call in self.calls)
        return RunRecord(
            mode=request.mode,
            dry=self.dry,
            device=device,
            seed=request.seed,
            ok=self.failure is None,
            inputs=inputs,
            outputs=self.outputs,
            seconds=_known(self.calls[0].seconds) if self.calls else 0.0,
            spread=_known(self.calls[0].spread) if self.calls else 0.0,
            repeats=self.repeats,
            flops=self.flops,
            flops_by=self.flops_by,
            uncounted=tuple((sendable(name), times) for name, times in self.uncounted),
            peak_bytes=self.peak_bytes,
            training_bytes=self.training_bytes,
            calls=modules,
            operations=len(self.calls) - modules,
            uncalled_but_used=self.uncalled,
            warnings=self.warnings,
            notes=tuple(dict.fromkeys(map(sendable, self.notes))),
            finding=self.finding,
            failure=self.failure,
        )


def _known(seconds: float) -> float:
    return 0.0 if math.isnan(seconds) else seconds
