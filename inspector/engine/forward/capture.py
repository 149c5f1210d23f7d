"""A value that flowed in the last run, caught again: forward is repeated up to the end of the call that gave it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine.forward.calls import Call
from inspector.engine.forward.passes import RealRun, Subject
from inspector.engine.forward.recorder import Recorder, Watched
from inspector.engine.forward.seeing import leaves
from inspector.engine.inputs.sample import Sample
from inspector.messages import Run

Traced = Sequence[tuple[int, str]]
"""Row and name of every call of a trace."""


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
    call: int,
    leaf: int,
) -> Tensor:
    """A copy of one output of one call, as it was when the call returned, under the conditions of the recorded pass.

    Raises CaptureError when there is no such output, and whatever forward raises before it.
    """
    if not 0 <= call < len(traced):
        raise CaptureError(f"there is no call {call}: the last run made {len(traced)}")
    recorders: list[Capturing] = []

    def action(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        recorders.append(Capturing(subject.row_of, call, leaf, operations=request.operations, on_call=on_call))
        try:
            recorders[-1].run(subject.model, args, kwargs)
        except Enough:
            pass

    RealRun(subject, sample, request, None, on_call).repeat(action)
    caught, value = recorders[-1].caught, recorders[-1].value
    if caught is None or (caught.row, caught.name) != traced[call]:
        raise CaptureError("forward calls other things from pass to pass: this call was not made again")
    if value is None:
        raise CaptureError(f"output {leaf} of this call is no tensor")
    return value


class Capturing(Recorder):
    """Records as the run was recorded, so that calls have the same numbers, and ends it when it has the value."""

    def __init__(
        self,
        row_of: Callable[[nn.Module], int | None],
        call: int,
        leaf: int,
        *,
        operations: bool,
        on_call: Callable[[Call], None],
    ) -> None:
        super().__init__(row_of, statistics=False, operations=operations, on_call=on_call)
        self._index, self._leaf = call, leaf
        self.caught: Call | None = None
        """The call, once it has returned."""
        self.value: Tensor | None = None

    def _returned(self, opened: Watched, result: Any) -> None:
        super()._returned(opened, result)
        index = opened.call.index
        if index == self._index and index < len(self.calls) and self.calls[index] is opened.call:
            self.caught, self.value = opened.call, _copy(result, self._leaf)
            raise Enough


def _copy(result: Any, leaf: int) -> Tensor | None:
    with torch._C.DisableTorchFunction(), torch.no_grad():
        found = leaves(result)
        tensor = found[leaf][1] if 0 <= leaf < len(found) else None
        return tensor.detach().clone() if tensor is not None else None
