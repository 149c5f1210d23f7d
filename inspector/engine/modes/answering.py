"""The requests about train and eval: choose inputs, do what is asked, leave the model as found, tell of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any, NamedTuple

from msgspec import structs
from torch import nn

from inspector.engine.failure import refuse
from inspector.engine.forward.lazy import copy_if_lazy
from inspector.engine.forward.progress import Cancelled, Progress, interruption
from inspector.engine.guard import Guard
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.comparing import compare
from inspector.engine.modes.flags import TrainingFlags
from inspector.engine.modes.fresh import SAME_VALUES, fresh_samples
from inspector.engine.modes.passes import Passes, Rows
from inspector.engine.modes.sampling import sample_training
from inspector.engine.modes.stepping import step
from inspector.engine.storages import Copies
from inspector.engine.structure import Structure
from inspector.engine.target import Built
from inspector.messages import (
    CompareModes,
    EngineEvent,
    InputsChosen,
    ModesCompared,
    ModesSet,
    RunCancelled,
    SampleTraining,
    SetModes,
    StageStarted,
    StepStatistics,
)
from inspector.mode_schema import Comparison, StatisticsStepped, TrainingSampled

Send = Callable[[EngineEvent], None]
Asked = CompareModes | StepStatistics | SampleTraining


class Subject(NamedTuple):
    """What is run: the model, or a copy that stands for it."""

    model: nn.Module
    rows: Rows
    guard: Guard
    note: str = ""


class ModeRequests:
    """Answers them for one model; from one to the next it keeps numbers, and none of the model's tensors."""

    def __init__(self, model: nn.Module, structure: Structure, built: Built, given: Sample | None = None) -> None:
        self._model, self._structure, self._built, self._given = model, structure, built, given
        self._copies = Copies()
        self._expected: dict[tuple[str, ...], int] = {}
        """Calls of modules in the last comparison of the same inputs."""
        self._flags: TrainingFlags | None = None

    def set(self, request: SetModes) -> ModesSet:
        """Set flags. Nothing of the user's runs, but for what a class makes of an attribute that is set."""
        if self._flags is None:
            self._flags = TrainingFlags(self._model, self._structure)
        return self._flags.set(request)

    def answer(self, request: Asked, send: Send) -> None:
        """Answer a request that runs the model. Raises LoadFailed when its inputs are wrong, and what forward raises;
        the model is as before then."""
        with interruption.run():
            guard = Guard(self._model, values=True, copies=self._copies)
            try:
                answer = self._answer(request, send, guard)
            except Cancelled:
                send(RunCancelled(*guard.check()))
            except BaseException:
                guard.check()
                raise
            else:
                if answer is not None:
                    send(answer)

    def _answer(self, request: Asked, send: Send, guard: Guard) -> EngineEvent | None:
        if not self._structure.outline.totals.allocated:
            raise refuse("forward", "NoValues", "on the meta device there are no values: the modes cannot be compared")
        send(StageStarted("looking for inputs", user_code=True))
        sample = self._given or choose(self._model, request.inputs, self._built, request.seed)
        guard.restore()
        send(InputsChosen(sample.record))
        if sample.record.origin == "none":
            return None
        subject = self._subject(sample, guard)
        match request:
            case CompareModes():
                comparison = self._compare(request, sample, send, subject)
                notes = _with(subject.note, comparison.notes)
                return ModesCompared(structs.replace(comparison, notes=notes, **_proof(guard, subject)))
            case StepStatistics():
                stepped = self._step(request, sample, send, subject)
                return structs.replace(stepped, notes=_with(subject.note, stepped.notes), **_proof(guard, subject))
            case SampleTraining():
                sampled = self._sample(request, sample, send, subject)
                return structs.replace(sampled, notes=_with(subject.note, sampled.notes), **_proof(guard, subject))

    def _compare(self, request: CompareModes, sample: Sample, send: Send, subject: Subject) -> Comparison:
        send(StageStarted("comparing train with eval", user_code=True))
        progress, calls = Progress(send, self._expected.get(request.inputs, 0)), 0

        def on_call(row: int) -> None:
            nonlocal calls
            calls += 1
            progress.at(row)

        comparison = compare(
            subject.model,
            sample,
            row_of=subject.rows.row_of,
            path_of=subject.rows.path_of,
            seed=request.seed,
            device=self._built.target.device,
            guard=subject.guard,
            on_call=on_call,
        )
        self._expected[request.inputs] = calls
        return comparison

    def _step(self, request: StepStatistics, sample: Sample, send: Send, subject: Subject) -> StatisticsStepped:
        fresh, note = fresh_samples(self._model, sample, self._built, request.seed + 1)
        if self._given is not None:
            fresh, note = repeat(sample), SAME_VALUES
        stepped = step(
            subject.model,
            sample,
            fresh,
            steps=request.steps,
            row_of=subject.rows.row_of,
            path_of=subject.rows.path_of,
            seed=request.seed,
            keep=request.keep and not subject.note,
            guard=subject.guard,
            on_step=lambda number: send(StageStarted(f"train mode, batch {number} of {request.steps}", user_code=True)),
        )
        return structs.replace(stepped, notes=_with(note, stepped.notes))

    def _sample(self, request: SampleTraining, sample: Sample, send: Send, subject: Subject) -> TrainingSampled:
        return sample_training(
            subject.model,
            sample,
            runs=request.runs,
            row_of=subject.rows.row_of,
            path_of=subject.rows.path_of,
            seed=request.seed,
            guard=subject.guard,
            on_run=lambda number: send(StageStarted(f"train mode, run {number} of {request.runs}", user_code=True)),
        )

    def _subject(self, sample: Sample, guard: Guard) -> Subject:
        """The model itself, or a copy of it where a run would give lazy layers their size: then they have it here."""
        rows = Rows(self._structure.row_of, self._structure.path)
        copied = copy_if_lazy(self._model)
        if copied is None:
            return Subject(self._model, rows, guard)
        rows = Rows(copied.row_of(rows.row_of), rows.path_of)
        try:
            Passes(copied.model, sample, rows, guard, lambda row: None).forward("eval", 0)
        except Cancelled:
            raise
        except BaseException as error:
            del error  # It will be raised again where there is somebody to tell.
        guard.restore()
        return Subject(copied.model, rows, Guard(copied.model, values=True), copied.note)


def _with(note: str, notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, (note, *notes)))


def _proof(guard: Guard, subject: Subject) -> dict[str, Any]:
    """Of a copy that was run: that the model itself was left as found."""
    if subject.guard is guard:
        return {}
    proof, changed = guard.check()
    return {"guard": proof, "changed": changed}
