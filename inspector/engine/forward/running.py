"""One `Run` request: choose inputs, run the model dry or for real, leave it as found, tell of it.

inputs → [dry run] → [passes of the real run] → trace and records → RunFinished, with the guard's proof
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs
from torch import Tensor, nn

from inspector.engine.failure import message_of, sendable
from inspector.engine.findings.run_rule import RunScene
from inspector.engine.findings.run_rules import RunRules
from inspector.engine.forward import dry
from inspector.engine.forward.calls import Call
from inspector.engine.forward.capture import CaptureError, Place, Traced, capture
from inspector.engine.forward.lazy import copy_if_lazy
from inspector.engine.forward.outcome import Count, Outcome, of_calls
from inspector.engine.forward.packing import described, trace_of
from inspector.engine.forward.passes import RealRun, Subject, fail
from inspector.engine.forward.progress import Cancelled, Progress, interruption
from inspector.engine.forward.weights import used_without_call
from inspector.engine.guard import Guard
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.picture import draw
from inspector.engine.storages import Copies
from inspector.engine.structure import Structure
from inspector.engine.target import Built
from inspector.engine.tensor_stats import measure
from inspector.figures import size
from inspector.messages import (
    DrawTensor,
    EngineEvent,
    FindingsReported,
    FlowMeasured,
    InputsChosen,
    MeasureFlow,
    Run,
    RunCancelled,
    RunFinished,
    RunTraced,
    StageStarted,
    TensorDrawn,
)
from inspector.run_schema import CallKind, CallState, Finding, RunRecord, Seen
from inspector.schema import TensorStats

Send = Callable[[EngineEvent], None]
Key = tuple[tuple[str, ...], str, int, bool]
"""Inputs as typed, mode, seed, and whether operations are recorded: runs of the same key call the same things."""


class Runner:
    """Runs one model, request by request; from one to the next it keeps numbers, and of the model's tensors only the
    value that was looked at last."""

    def __init__(self, model: nn.Module, structure: Structure, built: Built, given: Sample | None = None) -> None:
        self._model, self._structure, self._built, self._given = model, structure, built, given
        self._expected: dict[Key, int] = {}
        """Calls of modules in the last run."""
        self._counted: dict[Key, Count] = {}
        """What the last dry run that came to its end has counted."""
        self._copies = Copies()
        self._last: tuple[Run, Traced] | None = None
        """The last run, if it was a real one, and what it called."""
        self._captured: tuple[Place, Tensor] | None = None
        self.outputs: tuple[Seen, ...] = ()
        """What the last run gave; nothing when it was dry, or failed."""
        self._noticed: tuple[Finding, ...] | None = None
        self._got: dict[int, tuple[Seen, ...]] = {}
        """What the last call of each module got in the last run, by its row."""

    def got(self, row: int) -> tuple[Seen, ...] | None:
        """What a module got in its last recorded call; None when it was not called in the last run."""
        return self._got.get(row)

    def run(self, request: Run, send: Send) -> None:
        """Answer a request. Raises LoadFailed when what was typed as inputs is wrong; the model is as before then."""
        self._last = self._captured = None
        self.outputs = ()
        with interruption.run():
            guard = Guard(self._model, values=True, copies=self._copies)
            try:
                record = self._run(request, send, guard)
            except Cancelled:
                send(RunCancelled(*guard.check()))
            except BaseException:
                guard.check()
                raise
            else:
                if record is not None:
                    proof, changed = guard.check()
                    send(RunFinished(structs.replace(record, guard=proof, changed=changed)))
                    if self._noticed is not None:
                        send(FindingsReported("run", self._noticed))

    def _run(self, request: Run, send: Send, guard: Guard) -> RunRecord | None:
        send(StageStarted("looking for inputs", user_code=True))
        sample = self._sample(request)
        guard.restore()
        send(InputsChosen(sample.record))
        if sample.record.origin == "none":
            return None
        outcome = self._outcome(request, sample, send, guard)
        send(RunTraced(trace_of(outcome.calls)))
        for event in described(outcome.calls):
            send(event)
        self._noticed = outcome.findings
        self._got = {call.row: call.inputs for call in outcome.calls if call.kind == CallKind.MODULE}
        record = outcome.record(request, sample.record, self._built.target.device)
        self._expected[_key(request)] = record.calls
        self._last = None if outcome.dry else (request, [(call.row, call.name) for call in outcome.calls])
        self.outputs = () if outcome.dry or outcome.failure is not None else record.outputs
        return record

    def draw(self, request: DrawTensor, send: Send) -> None:
        """Answer with a picture of what flowed in the last run. Raises CaptureError, or what forward raises."""
        place = Place(request.call, request.leaf)
        if self._captured is None or self._captured[0] != place:
            send(StageStarted("running forward again", user_code=True))
        value, lost = self.value(place, send)
        picture = draw(value, request.index, request.height, request.width)
        if lost:
            picture = structs.replace(
                picture, note=f"not left as found: {', '.join(lost)}; {picture.note}".rstrip("; ")
            )
        send(TensorDrawn(request, picture))

    def measure(self, request: MeasureFlow, send: Send) -> None:
        """Answer with statistics of what went into a call of the last run; also when there is nothing to measure."""
        lost: tuple[str, ...] = ()
        try:
            value, lost = self.value(Place(request.call, went_in=True), send)
            stats = measure(value, request.bins)
        except BaseException as error:  # Forward is the user's: whatever it raises is why there is nothing.
            stats = TensorStats(elements=0, note=sendable(message_of(error)) or type(error).__name__)
        send(FlowMeasured(request, stats, lost))

    def value(self, place: Place, send: Send) -> tuple[Tensor, tuple[str, ...]]:
        """A value that flowed in the last run, and what could not be put back after looking for it.

        Raises CaptureError, or what forward raises.
        """
        if self._captured is not None and self._captured[0] == place:
            return self._captured[1], ()
        with interruption.run():
            guard = Guard(self._model, values=True, copies=self._copies)
            try:
                value = self._capture(place, send, guard)
            except Cancelled:
                raise CaptureError("the run was stopped") from None
            finally:
                lost = guard.check()[1]
        self._captured = place, value
        return value, lost

    def maker(self, seen: Seen) -> tuple[int, str] | None:
        """The row and the name (of a function) of the call that made a value of the last run."""
        traced = self._last[1] if self._last is not None else ()
        return traced[seen.maker] if 0 <= seen.maker < len(traced) else None

    def _capture(self, place: Place, send: Send, guard: Guard) -> Tensor:
        if self._last is None:
            raise CaptureError("there are no values: the last run was dry, or there was none")
        run, traced = self._last
        sample = self._sample(run)
        guard.restore()
        subject, _ = self._subject(guard)
        return capture(subject, sample, run, self._progress(run, send), traced, place)

    def _sample(self, request: Run) -> Sample:
        return self._given or choose(self._model, request.inputs, self._built, request.seed)

    def _outcome(self, request: Run, sample: Sample, send: Send, guard: Guard) -> Outcome:
        on_meta = not self._structure.outline.totals.allocated
        if request.dry or on_meta:
            outcome = self._dry(request, sample, send, guard)
            if not request.dry:
                outcome.notes.append("on the meta device there are no values: it was run dry")
            return outcome
        if request.unless_larger:
            outcome = self._dry(request, sample, send, guard)
            if (needed := outcome.peak_bytes) is not None and needed > request.unless_larger:
                outcome.notes.append(
                    f"run dry: a real run would take {size(needed)}, {size(request.unless_larger)} are free"
                )
                return outcome
        return self._real(request, sample, send, guard)

    def _dry(self, request: Run, sample: Sample, send: Send, guard: Guard) -> Outcome:
        send(StageStarted("running forward for its shapes", user_code=True))
        subject, note = self._subject(guard)
        outcome = Outcome(dry=True, notes=[note] if note else [])
        found = dry.run(
            subject.model,
            sample,
            mode=request.mode,
            row_of=subject.row_of,
            restore=subject.restore,
            operations=request.operations,
            seed=request.seed,
            on_call=self._progress(request, send),
        )
        outcome.calls, outcome.notes = found.calls, outcome.notes + found.notes
        if found.error is not None:
            fail(outcome, found.error, found.halt, subject.path_of, sample)
            found.error = found.halt = None
        elif found.stopped:
            _open_end(outcome.calls)
        else:
            count = Count(
                "dry run", found.flops, found.uncounted, found.peak_bytes, found.training_bytes, of_calls(found.calls)
            )
            outcome.take(count)
            self._counted = {_key(request): count}
        if found.calls:
            found.calls[0].seconds = found.seconds
        outcome.findings = ()
        if outcome.failure is None:
            scene = _dry_scene(subject, outcome, sample, request)
            used, _ = used_without_call(subject.model, found.calls, found.recorder.weights, subject.row_of)
            scene.used, scene.stopped = frozenset(used), found.stopped
            outcome.findings = RunRules(subject.model).findings(scene)
        return outcome

    def _real(self, request: Run, sample: Sample, send: Send, guard: Guard) -> Outcome:
        send(StageStarted("running forward", user_code=True))
        subject, note = self._subject(guard)
        known = self._counted.get(_key(request))
        outcome = RealRun(subject, sample, request, known, self._progress(request, send)).run()
        outcome.notes[:0] = [note] if note else []
        return outcome

    def _subject(self, guard: Guard) -> tuple[Subject, str]:
        """The model itself, or a copy of it where a run would give lazy layers their size, and what to say of that."""
        model, note = self._model, ""
        row_of: Callable[[nn.Module], int | None] = self._structure.row_of
        if (copied := copy_if_lazy(model)) is not None:
            model, row_of, note = copied.model, copied.row_of(row_of), copied.note
        cuda = self._built.target.device.startswith("cuda")
        return Subject(model, row_of, self._structure.path, guard.restore, cuda), note

    def _progress(self, request: Run, send: Send) -> Progress:
        return Progress(send, self._expected.get(_key(request), 0))


def _key(request: Run) -> Key:
    return request.inputs, request.mode, request.seed, request.operations


def _dry_scene(subject: Subject, outcome: Outcome, sample: Sample, request: Run) -> RunScene:
    training = request.mode == "train" or (request.mode == "kept" and subject.model.training)
    mode = "train" if training else "eval"
    return RunScene(subject.model, outcome.calls, subject.row_of, subject.path_of, sample.record, mode, dry=True)


def _open_end(calls: list[Call]) -> None:
    """A dry run that stopped has failed nowhere: the calls that it was in did not end, and that is all."""
    call: Call | None = next((call for call in reversed(calls) if call.state == CallState.FAILED), None)
    if call is not None:
        call.notes += ("the dry run ends here",)
    while call is not None:
        call.state, call = CallState.DONE, call.parent
