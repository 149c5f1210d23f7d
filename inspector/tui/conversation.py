"""The window's side of the talk with the engine: what is open, what is on its way, what failed. No widget in here.

Everything that the engine tells arrives at `hear`, the one place where it becomes state; the window is told through
`View` what to look at again. An engine that was replaced may still be heard; what it says is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from inspector.messages import (
    CheckpointCompared,
    DescribeModule,
    EngineDied,
    Event,
    Failed,
    FlowMeasured,
    Load,
    LossTried,
    MeasureFlow,
    MeasureTensor,
    ModelBuilt,
    ModuleDescribed,
    Printed,
    Request,
    RowsDescribed,
    Run,
    StageStarted,
    StillRunning,
    StructureFinished,
    StructureOutlined,
    TensorMeasured,
    TorchImported,
    TorchMissing,
    TryLoss,
)
from inspector.schema import Failure
from inspector.table import ModelTable
from inspector.tui.checkpoints import Checkpoints
from inspector.tui.open_model import Loading, OpenModel, OutputLog, Stage
from inspector.tui.runs import Runs, RunView


class Engine(Protocol):
    """Whoever holds the model: `inspector.client` for people, a fake for tests."""

    def load(self, request: Load) -> int:
        """Load a model in a fresh engine; returns the engine's number, which its events carry."""
        ...

    def keep(self, engine: int) -> None:
        """Requests go to this engine from now on; all others end."""

    def drop(self, engine: int) -> None:
        """End this engine."""

    def send(self, request: Request, engine: int) -> bool:
        """Ask an engine; False when it is gone."""
        ...

    def interrupt(self, engine: int) -> bool:
        """End the run that goes on in this engine; False when it cannot be told."""
        ...

    def close(self) -> None:
        """End everything."""


Connect = Callable[[Callable[[int, Event], None]], Engine]
"""Makes an engine that tells its events to a function; called once the event loop runs."""


class View(Protocol):
    """What a window does when the state has changed."""

    def stage_changed(self) -> None: ...

    def model_opened(self, before: OpenModel | None, seconds: float) -> None: ...

    def structure_completed(self) -> None: ...

    def rows_described(self, first: int, count: int) -> None: ...

    def answer_came(self) -> None: ...

    def load_failed(self, failure: Failure) -> None: ...

    def model_not_as_found(self, changed: tuple[str, ...]) -> None: ...


class Conversation:
    """What is known, and what may be asked."""

    def __init__(self, view: View, request: Load, run_view: RunView, run: Run | None = None) -> None:
        self.view = view
        self.runs = Runs(self, run_view, run)
        self.checkpoints = Checkpoints(self)
        self.request = request
        """The last load that was asked for: what a reload repeats."""
        self.asked_at = 0.0
        """When that was, in seconds of time.time(): a file that is saved later is not the one that was read."""
        self.engine: Engine | None = None
        self.model: OpenModel | None = None
        self.loading: Loading | None = None
        self.failure: Failure | None = None
        self.stage: Stage | None = Stage("importing torch")
        self.log = OutputLog()
        self.outdated = ""
        """Why the open model may not be what the file holds now; "" when it is."""

    # --- asking -------------------------------------------------------------------------------------------------

    def load(self, request: Load) -> None:
        """Load a model in a fresh engine; the one that is open stays until the new one is there."""
        assert self.engine is not None
        if self.loading is not None:
            self.engine.drop(self.loading.engine)
        self.request, self.asked_at = request, time.time()
        self.loading = Loading(self.engine.load(request))
        if self.stage is None or self.stage is self.runs.stage:
            self.enter(Stage("starting an engine"))

    def cancel(self) -> bool:
        """Give up what is being loaded, or run; False when nothing is."""
        if self.loading is None or self.engine is None:
            return self.runs.cancel()
        self.engine.drop(self.loading.engine)
        self.loading = None
        self.runs.drop_wish()
        self.outdated = "OUT OF DATE: loading was cancelled, R loads again"
        self.enter(None)
        return True

    def describe(self, row: int) -> None:
        """Ask once for source and arguments of a module."""
        if self._ask("module", row):
            self._send(DescribeModule(row))

    def measure(self, row: int) -> None:
        """Ask once for the statistics of a tensor."""
        if self._ask("tensor", row):
            self._send(MeasureTensor(row))

    def look_at_flow(self, call: int) -> None:
        """Ask once for a histogram of what went into a call of the last run."""
        if self._ask("flow", call):
            self._send(MeasureFlow(call))

    def try_loss(self, row: int, name: str = "") -> None:
        """Ask once for what one of the model's losses, or a class of torch.nn, gives for the last run's output."""
        if self._ask(f"loss {name}".rstrip(), row):
            self._send(TryLoss(row, name, self.runs.wanted.seed))

    def waits_for(self, module: int, tensor: int) -> bool:
        """Whether an answer about one of these is still on its way."""
        model = self.model
        if model is None or not model.alive:
            return False
        described = ("module", module) in model.asked and module not in model.details
        measured = ("tensor", tensor) in model.asked and tensor not in model.measured
        return (described and module not in model.failed) or (measured and tensor not in model.failed)

    def _ask(self, what: str, row: int) -> bool:
        model = self.model
        if model is None or not model.alive or model.preview or (what, row) in model.asked:
            return False
        model.asked.add((what, row))
        return True

    def _send(self, request: Request) -> None:
        assert self.engine is not None
        assert self.model is not None
        self.engine.send(request, self.model.engine)

    # --- hearing ------------------------------------------------------------------------------------------------

    def hear(self, engine: int, event: Event) -> None:
        """Take in one event of one engine (or of the warm server, which is none: 0)."""
        match event:
            case Printed():
                self.log.add(event)
                self.view.stage_changed()
            case TorchImported():
                self.enter(Stage("starting an engine") if self.loading is not None else None)
            case Failed(row=int(row)) if self._is_open(engine) and self.runs.drawing_failed(row, event.failure):
                pass
            case Failed(row=int(row)) if self._is_open(engine) and self.runs.trial_refused(row, event.failure):
                pass
            case Failed(row=int(row)):
                self._answer_failed(engine, row, event.failure)
            case Failed(failure=Failure(stage="checkpoint")) if self._is_open(engine):
                self.checkpoints.failed(event.failure)
            case Failed() if self._is_open(engine) and self.runs.failed(event.failure):
                pass
            case TorchMissing() | Failed() | EngineDied():
                self._failed(engine, event.failure)
            case _ if self._is_loading(engine):
                self._hear_loading(event)
            case _ if self.model is not None and self.model.engine == engine:
                if not self.runs.hear(self.model, event):
                    self._hear_open(self.model, event)

    def _hear_loading(self, event: Event) -> None:
        """What a model on its way tells: stages, the lines it is in, that it was built, its first outline."""
        assert self.loading is not None
        match event:
            case StageStarted():
                self.enter(Stage(event.what))
            case StillRunning() if self.stage is not None:
                self.stage.running = event
                self.view.stage_changed()
            case ModelBuilt():
                self.loading.target, self.loading.files = event.target, event.files
                self.loading.note, self.loading.others, self.loading.seconds = event.note, event.others, event.seconds
            case StructureOutlined() if self.loading.target is not None and not self._knows_more(self.loading, event):
                self._open(self.loading, event)

    def _knows_more(self, loading: Loading, event: StructureOutlined) -> bool:
        """Whether what is open shows more of the same model than this first outline of it: the whole is waited for.

        Compared with the upper rows alone, everything below them would seem to be gone.
        """
        if not event.preview or self.model is None or loading.target is None:
            return False
        return (self.model.target.file, self.model.target.call) == (loading.target.file, loading.target.call)

    def _open(self, loading: Loading, event: StructureOutlined) -> None:
        assert self.engine is not None
        before, self.loading, self.failure = self.model, None, None
        self.runs.forget()
        table, ignored = ModelTable(event.outline), self.runs.ignored
        self.model = loading.opened(table, preview=event.preview, ignored=ignored)
        self.engine.keep(loading.engine)
        self.stage, self.outdated = None, ""
        self.view.model_opened(before, time.monotonic() - loading.began)
        self.view.stage_changed()

    def _hear_open(self, model: OpenModel, event: Event) -> None:
        """What the open model tells: the whole of its structure, its rows, answers."""
        match event:
            case StructureOutlined():
                model.complete(ModelTable(event.outline))
                self.view.structure_completed()
            case RowsDescribed():
                model.table.add(event)
                self.view.rows_described(event.first, event.count)
            case StructureFinished():
                model.guard = event.guard
                if event.changed:
                    self.view.model_not_as_found(event.changed)
                self.checkpoints.begin()
                if self.runs.automatic:
                    self.runs.begin(dry=True, unasked=True)
                self.runs.grant()
            case CheckpointCompared(comparison=found):
                self.checkpoints.hear(model, found)
            case ModuleDescribed():
                model.details[event.row] = event.detail
                self.view.answer_came()
            case TensorMeasured():
                model.measured[event.row] = event
                self.view.answer_came()
            case FlowMeasured():
                model.flow_stats[event.request.call] = event.stats
                self._answered(event.changed)
            case LossTried():
                model.losses[event.request.row, event.request.name] = event.trial
                self._answered(event.trial.changed)
            case StillRunning() if self.runs.pending is not None:
                self.runs.pending.stage.running = event
                self.view.stage_changed()

    def _answered(self, changed: tuple[str, ...]) -> None:
        """An answer for which forward was repeated."""
        self.view.answer_came()
        if changed:
            self.view.model_not_as_found(changed)

    def _answer_failed(self, engine: int, row: int, failure: Failure) -> None:
        """What was asked about one row came to nothing: the row's page says so, everything else stays."""
        if self.model is not None and self.model.engine == engine:
            self.model.failed[row] = failure
            self.view.answer_came()

    def _failed(self, engine: int, failure: Failure) -> None:
        """A load came to nothing, or the engine of the open model is gone; whatever is known stays."""
        if self.model is not None and self._is_open(engine) and failure.stage == "engine":
            self.model.alive, self.model.death = False, failure
            self.runs.forget()
        elif engine and not self._is_loading(engine):
            return
        else:
            self.loading = None
            self.runs.drop_wish()
            self.outdated = "OUT OF DATE: the last load failed, R tells why"
        self.failure = failure
        self.enter(None)
        self.view.load_failed(failure)

    def _is_open(self, engine: int) -> bool:
        return self.model is not None and self.model.engine == engine

    def _is_loading(self, engine: int) -> bool:
        return self.loading is not None and self.loading.engine == engine

    def enter(self, stage: Stage | None) -> None:
        """Say what goes on from now on; None is nothing but the run that may still go on."""
        self.stage = stage if stage is not None else self.runs.stage
        self.view.stage_changed()
