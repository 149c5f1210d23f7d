"""The probes: what further forwards show that one does not. Guarded, seeded, and ended like a run.

eval twice with different random numbers (NN401); once with one sample of the batch changed (NN315); once with
gradients, and once more in train mode where those are missing (NN314).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from inspector.engine.failure import refuse
from inspector.engine.findings.cut_graph import CutGraph
from inspector.engine.findings.mixed_samples import Ends, MixedSamples, moved_by_another
from inspector.engine.findings.mode_rule import ModeScene
from inspector.engine.findings.run_rule import RunScene
from inspector.engine.findings.run_rules import in_order
from inspector.engine.findings.unstable_eval import UNSTABLE_EVAL
from inspector.engine.forward.batch_tracking import Digests, batch_size, change_a_sample, compare
from inspector.engine.forward.conditions import own_inputs
from inspector.engine.forward.lazy import copy_if_lazy
from inspector.engine.forward.observation import Observation, Observer
from inspector.engine.forward.passes import wants_gradients
from inspector.engine.forward.progress import Cancelled, Progress, interruption
from inspector.engine.forward.recorder import Recorder
from inspector.engine.guard import Guard
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.keeping import Room
from inspector.engine.modes.noise import Listening, Noise, origin
from inspector.engine.modes.passes import Passes, Rows, Way
from inspector.engine.modes.rounds import Comparing, Keeping
from inspector.engine.storages import Copies
from inspector.engine.structure import Structure
from inspector.engine.target import Built
from inspector.messages import EngineEvent, FindingsReported, InputsChosen, Probe, RunCancelled, StageStarted
from inspector.mode_schema import Comparison
from inspector.run_schema import Finding

Send = Callable[[EngineEvent], None]
_OTHER_SEED = 1
"""What is added to the seed for the second eval run."""


class Prober:
    """Answers `Probe` for one model."""

    def __init__(self, model: nn.Module, structure: Structure, built: Built, given: Sample | None = None) -> None:
        self._model, self._structure, self._built, self._given = model, structure, built, given
        self._copies = Copies()

    def answer(self, request: Probe, send: Send) -> None:
        """Probe. Raises LoadFailed when inputs are wrong, and what forward raises; the model is as before then."""
        with interruption.run():
            guard = Guard(self._model, values=True, copies=self._copies)
            try:
                findings = self._answer(request, send, guard)
            except Cancelled:
                send(RunCancelled(*guard.check()))
            except BaseException:
                guard.check()
                raise
            else:
                proof, changed = guard.check()
                if findings is not None:
                    send(FindingsReported("probes", findings, guard=proof, changed=changed))

    def _answer(self, request: Probe, send: Send, guard: Guard) -> tuple[Finding, ...] | None:
        if not self._structure.outline.totals.allocated:
            raise refuse("forward", "NoValues", "on the meta device there are no values: there is nothing to probe")
        send(StageStarted("looking for inputs", user_code=True))
        sample = self._given or choose(self._model, request.inputs, self._built, request.seed)
        guard.restore()
        send(InputsChosen(sample.record))
        if sample.record.origin == "none":
            return None
        model = self._model
        row_of: Callable[[nn.Module], int | None] = self._structure.row_of
        if (copied := copy_if_lazy(model)) is not None:
            model, row_of = copied.model, copied.row_of(row_of)
            Passes(model, sample, Rows(row_of, self._structure.path), guard, lambda row: None).forward("eval", 0)
            guard.restore()
            guard = Guard(model, values=True)  # It has its sizes now.
        progress = Progress(send, 0)
        rows = Rows(row_of, self._structure.path)
        device = self._built.target.device
        return Probes(model, sample, rows, request.seed, device, guard, progress.at).run(send)


class _Recorded(NamedTuple):
    """One recorded pass."""

    recorder: Recorder
    whole: bool
    """Whether everybody who watched could look at all of it."""


class Probes:
    """All passes of one request."""

    def __init__(
        self,
        model: nn.Module,
        sample: Sample,
        rows: Rows,
        seed: int,
        device: str,
        guard: Guard,
        on_call: Callable[[int], None],
    ) -> None:
        self._model, self._sample, self._rows, self._seed, self._device = model, sample, rows, seed, device
        self._guard, self._on_call = guard, on_call
        guard.restore()
        self._passes = self._passes_on(sample)

    def run(self, send: Send) -> tuple[Finding, ...]:
        """What was found, what matters most first. Raises what forward raises."""
        send(StageStarted("probing: eval twice", user_code=True))
        found = self._eval_twice()
        send(StageStarted("probing: one sample changed", user_code=True))
        found += self._one_sample_changed()
        send(StageStarted("probing: gradients", user_code=True))
        found += self._gradients()
        return in_order(found)

    def _passes_on(self, sample: Sample) -> Passes:
        return Passes(self._model, sample, self._rows, self._guard, self._on_call)

    # --- NN401 ------------------------------------------------------------------------------------------------------

    def _eval_twice(self) -> list[Finding]:
        keeping = Keeping(Room())
        try:
            evaluation, _ = self._passes.watch("eval", self._seed, keeping)
        except Cancelled:
            raise
        except BaseException as error:
            if self._passes.gradients or not wants_gradients(error):
                raise
            self._passes.gradients = True
            return self._eval_twice()
        again = Comparing(keeping.kept)
        self._passes.watch("eval", self._seed + _OTHER_SEED, again)
        noisy = {key for key, distance in again.distances.items() if not distance.equal}
        if not any(evaluation.visits[key].depth == 0 for key in noisy):
            return []
        listening = Listening()
        listening.watch = self._passes.watching(listening)
        self._passes.run("eval", self._seed, listening.watch)
        return list(UNSTABLE_EVAL.findings(self._mode_scene(origin(noisy, evaluation, listening.draws))))

    def _mode_scene(self, noise: Noise) -> ModeScene:
        comparison = Comparison(inputs=self._sample.record, seed=self._seed, device=self._device, seconds=0.0)
        return ModeScene(self._model, *self._rows, comparison, {}, noise)

    # --- NN315 ------------------------------------------------------------------------------------------------------

    def _one_sample_changed(self) -> list[Finding]:
        size = batch_size(self._sample.args, self._sample.kwargs)
        changed = _changed(self._sample, size) if size > 1 else None
        if changed is None:
            return []
        digests, ends = (Digests(size), Digests(size)), (Ends(), Ends())
        first = self._record(self._passes, "eval", digests[0], ends[0])
        passes = self._passes_on(changed)
        passes.gradients = self._passes.gradients
        second = self._record(passes, "eval", digests[1], ends[1])
        if first is None or second is None or not (first.whole and second.whole):
            return []
        scene = self._scene(first.recorder)
        scene.batch = compare(first.recorder.calls, *digests, size)
        return list(MixedSamples(moved_by_another(ends[0].outputs, ends[1].outputs, size)).findings(scene))

    # --- NN314 ------------------------------------------------------------------------------------------------------

    def _gradients(self) -> list[Finding]:
        """In eval mode first; a model that carries gradients only in train mode is trained in train mode."""
        before, self._passes.gradients = self._passes.gradients, True
        try:
            return self._cut("eval") and self._cut("train")
        finally:
            self._passes.gradients = before

    def _cut(self, way: Way) -> list[Finding]:
        rule = CutGraph()
        recorded = self._record(self._passes, way, rule)
        if recorded is None or not recorded.whole:
            return []
        return list(rule.findings(self._scene(recorded.recorder)))

    # --- one pass ---------------------------------------------------------------------------------------------------

    def _record(self, passes: Passes, way: Way, *observers: Observer) -> _Recorded | None:
        """A recorded pass; None when it raised, which a pass on other inputs or in another mode may."""
        observation = Observation(observers)
        recorder = Recorder(
            self._rows.row_of,
            statistics=False,
            training=way == "train",
            on_call=lambda call: self._on_call(call.row),
            on_return=observation,
        )
        observation.calls = recorder.calls
        try:
            passes.record(way, self._seed, recorder)
        except Cancelled:
            raise
        except BaseException:
            recorder.halt = None
            return None
        return _Recorded(recorder, not observation.notes)

    def _scene(self, recorder: Recorder) -> RunScene:
        rows = self._rows
        return RunScene(self._model, recorder.calls, rows.row_of, rows.path_of, self._sample.record, "eval", dry=False)


def _changed(sample: Sample, size: int) -> Sample | None:
    """The sample inputs with one sample of the batch changed; None where nothing can be changed."""
    args, kwargs = own_inputs(sample.args, sample.kwargs)
    return Sample(args, kwargs, sample.record) if change_a_sample(args, kwargs, size) else None
