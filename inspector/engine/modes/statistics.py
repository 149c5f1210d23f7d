"""The running statistics of all normalisations of a model: read, written, and how they moved."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from inspector.engine.findings.scene import held
from inspector.engine.kinds import is_a
from inspector.mode_schema import NormCurve

_NAMES = ("running_mean", "running_var", "num_batches_tracked")
Values = list[tuple[Tensor, ...]]


class RunningStatistics:
    """Those of one model."""

    def __init__(self, model: nn.Module) -> None:
        self._norms: list[tuple[nn.Module, tuple[Tensor, ...]]] = []
        for module in nn.Module.modules(model):
            tensors = tuple(tensor for name in _NAMES if (tensor := held(module, name)) is not None)
            if is_a(module, _NormBase) and len(tensors) >= 2:
                self._norms.append((module, tensors))

    def __len__(self) -> int:
        return len(self._norms)

    def read(self) -> Values:
        """A copy of all of them."""
        return [tuple(tensor.detach().clone() for tensor in tensors) for _, tensors in self._norms]

    def write(self, values: Values) -> None:
        """Let them be these."""
        with torch.no_grad():
            for (_, tensors), new in zip(self._norms, values, strict=True):
                for tensor, value in zip(tensors, new, strict=True):
                    tensor.copy_(value)

    def curves(self, history: list[Values], row_of: Callable[[nn.Module], int | None]) -> tuple[NormCurve, ...]:
        """Of each normalisation that has moved, how far it was from its end, from the beginning on."""
        found = []
        for index, (module, _) in enumerate(self._norms):
            values = [then[index] for then in history]
            moved = any(not torch.equal(values[0][part], values[-1][part]) for part in (0, 1))
            if moved and (row := row_of(module)) is not None:
                found.append(_curve(row, values))
        return tuple(found)


def _curve(row: int, values: list[tuple[Tensor, ...]]) -> NormCurve:
    last_mean, last_variance = values[-1][0].double(), values[-1][1].double()
    deviation = last_variance.clamp(min=0).sqrt()
    scale = float(last_variance.mean())
    means, variances = [], []
    for then in values:
        steps = ((then[0].double() - last_mean) / deviation).nan_to_num(0.0, math.inf, -math.inf)
        means.append(float(steps.square().mean().sqrt()))
        variances.append(float(then[1].double().mean()) / scale if scale else math.nan)
    return NormCurve(row, tuple(means), tuple(variances))
