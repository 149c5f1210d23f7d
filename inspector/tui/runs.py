"""The runs of the open model: what is asked for, what is on its way, what came of it. A part of the conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from inspector.format import literal
from inspector.messages import (
    CallsDescribed,
    Event,
    InputsChosen,
    Run,
    RunCancelled,
    RunFinished,
    RunProgressed,
    RunTraced,
    StageStarted,
    TensorDrawn,
)
from inspector.run_rows import RunRows
from inspector.run_schema import InputSet, RunRecord
from inspector.run_table import RunTable
from inspector.schema import Failure
from inspector.tui.open_model import OpenModel, Stage

if TYPE_CHECKING:
    from inspector.tui.conversation import Conversation


@dataclass
class Pending:
    """A run that was asked for and is not over."""

    request: Run
    unasked: bool = False
    """Whether nobody pressed a key for it: then nothing is said of it while it is quick."""
    table: RunTable | None = None
    stopping: bool = False
    stage: Stage = field(default_factory=lambda: Stage("running"))


class RunView(Protocol):
    """What a window does when something was told of a run."""

    def inputs_chosen(self, inputs: InputSet) -> None: ...

    def run_finished(self, model: OpenModel, run: RunRecord, *, unasked: bool) -> None: ...

    def run_cancelled(self, guard: str, changed: tuple[str, ...]) -> None: ...

    def run_refused(self, failure: Failure, *, unasked: bool) -> None: ...

    def tensor_drawn(self, drawn: TensorDrawn) -> None: ...


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
        self._worked: dict[str, tuple[str, ...]] = {}
        """Model → the inputs that somebody gave it last."""

    # --- asking -------------------------------------------------------------------------------------------------

    def begin(self, *, dry: bool = False, untouched: bool = False, unasked: bool = False) -> bool:
        """Ask for a run of the open model; False when that cannot be now."""
        model = self._talk.model
        if model is None or not model.alive or model.preview or self.pending is not None:
            return False
        request = structs.replace(self.wanted, inputs=self.inputs(model), dry=dry, untouched=untouched)
        self.pending = Pending(request, unasked)
        if not unasked:
            self._enter(self.pending, "starting the run")
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
        if pending is None or model is None or engine is None:
            return False
        if pending.stopping or not engine.interrupt(model.engine):
            self.forget()
            engine.drop(model.engine)
            model.alive = False
            self._talk.load(self._talk.request)
            return True
        pending.stopping = True
        self._enter(pending, "stopping the run; ctrl+c again ends the engine and loads the model anew")
        return True

    def forget(self) -> None:
        """The engine that ran is gone."""
        self.pending = None

    # --- hearing ------------------------------------------------------------------------------------------------

    def hear(self, model: OpenModel, event: Event) -> bool:
        """Take in what is told of the run that goes on; False when the event is about something else."""
        if isinstance(event, TensorDrawn):
            self._view.tensor_drawn(event)
            return True
        pending = self.pending
        if pending is None:
            return False
        match event:
            case InputsChosen(inputs=inputs):
                model.inputs = inputs
                if inputs.origin == "none":
                    self._end()
                self._view.inputs_chosen(inputs)
            case StageStarted(what=what):
                if not pending.unasked:
                    self._enter(pending, what)
            case RunProgressed():
                self._enter(pending, _progress(model, event))
            case RunTraced(trace=trace):
                pending.table = RunTable(trace)
            case CallsDescribed() if pending.table is not None:
                pending.table.add(event)
            case RunFinished(run=record):
                model.inputs = record.inputs
                model.flow = RunRows(model.table, pending.table, record) if pending.table is not None else None
                model.run = record
                self._end()
                self._view.run_finished(model, record, unasked=pending.unasked)
            case RunCancelled(guard=guard, changed=changed):
                self._end()
                self._view.run_cancelled(guard, changed)
            case _:
                return False
        return True

    def failed(self, failure: Failure) -> bool:
        """The run that was asked for came to nothing; False when none was."""
        if self.pending is None:
            return False
        unasked = self.pending.unasked
        self._end()
        self._view.run_refused(failure, unasked=unasked)
        return True

    def _end(self) -> None:
        self.pending = None
        self._talk.enter(None)

    def _enter(self, pending: Pending, what: str) -> None:
        pending.stage.what = what
        self._talk.enter(pending.stage)


def _progress(model: OpenModel, event: RunProgressed) -> str:
    """`running · 34 of 160 calls · layer3.0.conv1`"""
    done = f"{event.calls:,} of {event.expected:,} calls" if event.expected else f"{event.calls:,} calls"
    place = literal(model.table.short_path(event.row)) or "the model itself"
    return f"running · {done} · {place}"
