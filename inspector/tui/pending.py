"""What can be asked to run, and a run that was asked for and is not over."""

from __future__ import annotations

from dataclasses import dataclass, field

from inspector.format import literal, plural
from inspector.messages import (
    CompareModes,
    Probe,
    Run,
    RunBackward,
    RunProgressed,
    SampleTraining,
    StepStatistics,
    TryLayer,
)
from inspector.run_table import RunTable
from inspector.tui.open_model import OpenModel, Stage

Job = Run | CompareModes | StepStatistics | SampleTraining | Probe | RunBackward | TryLayer


@dataclass
class Pending:
    """A run that was asked for and is not over."""

    request: Job
    unasked: bool = False
    """Whether nobody pressed a key for it: then nothing is said of it while it is quick."""
    table: RunTable | None = None
    stopping: bool = False
    told: bool = False
    """Whether it is said that it goes on."""
    stage: Stage = field(default_factory=lambda: Stage("running"))

    @property
    def verb(self) -> str:
        """What it does, while it goes on."""
        if isinstance(self.request, Probe):
            return "checking further"
        return "looking for shapes" if isinstance(self.request, Run) and self.request.dry else "running"


def progress(model: OpenModel, event: RunProgressed) -> str:
    """`34 of 160 calls · layer3.0.conv1`"""
    done = f"{event.calls:,} of {event.expected:,} calls" if event.expected else plural(event.calls, "call")
    place = literal(model.table.short_path(event.row)) or "the model itself"
    return f"{done} · {place}"
