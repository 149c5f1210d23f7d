"""Train mode many times on one input, each time with other random numbers: how far its output spreads, element by
element, and how far the mean of it is from what eval mode gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine.failure import sendable
from inspector.engine.forward.seeing import leaves
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.distance import vector_of
from inspector.engine.modes.keeping import Keeper, Kept, Room, paired
from inspector.engine.modes.passes import Passes, Rows
from inspector.mode_schema import ElementSpread, OutputSpread, TrainingSampled

MOST_ELEMENTS = 64
"""Elements of each output that are told one by one."""
ALL_OF_THEM = 1 << 40
"""Bytes: every output is kept whole, or the machine has no room for this."""


def sample_training(
    model: nn.Module,
    sample: Sample,
    *,
    runs: int,
    row_of: Callable[[nn.Module], int | None],
    path_of: Callable[[int], str],
    seed: int = 0,
    guard: Guard | None = None,
    on_run: Callable[[int], None] = lambda number: None,
) -> TrainingSampled:
    """Run a model in train mode so often, from one state and on one input. It is left as it was found."""
    guard = guard or Guard(model, values=True)
    try:
        passes = Passes(model, sample, Rows(row_of, path_of), guard, lambda row: None)
        evaluation = passes.forward("eval", seed)
        with torch._C.DisableTorchFunction():
            spread = Spread(Keeper(Room(ALL_OF_THEM)).keep(evaluation))
        for number in range(runs):
            on_run(number + 1)
            result = passes.forward("train", seed + number)
            with torch._C.DisableTorchFunction():
                spread.add(result)
    finally:
        proof, changed = guard.check()
    notes = tuple(map(sendable, (*passes.notes, *spread.notes)))
    return TrainingSampled(runs=runs, outputs=spread.outputs(), guard=proof, changed=changed, notes=notes)


class Spread:
    """Mean and squared deviations of every output over the runs, after Welford."""

    def __init__(self, evaluation: tuple[Kept, ...]) -> None:
        self._evaluation = evaluation
        self._means: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self.notes: dict[str, None] = {}

    def add(self, result: Any) -> None:
        """One more run."""
        pairs, note = paired(self._evaluation, leaves(result))
        if note:
            self.notes[note] = None
        for kept, (_, tensor, _) in pairs:
            vector = vector_of(tensor) if tensor is not None else None
            if vector is None or kept.values is None:
                continue
            if len(vector) != kept.elements:
                self.notes[f"{kept.path or 'the output'} has another shape in train mode"] = None
                continue
            self._add(kept.path, vector.to(torch.float64))

    def _add(self, path: str, values: Tensor) -> None:
        count = self._counts[path] = self._counts.get(path, 0) + 1
        mean = self._means.setdefault(path, torch.zeros_like(values))
        squares = self._squares.setdefault(path, torch.zeros_like(values))
        step = values - mean
        mean += step / count
        squares += step * (values - mean)

    def outputs(self) -> tuple[OutputSpread, ...]:
        """What came of every output that all runs had."""
        return tuple(self._output(kept) for kept in self._evaluation if self._counts.get(kept.path))

    def _output(self, kept: Kept) -> OutputSpread:
        assert kept.values is not None
        evaluation, mean = kept.values.to(torch.float64), self._means[kept.path]
        count = self._counts[kept.path]
        deviation = (self._squares[kept.path] / max(count - 1, 1)).clamp(min=0).sqrt()
        size = float(evaluation.norm())
        shape = kept.shape or ()
        return OutputSpread(
            path=kept.path,
            shape=shape,
            spread=_over(float(deviation.norm()), size),
            moved=_over(float((mean - evaluation).norm()), size),
            elements=tuple(
                ElementSpread(_index(place, shape), *values)
                for place, values in enumerate(torch.stack((evaluation, mean, deviation))[:, :MOST_ELEMENTS].T.tolist())
            ),
        )


def _over(part: float, whole: float) -> float:
    return part / whole if whole else (0.0 if part == 0 else math.inf)


def _index(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where an element stands, of a tensor laid out row by row."""
    index: list[int] = []
    for size in reversed(shape):
        place, at = divmod(place, size) if size else (0, 0)
        index.append(at)
    return tuple(reversed(index))
