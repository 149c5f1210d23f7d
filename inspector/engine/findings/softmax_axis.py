"""NN303: a softmax over the axis on which the samples lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from torch import nn

from inspector.engine.findings.layout import Layout, flow_of, is_batch_first
from inspector.engine.findings.phrases import by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.batch_tracking import Lies, Spread
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind

FUNCTIONS = frozenset(("softmax", "log_softmax", "gumbel_softmax", "softmin"))
_MODULES = (nn.Softmax, nn.LogSoftmax, nn.Softmin)
_GUMBEL_DIM = 4


class _Softmax(NamedTuple):
    axis: int
    shape: tuple[int, ...]
    told: bool
    """Whether dim was given."""


class SoftmaxAxis(RunRule):
    id = "NN303"

    def __init__(self) -> None:
        self._met: dict[int, _Softmax] = {}

    def heeds(self, call: Call) -> bool:
        return is_softmax(call)

    def watch(self, returned: Returned) -> None:
        if not returned.given:
            return
        axis, told = axis_of(returned)
        shape = tuple(returned.given[0][0].shape)
        if axis is not None and -len(shape) <= axis < len(shape):
            self._met[returned.call.index] = _Softmax(axis % len(shape), shape, told)

    def suspects(self, scene: RunScene) -> bool:
        batch = next((seen.shape[0] for seen in scene.calls[0].inputs if seen.shape), 0)
        ends = [seen.shape[0] for seen in scene.calls[0].outputs if seen.shape]
        return (
            batch > 1
            and batch in ends
            and any(
                met.shape[met.axis] == batch or (met.axis == 0 and met.shape[0] % batch == 0)
                for met in self._met.values()
            )
        )

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if scene.batch is None or (layout := Layout(scene)).is_graph:
            return
        if not layout.batch_first and (layout.sequence_first or _reads_time_first(scene)):
            return
        told: set[int] = set()
        for index, met in self._met.items():
            call = scene.calls[index]
            if self._is_over_batch(scene, call, met) and call.row not in told:
                told.add(call.row)
                yield self._noticed(scene, call, met)

    def _is_over_batch(self, scene: RunScene, call: Call, met: _Softmax) -> bool:
        flow = flow_of(scene, call)
        lies = flow.inputs[0] if flow is not None and flow.inputs else Lies(Spread.UNTOLD)
        if lies.merged and met.axis == 0 and len(met.shape) > 1:
            return True
        return lies.spread is Spread.CLEAN and lies.axes == (met.axis,)

    def _noticed(self, scene: RunScene, call: Call, met: _Softmax) -> Noticed:
        why = "" if met.told else ", which an old rule chooses where dim is not given"
        size = scene.batch.size if scene.batch is not None else 0
        where = "that is the batch" if met.shape[met.axis] == size else "there lies the batch, with something else"
        return Noticed(
            call.row,
            f"{scene.who(call)} normalises {by(met.shape)} over axis {met.axis}{why}: {where} "
            f"(of {size}), so every sample depends on the others",
            "dim=-1",
            scene.line(call),
            call.index,
        )


def is_softmax(call: Call) -> bool:
    """Whether a call is a softmax, as a function or as a layer."""
    if call.kind == CallKind.OPERATION:
        return short(call) in FUNCTIONS
    return is_a(call.module, *_MODULES)


def axis_of(returned: Returned) -> tuple[int | None, bool]:
    """Over which axis a softmax normalises, and whether that was said."""
    dim: Any
    if returned.call.kind == CallKind.MODULE:
        dim = getattr(returned.call.module, "dim", None)
    else:
        place = _GUMBEL_DIM if short(returned.call) == "gumbel_softmax" else 1
        dim = returned.argument(place, "dim", -1 if place == _GUMBEL_DIM else None)
    if dim is None:
        return (0 if returned.given[0][0].dim() in (0, 1, 3) else 1), False
    return (dim, True) if type(dim) is int else (None, True)


def _reads_time_first(scene: RunScene) -> bool:
    return any(call.kind == CallKind.MODULE and is_batch_first(call.module) is False for call in scene.calls)
