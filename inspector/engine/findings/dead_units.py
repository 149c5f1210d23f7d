"""NN305: units that a ReLU leaves at zero for every position of every sample, in a share that chance does not explain.

What chance explains depends on how the other units look. Where they are zero here and there, a unit that is zero
everywhere among many positions is dead. Where they are always on, as deep in an untrained network whose positions have
all become alike, a unit is a coin that was thrown once, and half of them may well be off.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind

_NAMES = frozenset(("relu", "relu_", "relu6"))
_SUSPICIOUS = 0.6
"""Share of zeros below which nothing is looked at: half of them are zero in a healthy layer."""
_MANY_PLACES = 32
_FEWEST_UNITS = 8
_FEWEST_AMONG_OTHERS = 16
_SHARE = 0.25
"""Of dead units among others that are on here and there."""
_COIN_SHARE = 0.9
"""Of dead units where each is a coin thrown once or a few times."""
_LARGEST = 1 << 27


class _Units(NamedTuple):
    dead: int
    units: int
    places: int
    nearly: int
    """Units that are on at less than a tenth of the places."""
    always: int
    """Units that are on at more than 95 of 100 places."""


class DeadUnits(RunRule):
    id = "NN305"

    def __init__(self) -> None:
        self._met: dict[int, _Units] = {}

    def heeds(self, call: Call) -> bool:
        return is_a(call.module, nn.ReLU, nn.ReLU6) if call.kind == CallKind.MODULE else short(call) in _NAMES

    def watch(self, returned: Returned) -> None:
        call = returned.call
        stats = call.outputs[0].stats if call.outputs else None
        if stats is None or not stats.elements or stats.zeros < _SUSPICIOUS * stats.elements:
            return
        for tensor, met in returned.given[:1]:
            if met.stats is not None and met.stats.zeros == met.stats.elements:
                return  # A layer that gives only zeros is before it, which is another matter.
            output = returned.outputs()[0]
            if tensor.dim() >= 2 and output.numel() <= _LARGEST:
                self._met[call.index] = _units(output, _channel_axis(returned))

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        told: set[int] = set()
        for index, units in self._met.items():
            call = scene.calls[index]
            if units.units < _FEWEST_UNITS or id(call.module) in told or not _is_unlikely(units):
                continue
            told.add(id(call.module))
            yield Noticed(
                call.row,
                f"{scene.who(call)}: {units.dead:,} of {units.units:,} units are 0 for this input, "
                f"at all of {units.places:,} {'places' if units.places > 1 else 'place'} (samples × positions)",
                source=scene.line(call),
                call=index,
            )


def _channel_axis(returned: Returned) -> int:
    """Convolutions have their channels on axis 1; (batch, time, feature) has them on the last."""
    tensor = returned.given[0][0]
    if tensor.dim() != 3:
        return 1
    names = ("conv1d", "batch_norm")
    return 1 if returned.fed_by(names, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm) else 2


def _units(output: Tensor, axis: int) -> _Units:
    on = (output != 0).transpose(0, axis).flatten(1).sum(1)
    places = output.numel() // max(output.shape[axis], 1)
    dead = int((on == 0).sum())
    nearly = int(((on > 0) & (on < 0.1 * places)).sum())
    return _Units(dead, output.shape[axis], places, nearly, int((on > 0.95 * places).sum()))


def _is_unlikely(units: _Units) -> bool:
    alive = units.units - units.dead
    share = units.dead / units.units
    if units.places < _MANY_PLACES or units.always > 0.3 * alive or alive < 4:
        return share >= _COIN_SHARE
    return units.units >= _FEWEST_AMONG_OTHERS and share >= _SHARE and units.nearly <= units.dead / 4
