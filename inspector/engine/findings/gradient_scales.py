"""NN503: gradients that vanish or explode along the depth of a model.

Compared are the norms of the gradients with respect to what the layers with weights give, in the order of their first
calls. What counts is a trend over all of them, the median of the slopes between any two: a single layer that passes
little on may be meant (an output layer or a residual branch that begins near zero, LayerScale), and a branch that hangs
on such a layer says nothing of depth. A gradient of exact zeros is something else than one that vanishes, and left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from inspector.engine.findings.backward_rule import BackwardScene
from inspector.engine.findings.phrases import at
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.gradient_schema import LayerGradient

DECADES = 4.0
"""Powers of ten from end to end. Healthy untrained models stay below 3.5 (a ResNet of 156 layers on a batch of 2), sick
ones of twenty layers are beyond 4.8."""
A_LAYER = 0.05
"""Powers of ten from layer to layer: a factor of 1.12. Batch norms alone bring that ResNet to 1.05."""
FEWEST = 6
"""Layers below which a trend is none."""
_MOST = 300
"""Layers that are compared pair by pair; of more an even choice."""


class Trend(NamedTuple):
    """How the norm changes from the first layer to the last."""

    decades: float
    """Powers of ten; positive when it is larger at the output."""
    layers: int


class GradientScales(RunRule):
    id = "NN503"
    modes = ("train",)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        assert isinstance(scene, BackwardScene)
        layers = strongest(scene.layers)
        trend = trend_of([math.log10(layer.norm) for layer in layers])
        if trend.layers < FEWEST or abs(trend.decades) < max(DECADES, A_LAYER * trend.layers):
            return
        first, last = scene.calls[layers[0].call], scene.calls[layers[-1].call]
        verb, way = ("vanish", "down") if trend.decades > 0 else ("explode", "up")
        factor = 10 ** (abs(trend.decades) / (trend.layers - 1))
        message = (
            f"gradients {verb} on their way from the output to the input: the norm is {layers[-1].norm:.2g} at "
            f"{scene.who(last)}{at(scene.line(last))} and {layers[0].norm:.2g} at {scene.who(first)}"
            f"{at(scene.line(first))}, {way} by a factor of about {factor:.2g} a layer "
            f"over {trend.layers} layers"
        )
        fix = "look at the initialisation of these layers, or put normalisation or residual connections between them"
        yield Noticed(first.row, message, fix, scene.line(first), first.index)


def strongest(layers: Sequence[LayerGradient]) -> list[LayerGradient]:
    """Of each module the call that got most, in the order of first calls: steps of time are no depth."""
    found: dict[int, LayerGradient] = {}
    for layer in layers:
        if 0 < layer.norm < math.inf:
            known = found.get(layer.row)
            found[layer.row] = layer if known is None or layer.norm > known.norm else known
    return list(found.values())


def trend_of(values: Sequence[float]) -> Trend:
    """The median slope between two values (Theil and Sen), times the length."""
    count = len(values)
    if count < 2:
        return Trend(0.0, count)
    places = range(count) if count <= _MOST else [round(i * (count - 1) / (_MOST - 1)) for i in range(_MOST)]
    slopes = [
        (values[later] - values[place]) / (later - place)
        for index, place in enumerate(places)
        for later in places[index + 1 :]
    ]
    return Trend(median(slopes) * (count - 1), count)
