"""What came of one load without a window, as far as it got: what the plain reports are made from."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from inspector.checkpoint_schema import CheckpointComparison
from inspector.gradient_rows import GradientRows
from inspector.gradient_schema import BackwardRecord
from inspector.messages import (
    CallsDescribed,
    FindingsReported,
    Load,
    ModelBuilt,
    ModuleDescribed,
    RowsDescribed,
    Run,
    StructureFinished,
    Summarized,
)
from inspector.mode_rows import ModeRows
from inspector.mode_schema import Comparison
from inspector.problems import ordered, softened
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet, LossTrial, RunRecord, Trace
from inspector.run_table import RunTable
from inspector.schema import Failure, Outline, TensorStats
from inspector.table import ModelTable


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one load and its run, as far as they got."""

    request: Load
    run_request: Run | None = None
    torch: str = ""
    """Version; empty while torch has not been imported."""
    built: ModelBuilt | None = None
    outline: Outline | None = None
    """The whole one, never the preview of a large model."""
    rows: list[RowsDescribed] = []
    """The records of all rows, in chunks as they came; some rows may come twice."""
    finished: StructureFinished | None = None
    summary: Summarized | None = None
    inputs: InputSet | None = None
    """What went into the model, or why nothing did."""
    trace: Trace | None = None
    calls: list[CallsDescribed] = []
    """The records of all calls, in chunks as they came."""
    ran: RunRecord | None = None
    """What came of the run; one whose forward raised too."""
    comparison: Comparison | None = None
    """Train against eval; also of one in which forward raised."""
    checkpoint: CheckpointComparison | None = None
    """How the file that was named fits the model."""
    backward: BackwardRecord | None = None
    """Forward and backward in train mode; also of one in which either raised."""
    no_backward: Failure | None = None
    """Why there could be none."""
    described: ModuleDescribed | None = None
    """The one module that was asked about."""
    measured: dict[int, TensorStats] = {}
    """Row → statistics of that module's own tensors."""
    flow_stats: TensorStats | None = None
    """Of what went into it, with a histogram, where its card shows that."""
    loss: LossTrial | None = None
    """It, or the class of that name, tried on the output, where it is a loss."""
    noticed: dict[str, FindingsReported] = {}
    """What was noticed, by where it was looked for: structure, run, probes."""
    unprobed: Failure | None = None
    """Why the checks after the run came to nothing."""
    stdout: str = ""
    """What the user's code printed, control characters included: the first of it, if it was too much."""
    stderr: str = ""
    dropped: int = 0
    """Bytes of both that are not here."""
    failure: Failure | None = None
    died: bool = False
    """Whether the engine died or was given up, rather than having said itself what went wrong."""

    def table(self) -> ModelTable | None:
        """The model's rows, as far as they came."""
        if self.outline is None:
            return None
        table = ModelTable(self.outline)
        for event in self.rows:
            table.add(event)
        return table

    def run_rows(self) -> RunRows | None:
        """The calls of a finished run, joined to those rows."""
        table = self.table()
        if table is None or self.trace is None or self.ran is None:
            return None
        run = RunTable(self.trace)
        for event in self.calls:
            run.add(event)
        return RunRows(table, run, self.ran)

    def mode_rows(self, table: ModelTable) -> ModeRows | None:
        """Train against eval, joined to the model's rows."""
        return ModeRows(table, self.comparison) if self.comparison is not None else None

    def gradient_rows(self, table: ModelTable) -> GradientRows | None:
        """The backward pass, joined to the model's rows."""
        return GradientRows(table, self.backward) if self.backward is not None else None

    def failed(self) -> Iterator[RunRecord | Comparison | BackwardRecord]:
        """The run, the comparison or the backward pass, if forward or backward raised in it."""
        if self.ran is not None and not self.ran.ok:
            yield self.ran
        if self.comparison is not None and self.comparison.failed_in:
            yield self.comparison
        if self.backward is not None and self.backward.failed_in:
            yield self.backward

    def findings(self, *, soft: bool = False) -> list[Finding]:
        """Everything that was noticed, the gravest first; what was noticed again in a later pass once.

        With soft=True a forward that failed on guessed inputs is only a note.
        """
        found = [
            softened(each.finding) if soft and _may_be_the_guess(each) else each.finding
            for each in self.failed()
            if each.finding is not None
        ]
        found += [finding for event in self.noticed.values() for finding in event.findings]
        found += self.checkpoint.findings if self.checkpoint is not None else ()
        told = {(finding.id, finding.row) for finding in found}
        for later in (self.comparison, self.backward):
            if later is not None:
                found += [one for one in later.findings if (one.id, one.row) not in told]
        return ordered(found)


def _may_be_the_guess(failed: RunRecord | Comparison | BackwardRecord) -> bool:
    """Whether guessed inputs may be why it failed: no guess makes forward write over what backward needs."""
    return failed.inputs.origin == "guessed" and not (
        isinstance(failed, BackwardRecord) and failed.failed_in == "backward"
    )
