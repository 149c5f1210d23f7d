"""Answers `RunBackward`: choose inputs, one forward and one backward, look closer where something is wrong."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs
from torch import nn

from inspector.engine.backward.examining import Examination
from inspector.engine.backward.measuring import Parameters
from inspector.engine.failure import refuse
from inspector.engine.forward.lazy import copy_if_lazy
from inspector.engine.forward.progress import Cancelled, Progress, interruption
from inspector.engine.guard import Guard
from inspector.engine.inputs.choosing import choose
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.passes import Passes, Rows
from inspector.engine.storages import Copies
from inspector.engine.structure import Structure
from inspector.engine.target import Built
from inspector.gradient_schema import BackwardRecord
from inspector.messages import (
    BackwardFinished,
    EngineEvent,
    InputsChosen,
    RunBackward,
    RunCancelled,
    StageStarted,
)
from inspector.schema import Kind

Send = Callable[[EngineEvent], None]


class Backward:
    """Answers for one model; from one request to the next it keeps numbers, and none of the model's tensors."""

    def __init__(
        self,
        model: nn.Module,
        structure: Structure,
        built: Built,
        given: Sample | None = None,
        ran: Callable[[int], bool] = lambda row: False,
    ) -> None:
        """`ran` says whether the module of a row was called in the last run."""
        self._model, self._structure, self._built, self._given, self._ran = model, structure, built, given, ran
        self._copies = Copies()
        self._expected: dict[tuple[str, ...], int] = {}
        """Calls of modules in the last pass of the same inputs."""
        self._rows_at: dict[str, int] | None = None

    def answer(self, request: RunBackward, send: Send) -> None:
        """Run forward and backward. Raises LoadFailed when inputs are wrong; the model is as before then."""
        with interruption.run():
            guard = Guard(self._model, values=True, copies=self._copies)
            try:
                record = self._answer(request, send, guard)
            except Cancelled:
                send(RunCancelled(*guard.check()))
            except BaseException:
                guard.check()
                raise
            else:
                if record is not None:
                    proof, changed = guard.check()
                    send(BackwardFinished(structs.replace(record, guard=proof, changed=changed)))

    def _answer(self, request: RunBackward, send: Send, guard: Guard) -> BackwardRecord | None:
        if not self._structure.outline.totals.allocated:
            why = "on the meta device there are no values: there are no gradients to look at"
            raise refuse("backward", "NoValues", why)
        send(StageStarted("looking for inputs", user_code=True))
        sample = self._given or choose(self._model, request.inputs, self._built, request.seed)
        guard.restore()
        send(InputsChosen(sample.record))
        if sample.record.origin == "none":
            return None
        model, rows = self._model, Rows(self._structure.row_of, self._structure.path)
        notes: tuple[str, ...] = ()
        if (copied := copy_if_lazy(model)) is not None:
            model, rows, notes = copied.model, Rows(copied.row_of(rows.row_of), rows.path_of), (copied.note,)
            Passes(model, sample, rows, guard, lambda row: None).forward("eval", request.seed)
            guard.restore()
            guard = Guard(model, values=True)  # It has its sizes now.
        send(StageStarted("running forward and backward", user_code=True))
        progress, calls = Progress(send, self._expected.get(request.inputs, 0)), 0

        def on_call(row: int) -> None:
            nonlocal calls
            calls += 1
            progress.at(row)

        examination = Examination(
            model,
            sample,
            rows,
            Parameters(model, self._row_at),
            request.seed,
            self._built.target.device,
            guard,
            on_call,
            self._ran,
        )
        record = examination.run()
        self._expected[request.inputs] = calls
        return structs.replace(record, notes=(*notes, *record.notes))

    def _row_at(self, path: str) -> int | None:
        """The row of a parameter."""
        if self._rows_at is None:
            kinds = self._structure.outline.kind
            rows = (row for row, kind in enumerate(kinds) if kind == Kind.PARAMETER)
            self._rows_at = {}
            for row in rows:
                self._rows_at.setdefault(self._structure.path(row), row)
        return self._rows_at.get(path)
