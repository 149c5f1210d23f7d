"""NN306: sigmoid and tanh at the ends of their range for nearly all values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind
from inspector.schema import TensorStats

_KINDS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
_ENDS = {"sigmoid": 0.0067, "tanh": 0.01}
"""How near to an end counts as at it: a sigmoid of ±5, a tanh of ±2.65."""
_SHARE = 0.9
_FEWEST = 16
_LARGEST = 1 << 27


class _Saturated(NamedTuple):
    kind: str
    share: float
    elements: int
    given: tuple[float, float] | None
    """Mean and standard deviation of what it got."""


class Saturation(RunRule):
    id = "NN306"

    def __init__(self) -> None:
        self._met: dict[int, _Saturated] = {}

    def heeds(self, call: Call) -> bool:
        return _kind(call) != ""

    def watch(self, returned: Returned) -> None:
        call = returned.call
        kind = _kind(call)
        if not call.outputs or (stats := call.outputs[0].stats) is None:
            return
        if stats.elements < _FEWEST or not _may_be(kind, stats) or stats.elements > _LARGEST:
            return
        before = returned.given[0][1].stats if returned.given else None
        if before is not None and (before.negative_infinity or before.positive_infinity or before.nan):
            return  # A mask.
        share = _share(kind, returned.outputs()[0])
        given = None if before is None or before.mean is None else (before.mean, before.std or 0.0)
        self._met[call.index] = _Saturated(kind, share, stats.elements, given)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        told: set[int] = set()
        for index, met in self._met.items():
            call = scene.calls[index]
            if met.share < _SHARE or id(call.module) in told:
                continue
            told.add(id(call.module))
            given = f": it got a mean of {met.given[0]:.3g} and a deviation of {met.given[1]:.3g}" if met.given else ""
            yield Noticed(
                call.row,
                f"{scene.who(call)}: {100 * met.share:.3g} % of {met.elements:,} values are at the ends of "
                f"{met.kind}{given}",
                source=scene.line(call),
                call=index,
            )


def _kind(call: Call) -> str:
    if call.kind == CallKind.OPERATION:
        name = short(call).rstrip("_")
        return name if name in _KINDS else ""
    return next((kind for kind, layer in _KINDS.items() if is_a(call.module, layer)), "")


def _may_be(kind: str, stats: TensorStats) -> bool:
    """Whether mean and deviation leave room for it: the mean square of what lies near ±1 is near 1."""
    if stats.mean is None or stats.std is None:
        return False
    scale, shift = (2.0, -1.0) if kind == "sigmoid" else (1.0, 0.0)
    return (scale * stats.mean + shift) ** 2 + (scale * stats.std) ** 2 > _SHARE * 0.97


def _share(kind: str, output: Tensor) -> float:
    end = _ENDS[kind]
    values = output.float()
    near = (values < end) | (values > 1 - end) if kind == "sigmoid" else values.abs() > 1 - end
    return float(near.float().mean())
