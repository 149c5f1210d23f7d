"""The passes of a real run: one that is recorded, one that is counted in, and some for their time alone.

Every pass has inputs of its own, the same random numbers, and the model as it was found. A forward runs without
gradients, as in inference; one that itself differentiates (a force from an energy) raises for that, and then runs again
with gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import torch
from torch import nn

from inspector.engine.failure import describe, message_of, sendable
from inspector.engine.findings.explanation import explain
from inspector.engine.findings.run_rule import RunScene
from inspector.engine.findings.run_rules import RunRules
from inspector.engine.forward.batch_tracking import BatchTracking, Digests, batch_size, change_a_sample, compare
from inspector.engine.forward.calls import Call, Halt
from inspector.engine.forward.compiling import HELD_BACK, held_back
from inspector.engine.forward.conditions import conditions, own_inputs, reseed, set_mode, unheard
from inspector.engine.forward.dispatch import Dispatching
from inspector.engine.forward.flops import Flops
from inspector.engine.forward.makers import Makers
from inspector.engine.forward.memory import LiveBytes
from inspector.engine.forward.observation import Observation
from inspector.engine.forward.outcome import Count, Outcome, of_calls
from inspector.engine.forward.progress import Cancelled, interruption
from inspector.engine.forward.recorder import ELSEWHERE, Recorder
from inspector.engine.forward.seeing import Seer, leaves
from inspector.engine.forward.timing import Pass, settle, timed
from inspector.engine.forward.tracebacks import without_recording
from inspector.engine.forward.warned import Warnings, silenced
from inspector.engine.forward.weights import used_without_call
from inspector.engine.inputs.sample import Sample
from inspector.engine.kinds import is_a
from inspector.messages import Run
from inspector.run_schema import CallKind, Seen

REPEATING_SECONDS = 0.5
"""How long passes are repeated for their time alone."""
MOST_REPEATS = 7
_GRADIENTS_WANTED = ("require grad", "requires_grad", "grad_fn")

Action = Callable[[tuple[Any, ...], dict[str, Any]], object]


class GradientsWantedError(Exception):
    """Forward differentiates itself, and was run without gradients."""


class Subject:
    """What is run: the model, or a copy that stands for it."""

    def __init__(
        self,
        model: nn.Module,
        row_of: Callable[[nn.Module], int | None],
        path_of: Callable[[int], str],
        restore: Callable[[], object],
        cuda: bool,
    ) -> None:
        self.model, self.row_of, self.path_of, self.restore, self.cuda = model, row_of, path_of, restore, cuda


class RealRun:
    """All passes of one request, over one sample."""

    def __init__(
        self, subject: Subject, sample: Sample, request: Run, known: Count | None, on_call: Callable[[Call], None]
    ) -> None:
        self._subject, self._sample, self._request = subject, sample, request
        self._known, self._on_call = known, on_call
        self._gradients = False
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Run the model as often as it takes. Raises Cancelled when somebody asked for the end."""
        try:
            if self._request.untouched:
                self._run_untouched()
            else:
                self._run_watched()
        except GradientsWantedError:
            self._gradients, self._outcome = True, Outcome()
            self._outcome.notes.append("forward asks for gradients: it was run with them")
            return self.run()
        return self._outcome

    def _run_watched(self) -> None:
        outcome, subject = self._outcome, self._subject
        training = self._request.mode == "train" or (self._request.mode == "kept" and subject.model.training)
        rules = RunRules(subject.model)
        recorder = Recorder(
            subject.row_of,
            statistics=self._request.statistics,
            operations=self._request.operations,
            training=training,
            on_call=self._on_call,
            on_return=rules.observation,
        )
        rules.observation.calls = recorder.calls
        with rules.observation:
            self._first(lambda args, kwargs: recorder.run(subject.model, args, kwargs), recorder)
        outcome.calls = recorder.calls
        if recorder.held_back:
            outcome.notes.append(HELD_BACK)
        if recorder.elsewhere:
            outcome.notes.append(f"{ELSEWHERE}, and their FLOPs and memory are not counted")
        if outcome.failure is None:
            outcome.uncalled, notes = used_without_call(subject.model, recorder.calls, recorder.weights, subject.row_of)
            outcome.notes += notes
            self._count()
            self._time(inside=True)
            if self._request.statistics and self._request.operations:
                outcome.findings = rules.findings(self._scene(training), self._track)
        else:
            outcome.findings = ()
        outcome.notes += rules.observation.notes

    def _run_untouched(self) -> None:
        """Nothing watched but the whole."""
        outputs: list[Seen] = []
        model = self._subject.model
        self._first(lambda args, kwargs: outputs.extend(_seen(model(*args, **kwargs))), None)
        self._outcome.calls = [Call(0, None, CallKind.MODULE, model, 0, number=1, outputs=tuple(outputs))]
        if self._outcome.failure is None:
            self._time(inside=False)

    # --- what is noticed --------------------------------------------------------------------------------------------

    def _scene(self, training: bool) -> RunScene:
        subject, outcome = self._subject, self._outcome
        return RunScene(
            subject.model,
            outcome.calls,
            subject.row_of,
            subject.path_of,
            self._sample.record,
            "train" if training else "eval",
            dry=False,
            used=frozenset(outcome.uncalled),
            warnings=outcome.warnings,
        )

    def _track(self) -> BatchTracking | None:
        """Two passes that show where the samples of the batch lie; None where that cannot be had."""
        size = batch_size(self._sample.args, self._sample.kwargs)
        if size < 2:
            return None
        before, after = Digests(size), Digests(size)
        if self._digest(before, size, change=False) and self._digest(after, size, change=True):
            return compare(self._outcome.calls, before, after, size)
        return None

    def _digest(self, digests: Digests, size: int, change: bool) -> bool:
        observation = Observation([digests])
        subject = self._subject
        recorder = Recorder(subject.row_of, statistics=False, on_call=self._on_call, on_return=observation)
        changed = []

        def action(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if change:
                changed.append(change_a_sample(args, kwargs, size))
            recorder.run(subject.model, args, kwargs)

        error = self._again(action)
        recorder.halt = None
        return error is None and all(changed) and not observation.notes

    # --- one pass ---------------------------------------------------------------------------------------------------

    def _pass(self, action: Action) -> None:
        """Do something with the model as it was found, in its mode, with inputs of its own."""
        interruption.check()
        self._subject.restore()
        compiler = nullcontext() if self._request.untouched else held_back(self._subject.model)
        with conditions(self._request.seed, self._gradients), compiler:
            if note := set_mode(self._subject.model, self._request.mode):
                self._outcome.notes.append(note)
            args, kwargs = own_inputs(self._sample.args, self._sample.kwargs)
            reseed(self._request.seed)
            try:
                with interruption.forward():
                    action(args, kwargs)
            except BaseException:
                interruption.check()
                raise

    def _first(self, action: Action, recorder: Recorder | None) -> None:
        """The pass whose warnings and whose end are told of."""
        warnings = Warnings()
        try:
            with warnings.heard():
                self._pass(action)
        except Cancelled:
            raise
        except BaseException as error:  # Whatever forward raises is the answer.
            if not self._gradients and wants_gradients(error):
                raise GradientsWantedError from None
            fail(self._outcome, error, recorder.halt if recorder else None, self._subject.path_of, self._sample)
            if recorder is not None:
                recorder.halt = None
        self._outcome.warnings = warnings.records()

    def _again(self, action: Action) -> BaseException | None:
        """A further pass, unheard: what is printed and warned of has been told. Returns what it raised."""
        try:
            with unheard(), silenced():
                self._pass(action)
        except Cancelled:
            raise
        except BaseException as error:
            return error
        return None

    def repeat(self, action: Action) -> None:
        """One pass under the conditions of the recorded one; what it raises comes out."""
        error = self._again(action)
        if error is not None and not self._gradients and wants_gradients(error):
            self._gradients = True
            error = self._again(action)
        if error is not None:
            raise error

    # --- what is counted and timed ----------------------------------------------------------------------------------

    def _count(self) -> None:
        """FLOPs and memory: known from a dry run, or counted where operations reach torch's dispatcher."""
        if self._known is not None and self._outcome.called(self._known):
            self._outcome.take(self._known)
            return
        subject = self._subject
        counter = Recorder(subject.row_of, statistics=False, operations=self._request.operations)

        def credit(flops: int) -> None:
            if (call := counter.current) is not None:
                call.own_flops += flops

        flops, live = Flops(credit), LiveBytes()

        def action(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            with Dispatching(flops, live):
                counter.run(subject.model, args, kwargs)

        error = self._again(action)
        counter.halt = None
        if error is not None:
            self._outcome.notes.append(f"FLOPs could not be counted: {said(error)}")
            return
        peak, held = (None, live.now) if self._gradients else (live.peak, None)
        uncounted = tuple(sorted(flops.uncounted.items()))
        self._outcome.take(Count("run", flops.total, uncounted, peak, held, of_calls(counter.calls)))

    def _time(self, inside: bool) -> None:
        """Passes for their time alone, for as long as nobody waits for them."""
        calls, passes = self._outcome.calls, list[Pass]()
        model, cuda = self._subject.model, self._subject.cuda
        began = before = perf_counter()
        expected = calls[0].seconds
        while len(passes) < MOST_REPEATS:
            wanted = not passes and (cuda or math.isnan(expected))
            if not wanted and before - began + expected > REPEATING_SECONDS:
                break
            error = self._again(lambda args, kwargs: passes.append(timed(model, args, kwargs, inside, cuda)))
            if error is not None:
                self._outcome.notes.append(f"a repeated pass raised {said(error)}")
                break
            before, expected = perf_counter(), perf_counter() - before
        if settle(calls, passes):
            self._outcome.repeats = len(passes)
        elif passes:
            self._outcome.notes.append("forward calls other modules from pass to pass: times are those of one pass")


def fail(
    outcome: Outcome, error: BaseException, halt: Halt | None, path_of: Callable[[int], str], sample: Sample
) -> None:
    """Why forward failed. The exception and the halt refer to tensors: let go of them afterwards."""
    without_recording(error)
    if halt is not None:
        outcome.finding = explain(halt, path_of, sample.record)
    outcome.failure = describe(error, "forward")


def wants_gradients(error: BaseException) -> bool:
    """Whether an exception says that there are no gradients to differentiate with."""
    return is_a(error, RuntimeError) and any(words in message_of(error) for words in _GRADIENTS_WANTED)


def said(error: BaseException) -> str:
    """An exception in one line."""
    return sendable(f"{type(error).__name__}: {message_of(error)}".splitlines()[0])


def _seen(result: Any) -> list[Seen]:
    makers = Makers(Seer())
    with torch._C.DisableTorchFunction():
        return [
            Seen(path, text=text) if tensor is None else makers.made_by(0, tensor).seen(path, text, None)
            for path, tensor, text in leaves(result)
        ]
