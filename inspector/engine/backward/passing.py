"""One pass: forward, recorded, with gradients and in train mode; then backward, with every `.grad` empty before it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from torch import nn

from inspector.engine.backward.graph import Origins
from inspector.engine.backward.objective import Chosen, choose
from inspector.engine.forward.calls import Call
from inspector.engine.forward.compiling import HELD_BACK, held_back
from inspector.engine.forward.observation import Observation, Observer
from inspector.engine.forward.progress import Cancelled
from inspector.engine.forward.recorder import Recorder
from inspector.engine.modes.passes import Passes, Rows


@dataclass
class Passed:
    """What came of a pass; an error refers to tensors: to be dropped when it has been explained."""

    recorder: Recorder
    origins: Origins
    chosen: Chosen | None = None
    error: BaseException | None = None
    failed_in: str = ""
    forward_seconds: float = 0.0
    backward_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    """What watching could not see."""

    @property
    def calls(self) -> list[Call]:
        return self.recorder.calls


class Training:
    """Passes of one model on one sample, each from the same state and the same random numbers."""

    def __init__(self, passes: Passes, model: nn.Module, rows: Rows, seed: int, on_call: Callable[[int], None]) -> None:
        self._passes, self._model, self._rows, self._seed = passes, model, rows, seed
        self._on_call = on_call

    def run(
        self,
        *observers: Observer,
        statistics: bool = False,
        around: AbstractContextManager[object] | None = None,
        recording: Callable[[Recorder], None] = lambda recorder: None,
        before: Callable[[Passed], None] = lambda passed: None,
        after: Callable[[Passed], None] = lambda passed: None,
        backward: bool = True,
    ) -> Passed:
        """One pass. `before` is called when forward is over, `after` when backward is, before the model is put back.

        `around` is entered around forward, and `recording` is given its recorder before. What forward or backward
        raises is kept; Cancelled comes out.
        """
        origins = Origins()

        def on_call(call: Call) -> None:
            self._on_call(call.row)
            origins.begins(call)

        observation = Observation((origins, *observers))
        recorder = Recorder(
            self._rows.row_of, statistics=statistics, training=True, on_call=on_call, on_return=observation
        )
        recording(recorder)
        passed = Passed(recorder, origins)
        observation.calls = recorder.calls
        passed.notes = observation.notes

        def act(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            passed.failed_in = "forward"
            for parameter in nn.Module.parameters(self._model):
                parameter.grad = None
            began = perf_counter()
            with held_back(self._model), around or nullcontext():
                result = recorder.run(self._model, args, kwargs)
            passed.forward_seconds = perf_counter() - began
            passed.failed_in = ""  # What fails between the two would be a fault of our own.
            passed.chosen = chosen = choose(result, self._seed)
            del result
            before(passed)
            if chosen.kind and backward:
                passed.failed_in, began = "backward", perf_counter()
                chosen.propagate()
                passed.failed_in, passed.backward_seconds = "", perf_counter() - began
                after(passed)

        try:
            self._passes.act("train", self._seed, act)
        except Cancelled:
            raise
        except BaseException as error:  # Whatever forward or backward raises is the answer.
            if not passed.failed_in:
                raise
            passed.error = error
        if passed.chosen is not None:
            passed.chosen.let_go()
        if recorder.held_back:
            passed.notes.append(HELD_BACK)
        return passed
