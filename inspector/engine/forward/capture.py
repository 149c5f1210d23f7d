"""A value that flowed in the last run, caught again: forward is repeated up to the call that got it or gave it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inspector.engine.forward.calls import Call
from inspector.engine.forward.passes import RealRun, Subject
from inspector.engine.forward.recorder import Recorder, Watched
from inspector.engine.forward.seeing import leaves
from inspector.engine.inputs.sample import Sample
from inspector.messages import Run
from inspector.run_schema import CallKind

Traced = Sequence[tuple[int, str]]
"""Row and name of every call of a trace."""


class Place(NamedTuple):
    """Where a value flowed."""

    call: int
    """By its index in the trace."""
    leaf: int = 0
    """Which of the call's outputs, by its place in `CallRecord.outputs`."""
    went_in: bool = False
    """Of a module: the first tensor that went into the call, as it was then; `leaf` does not count."""


class CaptureError(Exception):
    """There is no such value to be had."""


class Enough(BaseException):
    """The value is there: forward need not go on."""


def capture(
    subject: Subject,
    sample: Sample,
    request: Run,
    on_call: Callable[[Call], None],
    traced: Traced,
    place: Place,
) -> Tensor:
    """A copy of one value, as it was when its call returned (or began), under the conditions of the recorded pass.

    Raises CaptureError when there is no such value, and whatever forward raises before it.
    """
    if not 0 <= place.call < len(traced):
        raise CaptureError(f"there is no call {place.call}: the last run made {len(traced)}")
    recorders: list[Capturing] = []

    def action(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        recorders.append(Capturing(subject.row_of, place, operations=request.operations, on_call=on_call))
        try:
            recorders[-1].run(subject.model, args, kwargs)
        except Enough:
            pass

    RealRun(subject, sample, request, None, on_call).repeat(action)
    caught, value = recorders[-1].caught, recorders[-1].value
    if caught is None or (caught.row, caught.name) != traced[place.call]:
        raise CaptureError("forward calls other things from pass to pass: this call was not made again")
    if value is None:
        raise CaptureError("no tensor went in" if place.went_in else f"output {place.leaf} of this call is no tensor")
    return value


class Capturing(Recorder):
    """Records as the run was recorded, so that calls have the same numbers, and ends it when it has the value."""

    def __init__(
        self,
        row_of: Callable[[nn.Module], int | None],
        place: Place,
        *,
        operations: bool,
        on_call: Callable[[Call], None],
    ) -> None:
        super().__init__(row_of, statistics=False, operations=operations, on_call=on_call)
        self._place = place
        self.caught: Call | None = None
        """The call, once it has returned."""
        self.value: Tensor | None = None

    def _open_call(self, opened: Watched, names: tuple[str, ...], rest: str) -> Watched:
        super()._open_call(opened, names, rest)
        # An operation that only tells something gives its number back: a module never does.
        if self._place.went_in and opened.call.index == self._place.call and opened.call.kind == CallKind.MODULE:
            self.caught, self.value = opened.call, _copy([tensor for tensor, _ in opened.given], 0)
            raise Enough
        return opened

    def _returned(self, opened: Watched, result: Any) -> None:
        super()._returned(opened, result)
        index = opened.call.index
        wanted = index == self._place.call and not self._place.went_in
        if wanted and index < len(self.calls) and self.calls[index] is opened.call:
            self.caught, self.value = opened.call, _copy(result, self._place.leaf)
            raise Enough


def _copy(result: Any, leaf: int) -> Tensor | None:
    with torch._C.DisableTorchFunction(), torch.no_grad():
        found = leaves(result)
        tensor = found[leaf][1] if 0 <= leaf < len(found) else None
        return tensor.detach().clone() if tensor is not None else None
