"""NN304: the model's output is a distribution already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from torch import Tensor

from inspector.engine.findings.phrases import by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.findings.softmax_axis import is_softmax
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a

_LARGEST = 1 << 26
_NEAR = 2e-3
_STEPS = 12
"""How many calls back a softmax is looked for."""


class Distribution(NamedTuple):
    """Shares, or their logarithms, that sum to 1."""

    axis: int
    shape: tuple[int, ...]
    logarithm: bool


class Distributions(RunRule):
    id = "NN304"

    def __init__(self) -> None:
        self._found: Distribution | None = None

    def watch(self, returned: Returned) -> None:
        if returned.call.index:
            return
        outputs = returned.outputs() if is_a(returned.result, Tensor, tuple, list, dict) else []
        first = outputs[0] if outputs else None
        if first is not None and first.is_floating_point() and first.dim() >= 2 and 0 < first.numel() <= _LARGEST:
            self._found = distribution_of(first.detach())

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if (found := self._found) is None:
            return
        maker = _softmax_before(scene, scene.calls[0].outputs[0].maker)
        what = "log-probabilities (their exp sums to 1)" if found.logarithm else "probabilities (they sum to 1)"
        loss = "nn.NLLLoss is the loss for them; " if found.logarithm else ""
        call = maker if maker is not None else scene.calls[0]
        yield Noticed(
            call.row,
            f"the output {by(found.shape)} already holds {what} along axis {found.axis}: {loss}"
            "if the loss is nn.CrossEntropyLoss, it applies log_softmax itself",
            "return the logits, and apply softmax where probabilities are wanted",
            scene.line(maker) if maker is not None else None,
            call.index,
        )


def distribution_of(output: Tensor) -> Distribution | None:
    """Whether values sum to 1 along the last axis, or along axis 1; of at least two axes."""
    shape = tuple(output.shape)
    for axis in dict.fromkeys((len(shape) - 1, 1)):
        if shape[axis] < 2 or not output.is_floating_point():
            continue
        for logarithm in (False, True):
            if _sums_to_one(output, axis, logarithm):
                return Distribution(axis, shape, logarithm)
    return None


def _sums_to_one(output: Tensor, axis: int, logarithm: bool) -> bool:
    kind: Literal["min", "max"] = "max" if logarithm else "min"
    bound = float(output.max() if kind == "max" else output.min())
    if not (bound <= _NEAR if logarithm else bound >= 0):
        return False
    if not logarithm and bool(((output == 0) | (output == 1)).all()):
        return False  # One-hot: a choice.
    values = output.float()
    sums = values.exp().sum(axis) if logarithm else values.sum(axis)
    return bool(((sums - 1).abs() < _NEAR).all())


def _softmax_before(scene: RunScene, index: int) -> Call | None:
    """The softmax that an output comes from."""
    for _ in range(_STEPS):
        if not 0 < index < len(scene.calls):
            return None
        call = scene.calls[index]
        if is_softmax(call) or short(call) in ("sigmoid", "/"):
            return call
        index = next((seen.maker for seen in call.inputs if seen.shape is not None), -1)
    return None
