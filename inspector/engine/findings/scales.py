"""NN307: activations that explode or vanish from layer to layer.

Looked at are chains of layers with weights, each fed by the one before it with nothing but activations, pooling and the
like between them: a norm, a softmax or a product sets a scale of its own. One large step down may be meant (a head that
begins near zero), unless layers behind it get next to nothing; many steps in one direction that add up are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from inspector.engine.findings.phrases import at
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.calls import Call
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
"""Of the whole, on a logarithmic scale, that one layer may have in a fall of which nothing is left behind it."""
_LARGE = 100.0
"""A deviation that no bias gives."""
_START = 0.3
"""Of the largest step, on a logarithmic scale, that the first sick layer has."""
_FEWEST = 8
_TRANSPARENT = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus,
    nn.Hardswish, nn.Tanh, nn.Sigmoid, nn.Identity, nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.Upsample,
    nn.modules.dropout._DropoutNd, nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd,
)  # fmt: skip
_TRANSPARENT_NAMES = frozenset((
    "relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
    "hardswish", "tanh", "sigmoid", "dropout", "dropout2d", "view", "reshape", "flatten", "permute", "transpose",
    "contiguous", "squeeze", "unsqueeze", "+", "+=", "add", "add_", "cat", "max_pool2d", "avg_pool2d", "max_pool1d",
    "adaptive_avg_pool2d", "interpolate", "pad", "[…]", "clone", "t", "T", "mT",
))  # fmt: skip
_PRODUCTS = frozenset(("*", "*=", "mul", "mul_", "/", "/=", "div", "div_"))
_NO_WEIGHT_LAYERS = (_BatchNorm, _InstanceNorm, nn.LayerNorm, nn.GroupNorm, nn.Embedding, nn.EmbeddingBag)


class _Point(NamedTuple):
    call: int
    deviation: float


class _Trend(NamedTuple):
    first: _Point
    last: _Point
    layers: int
    start: int
    """The call that took the first large step."""


class Scales(RunRule):
    id = "NN307"

    def __init__(self) -> None:
        self._points: dict[int, float] = {}
        """Deviation of what each layer with weights gave, by the index of its call."""
        self._before: dict[int, float] = {}
        """Deviation of what it got, where that came from outside."""
        self._untrained_norms = False

    def heeds(self, call: Call) -> bool:
        return call.kind == CallKind.OPERATION or is_a(call.module, _BatchNorm) or _has_weights(call.module)

    def watch(self, returned: Returned) -> None:
        call = returned.call
        if call.kind == CallKind.MODULE:
            if is_a(call.module, _BatchNorm) and not self._untrained_norms:
                self._untrained_norms = _never_updated(call.module)
            weighted = _has_weights(call.module)
        else:
            weighted = any(type(tensor) is nn.Parameter and tensor.dim() >= 2 for tensor, _ in returned.given)
        if not weighted or not call.outputs or "float" not in call.outputs[0].dtype:
            return
        given = returned.given[0] if returned.given else None
        if not (gave := _deviation(call.outputs[0].stats)):
            return
        self._points[call.index] = gave
        if given is not None and given[0].is_floating_point() and given[1].maker < 0:
            self._before[call.index] = _deviation(returned.stats(*given))

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if self._untrained_norms:
            return  # In eval mode such a norm does nothing yet; in training it will set every scale anew.
        found = [trend for chain in self._chains(scene) if (trend := _trend_of(chain)) is not None]
        for trend in sorted(found, key=lambda trend: trend.first.call)[:1]:
            rises = trend.last.deviation > trend.first.deviation
            verb = "explode" if rises else "vanish"
            first, last, start = (scene.calls[at] for at in (trend.first.call, trend.last.call, trend.start))
            ratio = max(trend.last.deviation / trend.first.deviation, trend.first.deviation / trend.last.deviation)
            yield Noticed(
                start.row,
                f"activations {verb}: the deviation goes from {trend.first.deviation:.3g} at {scene.who(first)} to "
                f"{trend.last.deviation:.3g} behind {scene.who(last)}{at(scene.line(last))}, "
                f"{'up' if rises else 'down'} by {ratio:.2g} over {trend.layers} layers",
                "look at the initialisation of these layers, or put normalisation or residual connections between them",
                scene.line(start),
                start.index,
            )

    def _chains(self, scene: RunScene) -> Iterator[list[_Point]]:
        """Layers that feed each other, from the first to the last of each chain."""
        before = {index: self._feeder(scene, scene.calls[index]) for index in self._points}
        feeding = set(before.values())
        for end in self._points:
            if end in feeding:
                continue
            chain, index = [_Point(end, self._points[end])], end
            while (feeder := before[index]) is not None:
                chain.append(_Point(feeder, self._points[feeder]))
                index = feeder
            if self._before.get(index):
                chain.append(_Point(index, self._before[index]))
            yield chain[::-1]

    def _feeder(self, scene: RunScene, call: Call) -> int | None:
        """The layer with weights whose output this one gets, with nothing between them that sets another scale."""
        while True:
            makers = _makers(scene, call)
            if not makers or not _combines_as_one(scene, call, makers):
                return None
            maker = max(makers, key=lambda maker: _deviation(maker.outputs[0].stats) if maker.outputs else 0.0)
            if maker.index in self._points:
                return maker.index
            if not _is_transparent(maker):
                return None
            call = maker


def _makers(scene: RunScene, call: Call) -> list[Call]:
    """Who made the floating tensors that a call got."""
    seens = [seen for seen in call.inputs if seen.shape is not None and "float" in seen.dtype]
    makers = [maker for seen in seens if (maker := scene.maker(seen)) is not None]
    return [maker for maker in makers if maker.index < call.index]


def _combines_as_one(scene: RunScene, call: Call, makers: list[Call]) -> bool:
    """Of a product: whether it is one with a number, or of a value with its own activation, as in x * sigmoid(x)."""
    if call.kind != CallKind.OPERATION or short(call) not in _PRODUCTS:
        return True
    if len([seen for seen in call.inputs if seen.shape]) == 1:
        return True
    if len(makers) != 2:
        return False
    one, two = makers
    return one is two or one in _makers(scene, two) or two in _makers(scene, one)


def _is_transparent(call: Call) -> bool:
    if call.kind == CallKind.OPERATION:
        return short(call) in _TRANSPARENT_NAMES or short(call) in _PRODUCTS
    return is_a(call.module, *_TRANSPARENT)


def _deviation(stats: TensorStats | None) -> float:
    """The standard deviation; 0 where there is none that tells something."""
    if stats is None or stats.elements < _FEWEST or not stats.std or not math.isfinite(stats.std):
        return 0.0
    return 0.0 if stats.nan or stats.positive_infinity or stats.negative_infinity else stats.std


def _trend_of(points: Sequence[_Point]) -> _Trend | None:
    return _trend(points, 1.0) or _trend(points, -1.0)


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
    steps, top = [(0.0, first)], heights[first]
    for index in range(first + 1, last + 1):
        if heights[index] > top:
            steps.append((heights[index] - top, index))
            top = heights[index]
    largest, deepest = max(steps)
    taking_part = [index for step, index in steps if step >= math.log10(_STEP)]
    shared = len(taking_part) >= _STEPS and largest <= _LARGEST_SHARE * rise
    if not shared and not (_overflows(points[last]) if direction > 0 else _starves(heights[deepest:], rise)):
        return None
    start = next(index for step, index in steps if step >= _START * largest)
    return _Trend(points[first], points[last], len(taking_part) + 1, points[start].call)


def _overflows(point: _Point) -> bool:
    """Whether a layer gives more than the biases of one that was given next to nothing."""
    return point.deviation >= _LARGE


def _starves(heights: Sequence[float], rise: float) -> bool:
    """Whether enough layers behind a fall stay below the half of it (of `heights`, the first is the deepest)."""
    return len(heights) >= _STEPS and min(heights) > heights[0] - rise / 2


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
