"""What the window knows about the model that is open: the one place for its state, without a widget."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from inspector import run_labels
from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal, size
from inspector.gradient_rows import GradientRows
from inspector.messages import Printed, StillRunning, TensorMeasured
from inspector.mode_rows import ModeRows
from inspector.mode_schema import Comparison
from inspector.problems import kept, ordered
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet, LossTrial, RunRecord
from inspector.schema import Candidate, Failure, Flag, ModuleDetail, Target, TensorStats
from inspector.table import ModelTable
from inspector.tui.tree_line import totals_line

LOG_LINES = 5_000
_OF_A_RUN = ("flow", "loss")
"""Questions whose answers hold for one run."""


@dataclass
class OpenModel:
    """A loaded model: who holds it, its rows, and what has been asked about them so far."""

    engine: int
    target: Target
    table: ModelTable
    files: tuple[str, ...] = ()
    note: str = ""
    others: tuple[Candidate, ...] = ()
    """What else the file could have given."""
    seconds: float = 0.0
    """Import and construction together."""
    guard: str = ""
    """What was compared before and after reading, and found the same."""
    alive: bool = True
    death: Failure | None = None
    """How its engine ended, if that was not asked for."""
    preview: bool = False
    """Whether these are only the upper rows: they have other numbers in the whole, so nothing is asked about them."""
    details: dict[int, ModuleDetail] = field(default_factory=dict)
    measured: dict[int, TensorMeasured] = field(default_factory=dict)
    failed: dict[int, Failure] = field(default_factory=dict)
    """Row → why a question about it came to nothing."""
    asked: set[tuple[str, int]] = field(default_factory=set)
    inputs: InputSet | None = None
    """What goes into it, once that is known."""
    refused: Failure | None = None
    """Why no inputs could be made, if that is how it stands."""
    run: RunRecord | None = None
    """The last run, dry or real."""
    flow: RunRows | None = None
    """The calls of that run, by row."""
    flow_stats: dict[int, TensorStats] = field(default_factory=dict)
    """Call of that run → statistics of what went into it, with a histogram, of those that were asked for."""
    losses: dict[tuple[int, str], LossTrial] = field(default_factory=dict)
    """What came of losses on the output of that run: by the row of the model's own, or -1 and the name of a class."""
    untouched: RunRecord | None = None
    """A run of the same with nothing watched, since then."""
    running: bool = False
    """Whether a run goes on."""
    modes: ModeRows | None = None
    """The last comparison of train and eval, by row."""
    uncompared: Comparison | None = None
    """The last one, when forward raised in one of the modes."""
    gradients: GradientRows | None = None
    """The last backward pass, by row."""
    noticed: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    """What was noticed, by where it was looked for: structure, run, probes, modes, backward, checkpoint."""
    ignored: frozenset[str] = frozenset()
    """Findings that are not to be told: ids, or `id:path`."""
    checkpoint: CheckpointComparison | None = None
    """How the file that it was compared with fits."""
    toggled: bool = False
    """Whether some module is in another mode than the one it was found in."""

    def ran(self, run: RunRecord, flow: RunRows | None) -> None:
        """Take in a run; what was looked at in the one before it is forgotten."""
        self.inputs, self.run, self.untouched, self.flow = run.inputs, run, None, flow
        self.flow_stats.clear()
        self.losses.clear()
        self.asked = {(what, row) for what, row in self.asked if what.partition(" ")[0] not in _OF_A_RUN}

    def complete(self, table: ModelTable) -> None:
        """Put the whole structure in the place of a first outline; rows have other numbers now."""
        self.table, self.preview = table, False
        self.details.clear()
        self.measured.clear()
        self.failed.clear()
        self.asked.clear()

    def notice(self, of: str, found: tuple[Finding, ...]) -> None:
        """Take in what a further pass noticed, in place of what it did before; what is told already is told once."""
        self.noticed.pop(of, None)
        told = {(finding.id, finding.row) for finding in self.findings}
        self.noticed[of] = tuple(finding for finding in found if (finding.id, finding.row) not in told)

    @property
    def findings(self) -> list[Finding]:
        """Everything that was noticed and that nobody silenced, the gravest first."""
        failed = [self.run.finding] if self.run is not None and self.run.finding is not None else []
        return ordered(kept([*failed, *(one for found in self.noticed.values() for one in found)], self.ignored))

    @property
    def title(self) -> str:
        """`lenet.py:LeNet()`"""
        return literal(f"{self.target.file.rpartition('/')[2]}:{self.target.call}")

    def facts(self) -> tuple[str, ...]:
        """What holds for the whole model, for the title line."""
        table = self.table
        mode = "TRAIN" if table.has(0, Flag.TRAINING) else "EVAL"
        if table.has(0, Flag.MIXED_MODE):
            mode += " (mixed)"
        if self.toggled:
            mode += " set here"
        memory = size(table.totals.bytes) + ("" if table.totals.allocated else ", not allocated")
        return mode, self.target.device, *self._inputs(), totals_line(table), memory

    def _inputs(self) -> tuple[str, ...]:
        """`x 2×1×32×32 guessed`; why is said where there is room."""
        if self.inputs is None:
            return ()
        if self.inputs.origin == "none":
            return ("no inputs",)
        given = ", ".join(map(run_labels.argument, self.inputs.arguments)) or "no arguments"
        return (f"{given} guessed" if self.inputs.origin == "guessed" else given,)


@dataclass
class Loading:
    """A model on its way."""

    engine: int
    target: Target | None = None
    files: tuple[str, ...] = ()
    note: str = ""
    others: tuple[Candidate, ...] = ()
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def opened(self, table: ModelTable, *, preview: bool, ignored: frozenset[str]) -> OpenModel:
        """What it becomes with its first outline; of what will be noticed the `ignored` is not told."""
        assert self.target is not None
        built = (self.target, table, self.files, self.note, self.others, self.seconds)
        return OpenModel(self.engine, *built, preview=preview, ignored=ignored)


@dataclass
class Stage:
    """What the engine does right now."""

    what: str
    began: float = field(default_factory=time.monotonic)
    running: StillRunning | None = None

    def text(self) -> str:
        """`importing torch · 3 s`, and the line of the user's code that it is in, when it takes long."""
        words = f"{self.what} · {time.monotonic() - self.began:.0f} s"
        if self.running is not None:
            source = self.running.source
            words += f" · in {source.file.rpartition('/')[2]}:{source.line} {source.code.strip()}"
        return words

    def brief(self) -> str:
        """`checking further · 3 s`: that it goes on, without how far it has come; for beside what is said."""
        return f"{self.what.partition(' · ')[0]} · {time.monotonic() - self.began:.0f} s"


class OutputLog:
    """What the user's code printed, the last lines of it."""

    def __init__(self) -> None:
        self.lines: deque[tuple[str, str]] = deque(maxlen=LOG_LINES)
        """(stream, text)"""
        self.dropped = 0
        self.count = 0
        self._open: dict[str, str] = {}

    def add(self, printed: Printed) -> None:
        """Take in a portion, cut into lines; the last one may go on in the next portion."""
        self.dropped += printed.dropped
        text = self._open.pop(printed.stream, "") + printed.text
        *whole, rest = text.split("\n")
        self.lines.extend((printed.stream, line[:2000]) for line in whole)
        self.count += len(whole)
        if rest:
            self._open[printed.stream] = rest[-2000:]

    def text(self) -> list[tuple[str, str]]:
        """All kept lines, unfinished ones last."""
        return [*self.lines, *self._open.items()]

    def __bool__(self) -> bool:
        return bool(self.lines or self._open)
