"""What NumPy says of the values of a tensor, in float64: what measured statistics are held against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inspector.schema import TensorStats


def finite_values(tensor: Tensor) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = tensor.detach().to(torch.float64).reshape(-1).numpy()
    finite: np.ndarray[Any, Any] = values[np.isfinite(values)]
    return finite


def assert_agrees_with_numpy(stats: TensorStats, tensor: Tensor, tolerance: float = 1e-12) -> None:
    """Counts exact; mean and std within the tolerance, in units of the standard deviation and of rounding."""
    values, finite = tensor.detach().to(torch.float64).reshape(-1).numpy(), finite_values(tensor)
    assert stats.elements == tensor.numel()
    assert stats.nan == np.isnan(values).sum()
    assert stats.positive_infinity == np.isposinf(values).sum()
    assert stats.negative_infinity == np.isneginf(values).sum()
    assert stats.zeros == (finite == 0).sum()
    assert sum(stats.histogram) == len(finite)
    if not len(finite):
        assert (stats.minimum, stats.maximum, stats.mean, stats.std) == (None, None, None, None)
        return
    assert stats.minimum == finite.min()
    assert stats.maximum == finite.max()
    assert stats.mean is not None
    assert stats.std is not None
    unit = 2.0 ** -max(math.frexp(np.abs(finite).max())[1], -1000)
    scaled = finite * unit
    rounding = 1e-15 * np.abs(scaled).max()
    assert stats.mean * unit == pytest.approx(scaled.mean(), rel=1e-14, abs=tolerance * scaled.std() + rounding)
    assert stats.std * unit == pytest.approx(scaled.std(), rel=tolerance * 10, abs=rounding)


def exact_histogram(tensor: Tensor, bins: int) -> list[int]:
    """The bins of the finite values by their definition, in float64."""
    finite = finite_values(tensor)
    places = (finite - finite.min()) * bins / (finite.max() - finite.min())
    counts: list[int] = np.bincount(np.minimum(np.floor(places).astype(int), bins - 1), minlength=bins).tolist()
    return counts
