"""One backward pass from beginning to end: the pass itself, a closer one where something went wrong, the record."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs
from torch import nn

from inspector.engine.backward.births import Birth, Births
from inspector.engine.backward.flow import Flow
from inspector.engine.backward.measuring import Parameters, Place, Uncalled, layers, records
from inspector.engine.backward.passing import Passed, Training
from inspector.engine.backward.saved import Overwritten, Saving
from inspector.engine.failure import describe, sendable
from inspector.engine.findings.backward_rule import BackwardScene
from inspector.engine.findings.backward_rules import findings_of
from inspector.engine.findings.cut_graph import CutGraph
from inspector.engine.findings.explanation import explain
from inspector.engine.forward.tracebacks import without_recording
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.passes import Passes, Rows
from inspector.gradient_schema import BackwardRecord
from inspector.schema import TensorStats


class Examination:
    """All passes of one request."""

    def __init__(
        self,
        model: nn.Module,
        sample: Sample,
        rows: Rows,
        parameters: Parameters,
        seed: int,
        device: str,
        guard: Guard,
        on_call: Callable[[int], None],
        ran: Callable[[int], bool],
    ) -> None:
        guard.restore()
        self._model, self._sample, self._rows, self._parameters = model, sample, rows, parameters
        self._passes = Passes(model, sample, rows, guard, on_call)
        self._passes.gradients = True
        self._training = Training(self._passes, model, rows, seed, on_call)
        self._ran = ran
        self._record = BackwardRecord(inputs=sample.record, seed=seed, device=device)

    def run(self) -> BackwardRecord:
        """Everything but what the guard has to say. Raises Cancelled when somebody asked for the end."""
        trainable = list(self._parameters.trainable())
        frozen = sum(not each.parameter.requires_grad for each in self._parameters)
        self._record = structs.replace(self._record, frozen=frozen)
        if not trainable:
            return structs.replace(self._record, words="no parameter requires grad: there is nothing to propagate to")
        cut, flow = CutGraph(), Flow()
        stats: dict[str, TensorStats | None] = {}
        norms: dict[str, float] = {}

        def measure(passed: Passed) -> None:
            stats.update(self._parameters.measure())
            norms.update(self._parameters.norms())

        passed = self._training.run(cut, flow, after=measure)
        passed.notes += flow.notes
        self._tell(passed)
        if passed.error is not None:
            return self._failed(passed, cut)
        uncalled = Uncalled(passed.calls, passed.recorder.weights)
        gradients = tuple(records(self._parameters, stats, norms, uncalled)) if stats else ()
        flowed = tuple(layers(passed.calls, flow.norms))
        self._record = structs.replace(self._record, parameters=gradients, layers=flowed)
        scene = self._scene(passed, cut)
        lacking = [place for place in trainable if stats and stats.get(place.path) is None]
        scene.missing = tuple(place for place in lacking if not uncalled.holds(place))
        scene.uncalled = tuple(place for place in lacking if uncalled.holds(place) and self._ran_before(place))
        scene.trained = frozenset(id(each.parameter) for each in trainable if stats.get(each.path) is not None)
        scene.bad = tuple(sendable(each.path) for each in trainable if _is_bad(stats.get(each.path)))
        scene.measured, scene.layers = len(scene.trained), flowed
        scene.births = self._births() if scene.bad else ()
        return self._with_findings(scene)

    def _tell(self, passed: Passed) -> None:
        """What is known however the pass ended."""
        chosen = passed.chosen
        if chosen is not None:
            self._record = structs.replace(
                self._record, objective=chosen.kind, words=sendable(chosen.words), value=chosen.value
            )
        self._record = structs.replace(
            self._record,
            mode="kept" if self._passes.keeps_modes else "train",
            forward_seconds=passed.forward_seconds,
            backward_seconds=passed.backward_seconds,
            notes=tuple(map(sendable, (*self._passes.notes, *passed.notes))),
        )

    def _ran_before(self, place: Place) -> bool:
        row = self._rows.row_of(place.module)
        return row is not None and self._ran(row)

    def _scene(self, passed: Passed, cut: CutGraph) -> BackwardScene:
        chosen, calls = passed.chosen, passed.calls
        scene = BackwardScene(self._model, calls, *self._rows, self._sample.record, "train", dry=False, cut=cut)
        if chosen is not None:
            scene.objective, scene.words = chosen.kind, chosen.words
            taken = set(chosen.paths)
            scene.propagated = frozenset(seen.maker for seen in calls[0].outputs if seen.path in taken)
        return scene

    def _with_findings(self, scene: BackwardScene) -> BackwardRecord:
        findings, notes = findings_of(scene)
        record = self._record
        return structs.replace(record, findings=findings, notes=(*record.notes, *map(sendable, notes)))

    # --- what went wrong --------------------------------------------------------------------------------------------

    def _failed(self, passed: Passed, cut: CutGraph) -> BackwardRecord:
        error, halt = passed.error, passed.recorder.halt
        assert error is not None
        without_recording(error)
        in_forward = passed.failed_in == "forward"
        finding = explain(halt, self._rows.path_of, self._sample.record) if halt is not None and in_forward else None
        passed.recorder.halt = None
        self._record = structs.replace(
            self._record,
            failed_in="forward" if in_forward else "backward",
            finding=finding,
            failure=describe(error, "forward" if in_forward else "backward"),
        )
        passed.error = None
        del error
        if in_forward:
            return self._record
        again, overwritten = self._overwritten()
        scene = self._scene(again, cut)
        scene.overwritten = overwritten
        record = self._with_findings(scene)
        return structs.replace(record, finding=next((one for one in record.findings if one.id == "NN502"), None))

    def _overwritten(self) -> tuple[Passed, tuple[Overwritten, ...]]:
        """A forward that watches what is saved for backward; backward itself has been seen to fail."""
        saving = Saving()

        def conclude(passed: Passed) -> None:
            if passed.chosen is not None:
                saving.conclude(passed.chosen.roots)

        passed = self._training.run(
            saving, around=saving.hooks(), recording=saving.follow, before=conclude, backward=False
        )
        return passed, saving.overwritten

    def _births(self) -> tuple[Birth, ...]:
        """The same pass once more, with a look at every gradient between two operations."""
        births = Births()

        def watch(passed: Passed) -> None:
            if passed.chosen is not None:
                births.watch(passed.chosen.roots, passed.origins)

        try:
            self._training.run(before=watch)
        finally:
            births.let_go()
        return tuple(births.found)


def _is_bad(stats: TensorStats | None) -> bool:
    return stats is not None and bool(stats.nan or stats.positive_infinity or stats.negative_infinity)
