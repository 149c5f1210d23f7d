"""NN403: running statistics that were never updated, or that are far from this batch's."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import nn

from inspector.engine.findings.mode_rule import ModeRule, ModeScene, Noticed
from inspector.engine.findings.phrases import plural
from inspector.mode_schema import Channel, ModeDifference, NormMeasured

FAR = 2.0
"""Standard deviations between the means, or the factor between the deviations, that no healthy channel reaches."""
SHARE = 0.25
"""Of the channels that have to be far."""


def _find(scene: ModeScene) -> Iterable[Noticed]:
    norms = [(each, each.norm) for each in scene.comparison.differences if each.norm is not None and each.norm.tracked]
    firsts = [(each, norm) for each, norm in norms if each.number == 1]
    never = [(each, norm) for each, norm in firsts if norm.batches == 0]
    if never:
        yield _never_updated(scene, never, len(firsts))
    if from_random_numbers(scene):
        return
    far = [(each, norm) for each, norm in firsts if norm.batches != 0 and _share(norm) >= SHARE]
    if far:
        yield _far(scene, far)


def from_random_numbers(scene: ModeScene) -> bool:
    """Whether the inputs were drawn: statistics of real data are always far from such."""
    inputs = scene.comparison.inputs
    if inputs.origin == "given":
        return not any(
            argument.text.partition("=")[2].startswith("@") or argument.text.startswith("@")
            for argument in inputs.arguments
        )
    return inputs.origin not in ("file", "model")


def _never_updated(scene: ModeScene, never: list[tuple[ModeDifference, NormMeasured]], count: int) -> Noticed:
    which = "" if len(never) == count else f" of {len(never):,} of {count:,} normalisations"
    first = _module(scene, never[0][0])
    message = (
        f"running statistics{which} were never updated (num_batches_tracked = 0): eval mode normalises with mean 0 and "
        f"variance 1, train mode with the batch ({plural(len(never), 'normalisation')}, first {scene.name(first)})"
    )
    return Noticed(first, message, "train before eval() is used, or load a checkpoint with its buffers")


def _far(scene: ModeScene, far: list[tuple[ModeDifference, NormMeasured]]) -> Noticed:
    difference, norm = max(far, key=lambda each: _share(each[1]))
    module = _module(scene, difference)
    index = max(range(len(norm.channels)), key=lambda place: _how_far(norm.channels[place], norm))
    channel, count = norm.channels[index], sum(_is_far(channel, norm) for channel in norm.channels)
    more = f"; so in {len(far) - 1:,} more" if len(far) > 1 else ""
    message = (
        f"{scene.name(module)}: running statistics are far from this batch's in {count:,} of {len(norm.channels):,} "
        f"channels; channel {index}: batch mean {channel.batch_mean:.3g} and variance {channel.batch_variance:.3g}, "
        f"running {channel.running_mean:.3g} and {channel.running_variance:.3g}{more}"
    )
    return Noticed(module, message, "is the input scaled as in training? Too few training steps, or a wrong momentum?")


def _module(scene: ModeScene, difference: ModeDifference) -> nn.Module:
    rows = ((module, scene.row_of(module)) for module in nn.Module.modules(scene.model))
    return next((module for module, row in rows if row == difference.row), scene.model)


def _share(norm: NormMeasured) -> float:
    return sum(_is_far(channel, norm) for channel in norm.channels) / len(norm.channels) if norm.channels else 0.0


def _is_far(channel: Channel, norm: NormMeasured) -> bool:
    return _how_far(channel, norm) > 1.0


def _how_far(channel: Channel, norm: NormMeasured) -> float:
    """1 and more is far. A batch of few values may be far by chance: the bounds are wider then."""
    chance = 4.0 / math.sqrt(max(norm.values, 1))
    spread = math.sqrt((channel.batch_variance + norm.eps) / (max(channel.running_variance, 0.0) + norm.eps))
    means = channel.distance / (FAR + chance)
    return max(means, abs(math.log(spread)) / (math.log(FAR) + chance))


RUNNING_STATISTICS = ModeRule("NN403", _find)
