"""NN307: activations that explode or vanish from layer to layer.

Looked at are the outputs of layers with weights, in the order of the calls. One large step may be meant (a scale, a
head that begins near zero); many steps in one direction that add up are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from inspector.engine.findings.phrases import at
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind
from inspector.schema import TensorStats

_RATIO = 1e4
_STEPS = 3
"""Layers that must take part."""
_STEP = 1.5
"""Growth (or loss) by which a layer takes part."""
_LARGEST_SHARE = 0.67
"""Of the whole, on a logarithmic scale, that one layer may have."""
_FEWEST = 8
_NO_WEIGHT_LAYERS = (_BatchNorm, _InstanceNorm, nn.LayerNorm, nn.GroupNorm, nn.Embedding, nn.EmbeddingBag)


class _Point(NamedTuple):
    call: int
    deviation: float


class _Trend(NamedTuple):
    first: _Point
    last: _Point
    layers: int


class Scales(RunRule):
    id = "NN307"

    def __init__(self) -> None:
        self._points: list[_Point] = []
        self._untrained_norms = False

    def watch(self, returned: Returned) -> None:
        call = returned.call
        if call.kind == CallKind.MODULE:
            if is_a(call.module, _BatchNorm) and not self._untrained_norms:
                self._untrained_norms = _never_updated(call.module)
            weighted = not is_a(call.module, *_NO_WEIGHT_LAYERS) and any(
                each is not None and each.dim() >= 2
                for each in (attributes(call.module).get("_parameters") or {}).values()
            )
        else:
            weighted = any(type(tensor) is nn.Parameter and tensor.dim() >= 2 for tensor, _ in returned.given)
        if not weighted or not call.outputs or "float" not in call.outputs[0].dtype:
            return
        given = returned.given[0] if returned.given else None
        if not self._points and given is not None and given[0].is_floating_point():
            self._note(call.index, returned.stats(*given))
        self._note(call.index, call.outputs[0].stats)

    def _note(self, call: int, stats: TensorStats | None) -> None:
        if stats is None or stats.elements < _FEWEST or not stats.std or not math.isfinite(stats.std):
            return
        if not (stats.nan or stats.positive_infinity or stats.negative_infinity):
            self._points.append(_Point(call, stats.std))

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if self._untrained_norms:
            return  # In eval mode such a norm does nothing yet; in training it will set every scale anew.
        points = sorted(self._points, key=lambda point: point.call)
        for direction, verb in ((1.0, "explode"), (-1.0, "vanish")):
            trend = _trend(points, direction)
            if trend is None:
                continue
            first, last = scene.calls[trend.first.call], scene.calls[trend.last.call]
            ratio = max(trend.last.deviation / trend.first.deviation, trend.first.deviation / trend.last.deviation)
            yield Noticed(
                first.row,
                f"activations {verb}: the deviation goes from {trend.first.deviation:.3g} at {scene.who(first)} to "
                f"{trend.last.deviation:.3g} behind {scene.who(last)}{at(scene.line(last))}, "
                f"{'up' if direction > 0 else 'down'} by {ratio:.2g} over {trend.layers} layers",
                "look at the initialisation of these layers, or put normalisation or residual connections between them",
                scene.line(first),
                first.index,
            )
            return


def _trend(points: Sequence[_Point], direction: float) -> _Trend | None:
    """The largest rise (or fall) along the calls, if it is large, and many layers share in it."""
    best: tuple[float, int, int] = (0.0, 0, 0)
    lowest = 0
    heights = [direction * math.log10(point.deviation) for point in points]
    for index, height in enumerate(heights):
        if height < heights[lowest]:
            lowest = index
        best = max(best, (height - heights[lowest], lowest, index))
    rise, first, last = best
    if rise < math.log10(_RATIO):
        return None
    steps, top = [], heights[first]
    for height in heights[first + 1 : last + 1]:
        if height > top:
            steps.append(height - top)
            top = height
    taking_part = [step for step in steps if step >= math.log10(_STEP)]
    if len(taking_part) < _STEPS or max(steps) > _LARGEST_SHARE * rise:
        return None
    return _Trend(points[first], points[last], len(taking_part) + 1)


def _has_weights(module: nn.Module) -> bool:
    own = (attributes(module).get("_parameters") or {}).values()
    return not is_a(module, *_NO_WEIGHT_LAYERS) and any(each is not None and each.dim() >= 2 for each in own)


def _never_updated(norm: nn.Module) -> bool:
    """Whether a norm's running statistics are those with which it was made."""
    buffers: dict[str, Tensor | None] = attributes(norm).get("_buffers") or {}
    mean, variance = buffers.get("running_mean"), buffers.get("running_var")
    if mean is None or variance is None:
        return False
    return bool((mean == 0).all()) and bool((variance == torch.ones_like(variance)).all())
