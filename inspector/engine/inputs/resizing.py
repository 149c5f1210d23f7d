"""Other sizes for a candidate whose failure tells little: by the numbers that were said, then blind.

Arguments of one shape, as two pictures that are compared, get their new size together first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from torch import nn

from inspector.engine.inputs.leaves import changed, leaves
from inspector.engine.inputs.recipes import Drawn
from inspector.engine.inputs.said import Said
from inspector.engine.inputs.shaping import IMAGE_RANK, with_axes
from inspector.engine.inputs.sizes import IMAGE_SIZES, LENGTHS
from inspector.engine.inputs.trying import Candidate, Outcome

_TOO_SMALL = re.compile(r"too small|can't be greater than actual|should be less than|smaller than|larger than", re.I)
_LARGER = (64, 96, 128, 224, 256, 299, 384, 512, 1024)
"""Sizes of images that are tried in turn where one was too small."""
_SIZE_NAMES = re.compile(
    r"(.*_)?(size|img_size|image_size|resolution|length|seq_len|block_size|n_points|dim|width|num_frames|frames)"
)
VIDEO_RANK = 5

Axes = tuple[int, ...]


def resized(candidate: Candidate, name: str, axes: Axes, size: int) -> Iterator[Candidate]:
    """One leaf with another size; before it, where there are several of its shape, all of these."""
    known = leaves(candidate)
    leaf = known[name]
    alike = [other for other, one in known.items() if one.shape == leaf.shape and one.dtype == leaf.dtype]
    if len(alike) > 1 and len(leaf.shape) > 2:
        together = candidate
        for other in alike:
            together = changed(together, other, with_axes(known[other], axes, size))
        yield together
    yield changed(candidate, name, with_axes(leaf, axes, size))


def free_axes(leaf: Drawn, name: str, outcome: Outcome, also_said: bool = False) -> list[Axes]:
    """Groups of axes whose size nothing has said yet: of an image both of its sides together, of a video these without
    its frames and with them.

    Of a row its only axis, if asked for, also where something has said it: another layer may say otherwise.
    """
    rank = len(leaf.shape)
    said = {
        seen.origin.own_axis(seen.want.axis)
        for seen in (*outcome.watch.seen, *outcome.watch.failed)
        if seen.leaf == name and seen.met and seen.want.what == "axis"
    }
    free = [axis for axis in range(1, rank) if axis not in said]
    if rank == VIDEO_RANK:
        frames = [axis for axis in free if axis < 3 and leaf.shape[axis] > 4]
        return [(3, 4), *((axis, 3, 4) for axis in frames if axis == 2), *((axis,) for axis in frames)]
    if rank >= IMAGE_RANK:
        return [tuple(range(2, rank))]
    return [(axis,) for axis in free] or ([(rank - 1,)] if rank == 2 and also_said else [])


def by_smallness(outcome: Outcome, message: str) -> Iterator[Candidate]:
    """Something was too small for what was to be done with it."""
    if not _TOO_SMALL.search(message):
        return
    for name, leaf in leaves(outcome.candidate).items():
        for axes in free_axes(leaf, name, outcome):
            size = leaf.shape[axes[0]]
            usual = [one for one in _LARGER if one > size][:1] or [2 * size]
            for larger in usual if len(axes) > 1 else (2 * size, 8 * size):
                yield from resized(outcome.candidate, name, axes, larger)


def by_numbers(outcome: Outcome) -> Iterator[Candidate]:
    """`expects 3000 steps, but found 16`: of the numbers that were said one is a size, another what it must be.

    What TorchScript raises tells no more than that either.
    """
    if outcome.watch.failed_name:  # What a function of torch wants is known better.
        return
    said = Said(outcome.error)
    numbers = said.numbers
    for name, leaf in leaves(outcome.candidate).items():
        if said.of_channels and len(leaf.shape) > 2:
            yield from _with_channels(outcome.candidate, name, leaf, numbers)
        single: list[Axes] = [(axis,) for axis in range(len(leaf.shape) - 1, 0, -1)]
        sides: list[Axes] = [tuple(range(len(leaf.shape)))[-2:]] if len(leaf.shape) >= IMAGE_RANK else []
        for axes in [*sides, *single]:
            size = leaf.shape[axes[0]]
            for number in numbers if said.of_multiples else ():
                if 2 < number < 8 * size and size % number:
                    yield from resized(outcome.candidate, name, axes, -(-size // number) * number)
            if size in numbers:
                others = [number for number in numbers if number not in (0, size, leaf.shape[0])]
                yield from chain.from_iterable(resized(outcome.candidate, name, axes, other) for other in others)
        if len(leaf.shape) == 2 and leaf.shape[0] in numbers:  # The batch was read as steps: an axis is lacking.
            for number in numbers:
                if number > leaf.shape[0]:
                    shape = (leaf.shape[0], number, leaf.shape[1])
                    yield changed(outcome.candidate, name, replace(leaf, shape=shape))


def _with_channels(candidate: Candidate, name: str, leaf: Drawn, numbers: list[int]) -> Iterator[Candidate]:
    for axis in (1, len(leaf.shape) - 1):
        for number in dict.fromkeys((*numbers, 1)):
            if number and leaf.shape[axis] != number:
                yield from resized(candidate, name, (axis,), number)


def blind(outcome: Outcome, modules: list[nn.Module]) -> Iterator[Candidate]:
    """Sizes that people use, and the numbers that the model keeps under a name like `image_size`."""
    kept = list(dict.fromkeys(_kept_sizes(modules)))
    for name, leaf in leaves(outcome.candidate).items():
        if len(leaf.shape) < 2:
            continue
        for axes in free_axes(leaf, name, outcome):
            usual = IMAGE_SIZES if len(axes) > 1 else LENGTHS
            for size in dict.fromkeys([*kept[:6], *usual[:8]]):
                if size != leaf.shape[axes[0]]:
                    yield from resized(outcome.candidate, name, axes, size)


def _kept_sizes(modules: list[nn.Module]) -> Iterator[int]:
    for module in modules:
        if type(module).__module__.startswith("torch.nn"):
            continue
        for name, value in vars(module).items():
            number = value[0] if type(value) in (tuple, list) and value else value
            if type(number) is int and 1 < number <= 4096 and _SIZE_NAMES.fullmatch(name):
                yield number
