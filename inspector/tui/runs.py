"""The runs of the open model: what is asked for, what is on its way, what came of it. A part of the conversation.

One at a time: a plain run, a comparison of train and eval, some steps of the running statistics, many train-mode runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from inspector.gradient_rows import GradientRows
from inspector.messages import (
    BackwardFinished,
    CallsDescribed,
    CompareModes,
    DrawTensor,
    Event,
    FindingsReported,
    InputsChosen,
    LayerTried,
    ModesCompared,
    ModesSet,
    Probe,
    Run,
    RunBackward,
    RunCancelled,
    RunFinished,
    RunProgressed,
    RunTraced,
    SampleTraining,
    SetModes,
    StageStarted,
    StepStatistics,
    TensorDrawn,
    TryLayer,
)
from inspector.mode_rows import ModeRows
from inspector.mode_schema import StatisticsStepped, TrainingSampled
from inspector.run_rows import RunRows
from inspector.run_schema import InputSet, LayerTrial, RunRecord
from inspector.run_table import RunTable
from inspector.schema import Failure
from inspector.tui.open_model import OpenModel, Stage
from inspector.tui.pending import Job, Pending, progress

if TYPE_CHECKING:
    from inspector.tui.conversation import Conversation

QUIET_SECONDS = 1.0
"""How long a run that nobody asked for may go on before it is told of."""


class RunView(Protocol):
    """What a window does when something was told of a run."""

    def inputs_chosen(self, inputs: InputSet) -> None: ...

    def run_finished(self, model: OpenModel, run: RunRecord, *, unasked: bool) -> None: ...

    def run_untouched(self, model: OpenModel, run: RunRecord) -> None: ...

    def run_cancelled(self, guard: str, changed: tuple[str, ...]) -> None: ...

    def run_refused(self, failure: Failure, request: Job, *, unasked: bool) -> None: ...

    def modes_compared(self, model: OpenModel, rows: ModeRows) -> None: ...

    def backward_finished(self, model: OpenModel, rows: GradientRows) -> None: ...

    def modes_set(self, model: OpenModel, as_found: bool) -> None: ...

    def findings_changed(self, model: OpenModel) -> None: ...

    def answered(self, answer: StatisticsStepped | TrainingSampled) -> None: ...

    def layer_tried(self, trial: LayerTrial) -> None: ...

    def trial_refused(self, failure: Failure) -> None: ...

    def tensor_drawn(self, drawn: TensorDrawn) -> None: ...

    def drawing_failed(self, failure: Failure) -> None: ...


class Runs:
    """Asks for one run after the other, and takes in what is told of it."""

    def __init__(self, talk: Conversation, view: RunView, wanted: Run | None) -> None:
        self._talk = talk
        self._view = view
        self.wanted = wanted or Run()
        """What every run here shares: inputs, mode and seed."""
        self.automatic = wanted is not None
        """Whether shapes are looked for, by a dry run, as soon as a model is there."""
        self.pending: Pending | None = None
        self._next: Callable[[], bool] | None = None
        """What was asked for while a run went on that nobody had asked for."""
        self._wished: Callable[[OpenModel], Job] | None = None
        """What was asked for while its model was on its way."""
        self._drawing: DrawTensor | None = None
        """The picture that was asked for and has not come."""
        self._stopping_drawing = False
        self.ignored: frozenset[str] = frozenset()
        """Findings that are not to be told: ids, or `id:path`."""
        self.probes = True
        """Whether the checks that need further forwards follow the first real run."""
        self._probed: OpenModel | None = None
        """The last model that they followed."""
        self._worked: dict[str, tuple[str, ...]] = {}
        """Model → the inputs that somebody gave it last."""

    # --- asking -------------------------------------------------------------------------------------------------

    def begin(self, *, dry: bool = False, untouched: bool = False, unasked: bool = False) -> bool:
        """Ask for a run of the open model; False when that cannot be now."""

        def request(model: OpenModel) -> Job:
            mode = "kept" if model.toggled else self.wanted.mode
            inputs = self.inputs(model)
            return structs.replace(self.wanted, inputs=inputs, mode=mode, dry=dry, untouched=untouched)

        return self._ask(request, unasked=True) if unasked else self._ask_when_there(request)

    def compare(self) -> bool:
        """Ask for train against eval."""
        return self._ask_when_there(lambda model: CompareModes(self.inputs(model), self.wanted.seed))

    def backward(self) -> bool:
        """Ask for forward and backward."""
        return self._ask(lambda model: RunBackward(self.inputs(model), self.wanted.seed))

    def step(self, *, keep: bool) -> bool:
        """Ask for some train-mode forwards that move the running statistics."""
        return self._ask_when_there(lambda model: StepStatistics(self.inputs(model), seed=self.wanted.seed, keep=keep))

    def sample(self) -> bool:
        """Ask for many train-mode forwards on one input."""
        return self._ask_when_there(lambda model: SampleTraining(self.inputs(model), seed=self.wanted.seed))

    def try_layer(self, request: TryLayer) -> bool:
        """Ask for a trial of one layer by itself."""
        return self._ask(lambda _: request)

    def set_modes(self, request: SetModes) -> bool:
        """Ask for other training flags; these wait for nothing but a run that goes on."""
        model = self._usable()
        return model is not None and self._send(request, model)

    def draw(self, request: DrawTensor) -> bool:
        """Ask for a picture."""
        model = self._usable()
        self._drawing, self._stopping_drawing = request if model is not None else None, False
        return model is not None and self._send(request, model)

    def _ask_when_there(self, request_for: Callable[[OpenModel], Job]) -> bool:
        """Ask for a run now, or of the model that is on its way as soon as that is there; False when neither can be."""
        if self._talk.loading is None and not (self._talk.model is not None and self._talk.model.preview):
            return self._ask(request_for)
        self._wished = request_for
        self._talk.view.stage_changed()
        return True

    @property
    def wished(self) -> bool:
        """Whether something is to run as soon as its model is there."""
        return self._wished is not None

    def grant(self) -> None:
        """The model is there: ask for what was wished of it."""
        wished, self._wished = self._wished, None
        if wished is not None:
            self._ask(wished)

    def drop_wish(self) -> None:
        """The model that it was wished of does not come."""
        self._wished = None

    def _ask(self, request_for: Callable[[OpenModel], Job], *, unasked: bool = False) -> bool:
        model = self._usable()
        if model is None or (self.pending is not None and not self.pending.unasked):
            return False
        if self.pending is not None:
            self._next = lambda: self._ask(request_for)
            checking = isinstance(self.pending.request, Probe)
            self._enter(self.pending, "finishing the checks" if checking else "finishing the dry run")
            return True
        pending = self.pending = Pending(request_for(model), unasked)
        model.running = True
        if not unasked:
            self._enter(pending, "starting the run")
        else:
            pending.stage.what = pending.verb
            asyncio.get_running_loop().call_later(QUIET_SECONDS, self.tell_if_slow, pending)
        return self._send(pending.request, model)

    def tell_if_slow(self, pending: Pending) -> None:
        """Say that a run goes on that nobody has asked for, if it still does."""
        if pending is self.pending and self.stage is None:
            self._enter(pending, pending.stage.what)

    @property
    def in_background(self) -> bool:
        """Whether what goes on is a run that nobody asked for, and that nobody waits for."""
        return self.pending is not None and self.pending.unasked and self._next is None and not self.pending.stopping

    @property
    def stage(self) -> Stage | None:
        """What is told of the run that goes on; None when there is none, or nothing is told of it."""
        return self.pending.stage if self.pending is not None and self.pending.told else None

    def _usable(self) -> OpenModel | None:
        model = self._talk.model
        return model if model is not None and model.alive and not model.preview else None

    def _send(self, request: Job | SetModes | DrawTensor, model: OpenModel) -> bool:
        assert self._talk.engine is not None
        return self._talk.engine.send(request, model.engine)

    def inputs(self, model: OpenModel) -> tuple[str, ...]:
        """What goes into this model: what was given to it here, else what the command line says."""
        return self._worked.get(model.title, self.wanted.inputs)

    def give(self, texts: tuple[str, ...]) -> bool:
        """Take other inputs from now on, and look for the shapes that they lead to."""
        model = self._talk.model
        if model is None:
            return False
        self._worked[model.title] = texts
        return self.begin(dry=True)

    def cancel(self) -> bool:
        """Interrupt the run that goes on; asked a second time, end its engine and load the model anew."""
        pending, model, engine = self.pending, self._talk.model, self._talk.engine
        self._next = None
        if (pending is None and self._drawing is None) or model is None or engine is None:
            return False
        stopping = pending.stopping if pending is not None else self._stopping_drawing
        if stopping or not engine.interrupt(model.engine):
            self.forget()
            engine.drop(model.engine)
            model.alive = False
            self._talk.load(self._talk.request)
        elif pending is not None:
            pending.stopping = True
            self._enter(pending, "stopping; ctrl+c again loads the model anew")
        else:
            self._stopping_drawing = True
        return True

    def forget(self) -> None:
        """The engine that ran is gone."""
        if self._talk.model is not None:
            self._talk.model.running = False
        self.pending = self._next = self._drawing = None

    # --- hearing ------------------------------------------------------------------------------------------------

    def hear(self, model: OpenModel, event: Event) -> bool:
        """Take in what is told of runs, modes and pictures; False when the event is about something else."""
        match event:
            case TensorDrawn():
                self._drawing = None
                self._view.tensor_drawn(event)
            case FindingsReported():
                self._take_findings(model, event)
            case ModesSet(flags=flags, as_found=as_found):
                model.table.set_flags(flags)
                model.toggled = not as_found
                self._view.modes_set(model, as_found)
            case _ if self.pending is not None:
                return self._hear_run(model, self.pending, event)
            case _:
                return False
        return True

    def _take_findings(self, model: OpenModel, event: FindingsReported) -> None:
        model.noticed[event.of] = event.findings
        if event.of == "probes" and self.pending is not None and isinstance(self.pending.request, Probe):
            self._end()
        self._view.findings_changed(model)

    def _hear_run(self, model: OpenModel, pending: Pending, event: Event) -> bool:
        match event:
            case InputsChosen(inputs=inputs):
                model.inputs, model.refused = inputs, None
                if inputs.origin == "none":
                    self._end()
                self._view.inputs_chosen(inputs)
            case StageStarted(what=what):
                if not pending.unasked and not pending.stopping:
                    self._enter(pending, what)
            case RunProgressed():
                pending.stage.running = None  # it has gone on from the line that was told
                if not pending.stopping and self._next is None:
                    self._enter(pending, f"{pending.verb} · {progress(model, event)}")
            case RunTraced(trace=trace):
                pending.table = RunTable(trace)
            case CallsDescribed() if pending.table is not None:
                pending.table.add(event)
            case RunCancelled(guard=guard, changed=changed):
                self._end()
                self._view.run_cancelled(guard, changed)
            case _:
                return self._hear_end(model, pending, event)
        return True

    def _hear_end(self, model: OpenModel, pending: Pending, event: Event) -> bool:
        """What came of it."""
        match event:
            case RunFinished(run=record) if isinstance(pending.request, Run) and pending.request.untouched:
                model.inputs, model.untouched = record.inputs, record
                self._end()
                self._view.run_untouched(model, record)
            case RunFinished(run=record):
                flow = RunRows(model.table, pending.table, record) if pending.table is not None else None
                model.ran(record, flow)
                if not record.dry:
                    model.noticed.pop("run", None)
                self._end()
                self._view.run_finished(model, record, unasked=pending.unasked)
                self._probe(model, record)
            case ModesCompared(comparison=comparison):
                model.inputs = comparison.inputs
                model.modes = ModeRows(model.table, comparison)
                model.notice("modes", (*filter(None, (comparison.finding,)), *comparison.findings))
                self._end()
                self._view.modes_compared(model, model.modes)
                self._view.findings_changed(model)
            case BackwardFinished(backward=backward):
                model.inputs, model.gradients = backward.inputs, GradientRows(model.table, backward)
                model.notice("backward", (*filter(None, (backward.finding,)), *backward.findings))
                self._end()
                self._view.backward_finished(model, model.gradients)
                self._view.findings_changed(model)
            case LayerTried(trial=trial):
                self._end()
                self._view.layer_tried(trial)
            case StatisticsStepped() | TrainingSampled():
                self._end()
                self._view.answered(event)
            case _:
                return False
        return True

    def _probe(self, model: OpenModel, record: RunRecord) -> None:
        """After the first real run in eval mode, look further; nobody waits for it."""
        wanted = self.probes and self.automatic and record.ok and not record.dry and record.mode == "eval"
        if wanted and self.pending is None and self._probed is not model:
            self._probed = model
            self._ask(lambda model: Probe(self.inputs(model), self.wanted.seed), unasked=True)

    def failed(self, failure: Failure) -> bool:
        """The run that was asked for came to nothing; False when none was."""
        pending = self.pending
        if pending is None:
            return False
        if failure.stage == "inputs" and self._talk.model is not None:
            self._talk.model.refused = failure
        self._end()
        self._view.run_refused(failure, pending.request, unasked=pending.unasked)
        return True

    def trial_refused(self, row: int, failure: Failure) -> bool:
        """The trial of this row's layer came to nothing; False when none was asked for."""
        if self.pending is None or not isinstance(self.pending.request, TryLayer) or self.pending.request.row != row:
            return False
        self._end()
        self._view.trial_refused(failure)
        return True

    def drawing_failed(self, row: int, failure: Failure) -> bool:
        """The picture that was asked for came to nothing; False when none of this row was."""
        if self._drawing is None or self._drawing.row != row:
            return False
        self._drawing = None
        self._view.drawing_failed(failure)
        return True

    def _end(self) -> None:
        self.pending, following, self._next = None, self._next, None
        if self._talk.model is not None:
            self._talk.model.running = False
        if self._talk.loading is None:
            self._talk.enter(None)
        if following is not None:
            following()

    def _enter(self, pending: Pending, what: str) -> None:
        """Say of a run what it does; while another model is on its way, that is said."""
        pending.stage.what, pending.told = what, True
        if self._talk.loading is None:
            self._talk.enter(pending.stage)
