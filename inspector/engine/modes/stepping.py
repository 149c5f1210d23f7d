"""Some forwards in train mode, one after the other: what becomes of the running statistics.

Only these are taken along from one forward to the next. All else that a forward leaves behind, a cache or a counter, is
put back after each, and the statistics themselves at the end, unless they are to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from inspector.engine.failure import sendable
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.distance import EQUAL, UNTOLD
from inspector.engine.modes.keeping import Comparer, Keeper, Room, total
from inspector.engine.modes.passes import Passes, Rows
from inspector.engine.modes.statistics import RunningStatistics
from inspector.mode_schema import StatisticsStepped

NOTHING_KEPT = "no normalisation of this model keeps running statistics"


def step(
    model: nn.Module,
    sample: Sample,
    fresh: Iterator[Sample],
    *,
    steps: int,
    row_of: Callable[[nn.Module], int | None],
    path_of: Callable[[int], str],
    seed: int = 0,
    keep: bool = False,
    guard: Guard | None = None,
    on_step: Callable[[int], None] = lambda number: None,
) -> StatisticsStepped:
    """Run a model in train mode on fresh samples. It is left as it was found, but for the statistics with `keep`."""
    guard = guard or Guard(model, values=True)
    statistics = RunningStatistics(model)
    try:
        stepping = _Stepping(Passes(model, sample, Rows(row_of, path_of), guard, lambda row: None), statistics, seed)
        before = stepping.apart()
        for number in range(1, steps + 1):
            on_step(number)
            stepping.step(next(fresh), seed + number)
        after = stepping.apart()
    finally:
        proof, changed = guard.check()
    if keep:
        statistics.write(stepping.history[-1])
    notes = [*stepping.passes.notes, *(() if len(statistics) else (NOTHING_KEPT,))]
    return StatisticsStepped(
        steps=steps,
        curves=statistics.curves(stepping.history, row_of),
        before=before,
        after=after,
        kept=keep,
        guard=proof,
        changed=changed,
        notes=tuple(map(sendable, notes)),
    )


class _Stepping:
    """The statistics on their way."""

    def __init__(self, passes: Passes, statistics: RunningStatistics, seed: int) -> None:
        self.passes, self._statistics, self._seed = passes, statistics, seed
        self.history = [statistics.read()]

    def step(self, sample: Sample, seed: int) -> None:
        """One batch."""
        self._forward("train", seed, sample)
        self.history.append(self._statistics.read())

    def apart(self) -> float:
        """How far the outputs of both modes are from each other, with the statistics as they are by now."""
        keeper, comparer = Keeper(Room()), Comparer()
        evaluation = self._forward("eval", self._seed)
        with torch._C.DisableTorchFunction():
            kept = keeper.keep(evaluation)
        training = self._forward("train", self._seed)
        with torch._C.DisableTorchFunction():
            pairs, note = comparer.compare(kept, training)
        tensors = [pair for pair in pairs if pair.shape is not None]
        return (total(tensors) if tensors else (UNTOLD if pairs or note else EQUAL)).relative

    def _forward(self, way: Any, seed: int, sample: Sample | None = None) -> Any:
        latest = self.history[-1]
        return self.passes.forward(way, seed, sample=sample, prepare=lambda: self._statistics.write(latest))
