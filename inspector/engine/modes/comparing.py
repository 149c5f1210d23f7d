"""Train against eval: the passes that it takes, and the answer that is put together from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch
from msgspec import structs
from torch import nn

from inspector.engine.failure import describe, sendable
from inspector.engine.findings.explanation import explain
from inspector.engine.findings.mode_catalogue import findings_of
from inspector.engine.findings.mode_rule import ModeScene
from inspector.engine.forward.passes import said, wants_gradients
from inspector.engine.forward.progress import Cancelled
from inspector.engine.forward.recorder import Recorder
from inspector.engine.forward.tracebacks import without_recording
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.kinds import is_a
from inspector.engine.modes import dropouts, norms
from inspector.engine.modes.answer import Answer
from inspector.engine.modes.keeping import Room
from inspector.engine.modes.noise import Listening, Noise, origin
from inspector.engine.modes.passes import Passes, Rows, Way
from inspector.engine.modes.proof import Prover, Toggle
from inspector.engine.modes.rounds import Comparing, Keeping, Measured, Proving, Training
from inspector.engine.modes.suspects import suspects_of, unexplained
from inspector.engine.modes.watch import Key, Visit, flag_of
from inspector.engine.storages import Copies
from inspector.mode_schema import Comparison

OTHER_SEED = 1
"""What is added to the seed for the runs that show the noise."""


def compare(
    model: nn.Module,
    sample: Sample,
    *,
    row_of: Callable[[nn.Module], int | None],
    path_of: Callable[[int], str],
    seed: int = 0,
    device: str = "cpu",
    guard: Guard | None = None,
    on_call: Callable[[int], None] = lambda row: None,
    most_bytes: int | None = None,
) -> Comparison:
    """Run a model on one input in train and in eval mode, and say which of its modules make the difference.

    The model is left as it was found, however this ends; the proof is in the answer. `on_call` hears the row of every
    call; what it raises ends the comparison. `most_bytes` is what outputs may take that are kept whole.
    """
    guard = guard or Guard(model, values=True)
    try:
        comparison = ModeComparison(
            model, sample, Rows(row_of, path_of), seed, device, guard, on_call, most_bytes
        ).run()
    finally:
        proof, changed = guard.check()
    return structs.replace(comparison, guard=proof, changed=changed)


class ModeComparison:
    """All passes of one comparison."""

    def __init__(
        self,
        model: nn.Module,
        sample: Sample,
        rows: Rows,
        seed: int,
        device: str,
        guard: Guard,
        on_call: Callable[[int], None],
        most_bytes: int | None = None,
    ) -> None:
        self._model, self._sample, self._rows, self._seed, self._device = model, sample, rows, seed, device
        self._passes = Passes(model, sample, rows, guard, on_call)
        self._copies = Copies()
        self._keeping = Keeping(Room(most_bytes))
        self._answer = Answer(self._keeping)
        self._failed: tuple[Way, BaseException] | None = None

    def run(self) -> Comparison:
        """Everything but what the guard has to say. Raises Cancelled when somebody asked for the end."""
        began = perf_counter()
        answer = self._answer
        if self._evaluate() and self._train():
            self._repeat()
            self._prove()
            noise = self._find_noise()
            self._tell_fused()
            answer.settle()
        comparison = Comparison(
            inputs=self._sample.record,
            seed=self._seed,
            device=self._device,
            seconds=perf_counter() - began,
            warnings=self._passes.warnings.records(),
            notes=tuple(map(sendable, self._passes.notes)),
        )
        if self._failed is not None:
            return self._tell_failure(comparison, *self._failed)
        comparison = structs.replace(
            comparison,
            differences=tuple(answer.differences),
            outputs=answer.outputs,
            sources=answer.sources,
        )
        return self._with_findings(structs.replace(comparison, seconds=perf_counter() - began), noise)

    # --- passes -----------------------------------------------------------------------------------------------------

    def _evaluate(self) -> bool:
        """The reference. A forward that differentiates itself is run with gradients from here on."""
        try:
            self._answer.evaluation, _ = self._passes.watch("eval", self._seed, self._keeping, heard=True)
        except Cancelled:
            raise
        except BaseException as error:
            if not self._passes.gradients and wants_gradients(error):
                self._passes.gradients = True
                self._passes.notes["forward asks for gradients: it was run with them"] = None
                self._keeping.kept.clear()
                return self._evaluate()
            self._failed = "eval", error
            return False
        return True

    def _train(self) -> bool:
        answer = self._answer
        answer.training = Training(self._keeping.kept, self._measure, answer.asks_by_users_code)
        try:
            answer.trained, _ = self._passes.watch("train", self._seed, answer.training, heard=True)
        except Cancelled:
            raise
        except BaseException as error:
            self._failed = "train", error
            return False
        return True

    def _measure(self, visit: Visit, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Measured | None:
        """Numbers for a reason, at the only time at which they are there: as the call begins in train mode."""
        answer, module = self._answer, visit.module
        if (norm := norms.measure(module, args, kwargs)) is not None:
            answer.norms[visit.key] = norm
        before = answer.evaluation.visits.get(visit.key)
        theirs = before is not None and before.looks is not None and before.parts == 0
        if flag_of(module) and (theirs or dropouts.is_dropout(module)):
            return dropouts.watch(module, args, kwargs, lambda told: answer.dropouts.__setitem__(visit.key, told))
        return None

    def _repeat(self) -> None:
        """Train mode with another seed."""
        training = self._answer.training
        assert training is not None
        again = Comparing(training.kept, self._answer.asks_by_users_code)
        if self._attempt("train", again):
            self._answer.noise_train = again

    def _prove(self) -> None:
        """Eval mode with another seed; on its way the suspects are tried. Once more for what nothing explains yet."""
        answer = self._answer
        switched = self._passes.switched()
        suspects = suspects_of(answer.evaluation, answer.trained, answer.moved(), answer.asking(), switched)
        answer.noise_eval = self._proving(suspects)
        left = unexplained(answer.evaluation, answer.trained, answer.moved(), set(answer.proven()), switched)
        again = {key: replace(suspects[key], again=True) for key, proof in answer.proofs.items() if proof.undecided}
        if again or left:
            self._proving({**(left or {}), **again})

    def _proving(self, suspects: dict[Key, Toggle]) -> Comparing | None:
        proving = Proving(self._keeping.kept, set(suspects))
        done = self._attempt("eval", proving, suspects)
        for key, proof in proving.proofs.items():
            self._answer.proofs[key] = proof
        return proving if done else None

    def _attempt(self, way: Way, around: Comparing, suspects: dict[Key, Toggle] | None = None) -> bool:
        """A pass with another seed; what it raises is told, and no more."""
        watch = self._passes.watching(around)
        if isinstance(around, Proving):
            around.prover = Prover(watch, suspects or {}, self._copies, self._answer.drawn)
        try:
            self._passes.run(way, self._seed + OTHER_SEED, watch)
        except Cancelled:
            raise
        except BaseException as error:
            self._passes.notes[f"a second run in {way} mode raised {said(error)}"] = None
            return False
        return True

    def _find_noise(self) -> Noise | None:
        """Where a second eval run begins to differ, and the line that draws random numbers."""
        noisy = self._answer.noisy()
        if not noisy:
            return None
        listening = Listening()
        listening.watch = self._passes.watching(listening)
        try:
            self._passes.run("eval", self._seed, listening.watch)
        except Cancelled:
            raise
        except BaseException as error:
            self._passes.notes[f"a second run in eval mode raised {said(error)}"] = None
        return origin(noisy, self._answer.evaluation, listening.draws)

    def _tell_fused(self) -> None:
        """Eval mode as torch runs it by itself, with its fused path: how far that moves the model's output."""
        visits = self._answer.evaluation.visits
        if not any(is_a(visit.module, *_FUSED) for visit in visits.values()):
            return
        try:
            result = self._passes.forward("eval", self._seed, fused=True)
        except Cancelled:
            raise
        except BaseException as error:
            self._passes.notes[f"{_FUSED_OFF}; with it eval mode raises {said(error)}"] = None
            return
        comparing = Comparing(self._keeping.kept)
        with torch._C.DisableTorchFunction():
            comparing.compare(next(iter(visits.values())), result)
        apart = [pair.distance.relative for pair in comparing.outputs if pair.shape is not None]
        moved = "gives another shape" if any(map(math.isnan, apart)) else f"moves by {max(apart, default=0.0):.2g}"
        with_it = "and eval mode gives the same with it" if not any(apart) else f"with it eval mode's output {moved}"
        self._passes.notes[f"{_FUSED_OFF}; {with_it}"] = None

    # --- the answer -------------------------------------------------------------------------------------------------

    def _with_findings(self, comparison: Comparison, noise: Noise | None) -> Comparison:
        trained = {id(visit.module): visit.training for visit in self._answer.trained.visits.values()}
        scene = ModeScene(self._model, *self._rows, comparison, trained, noise)
        return structs.replace(comparison, findings=findings_of(scene))

    def _tell_failure(self, comparison: Comparison, way: Way, error: BaseException) -> Comparison:
        """The pass that failed once more, recorded, for the card that says where and why."""
        recorder = Recorder(self._rows.row_of, statistics=False, training=way == "train")
        failure, finding = None, None
        try:
            self._passes.record(way, self._seed, recorder)
        except Cancelled:
            raise
        except BaseException as again:
            error = again
            if recorder.halt is not None:
                without_recording(again)
                finding = explain(recorder.halt, self._rows.path_of, self._sample.record)
                recorder.halt = None
        without_recording(error)
        failure = describe(error, "forward")
        return structs.replace(comparison, failed_in=way, finding=finding, failure=failure)


_FUSED = (nn.TransformerEncoderLayer, nn.MultiheadAttention)
_FUSED_OFF = "torch's fused path for Transformer layers was off in both modes, so that their parts can be compared"
