"""Statistics of a tensor: what NumPy says in float64, of every kind of tensor, without leaving a trace."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.engine import tensor_stats
from inspector.engine.tensor_stats import measure, measuring
from inspector.schema import TensorStats
from tests.engine.numpy_reference import assert_agrees_with_numpy, exact_histogram

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
FLOAT8 = [
    getattr(torch, name)
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    if hasattr(torch, name)
]
INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint64)


# --- the numbers ------------------------------------------------------------------------------------------------------


def test_a_known_tensor_gives_known_numbers() -> None:
    stats = measure(torch.tensor([[0.0, 1.0], [2.0, 5.0]]), bins=5)
    assert stats == TensorStats(
        elements=4, zeros=1, minimum=0.0, maximum=5.0, mean=2.0, std=math.sqrt(3.5), histogram=(1, 1, 1, 0, 1)
    )


def test_nan_and_infinities_are_counted_and_left_out_of_everything_else() -> None:
    nan, inf = math.nan, math.inf
    stats = measure(torch.tensor([nan, inf, -inf, -inf, nan, nan, 0.0, 4.0]), bins=2)
    assert (stats.nan, stats.positive_infinity, stats.negative_infinity) == (3, 1, 2)
    assert (stats.minimum, stats.maximum, stats.mean, stats.std) == (0.0, 4.0, 2.0, 2.0)
    assert stats.histogram == (1, 1)


def test_without_one_finite_value_there_are_counts_and_no_numbers() -> None:
    stats = measure(torch.tensor([math.nan, math.inf]))
    assert (stats.elements, stats.nan, stats.positive_infinity) == (2, 1, 1)
    assert (stats.minimum, stats.maximum, stats.mean, stats.std, stats.histogram) == (None, None, None, None, ())


def test_an_empty_tensor_has_no_numbers_and_a_scalar_has_them_all() -> None:
    assert measure(torch.empty(0, 3)) == TensorStats(elements=0)
    stats = measure(torch.tensor(-2.5), bins=3)
    assert (stats.elements, stats.minimum, stats.maximum, stats.mean, stats.std) == (1, -2.5, -2.5, -2.5, 0.0)
    assert stats.histogram == (0, 0, 1)


@pytest.mark.parametrize("value", [0.1, 1e-40, 3e38, 0.0, -7.3])
@pytest.mark.usefixtures("as_if_large")
def test_a_constant_has_a_standard_deviation_of_exactly_zero(value: float) -> None:
    stats = measure(torch.full((1001,), value))
    assert stats.std == 0.0
    assert stats.mean == stats.minimum == stats.maximum == torch.tensor(value).item()


def test_negative_zero_is_a_zero() -> None:
    assert measure(torch.tensor([-0.0, 0.0, 1.0, 5e-324], dtype=torch.float64)).zeros == 2


def test_the_number_of_bins_is_bounded_in_words() -> None:
    assert len(measure(torch.randn(1000), bins=125).histogram) == 125
    for bins in (0, 126):
        with pytest.raises(ValueError, match=f"bins={bins}: from 1 to 125"):
            measure(torch.zeros(1), bins)


@pytest.mark.parametrize("dtype", [*FLOATS, *FLOAT8], ids=str)
def test_every_floating_dtype_agrees_with_numpy(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tensor = (torch.randn(3001) * 3).to(dtype)
    stats = measure(tensor, bins=17)
    assert_agrees_with_numpy(stats, tensor)
    assert list(stats.histogram) == exact_histogram(tensor, 17)


def test_half_precision_does_not_overflow_in_the_sum() -> None:
    stats = measure(torch.full((1000,), 60000.0, dtype=torch.float16))
    assert stats.mean == 60000.0


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_every_integer_dtype_agrees_with_numpy(dtype: torch.dtype) -> None:
    tensor = torch.arange(0, 257, dtype=torch.int64).remainder(100).to(dtype)
    stats = measure(tensor, bins=10)
    assert_agrees_with_numpy(stats, tensor)
    assert list(stats.histogram) == exact_histogram(tensor, 10)


def test_the_extremes_of_int64_do_not_overflow() -> None:
    low, high = torch.iinfo(torch.int64).min, torch.iinfo(torch.int64).max
    stats = measure(torch.tensor([low, high, low, high]), bins=2)
    assert (stats.minimum, stats.maximum) == (float(low), float(high))
    assert (stats.mean, stats.std) == (0.0, 2.0**63)
    assert stats.histogram == (2, 2)


wide = st.floats(allow_nan=True, allow_infinity=True, width=64)
narrow = st.floats(allow_nan=True, allow_infinity=True, width=32, allow_subnormal=True)


@given(st.lists(wide, max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_float64_values_agree_with_numpy(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=torch.float64)
    assert_agrees_with_numpy(measure(tensor), tensor)


@given(st.lists(narrow, min_size=1, max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_float32_values_agree_with_numpy_when_computed_as_a_large_tensor(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=torch.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_stats, "EXACT", 0)
        patch.setattr(tensor_stats, "BLOCK", {torch.float32: 64, torch.float64: 64})
        assert_agrees_with_numpy(measure(tensor), tensor, tolerance=1e-6)


@given(
    offset=st.sampled_from([0.0, 1.0, -1e3, 1e7, 1e20, -1e30]),
    scale=st.sampled_from([1e-38, 1e-20, 1e-3, 1.0, 1e6, 1e18, 1e30]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_offsets_and_scales_do_not_cancel_overflow_or_vanish(offset: float, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensor = (torch.randn(500, generator=generator, dtype=torch.float64) * scale + offset).float()
    assert_agrees_with_numpy(measure(tensor), tensor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_stats, "EXACT", 0)
        patch.setattr(tensor_stats, "BLOCK", {torch.float32: 64, torch.float64: 64})
        assert_agrees_with_numpy(measure(tensor), tensor, tolerance=1e-6)


@pytest.mark.parametrize("magnitude", [1e300, 1e-300, 5e-324])
def test_doubles_whose_squares_do_not_fit_a_double_have_a_standard_deviation(magnitude: float) -> None:
    stats = measure(torch.tensor([-magnitude, magnitude], dtype=torch.float64), bins=2)
    assert stats.std == magnitude
    assert stats.mean == 0.0
    assert stats.histogram == (1, 1)


@pytest.mark.usefixtures("as_if_large")
@pytest.mark.parametrize("offset", [0.0, 0.5, 100.0])
def test_a_large_histogram_is_that_of_numpy_but_for_values_on_an_edge(offset: float) -> None:
    torch.manual_seed(1)
    tensor = torch.randn(20_001) + offset
    stats, exact = measure(tensor), exact_histogram(tensor, 40)
    assert sum(stats.histogram) == 20_001
    assert sum(abs(a - b) for a, b in zip(stats.histogram, exact, strict=True)) <= 4


def test_a_really_large_tensor_is_cut_into_real_blocks() -> None:
    torch.manual_seed(2)
    tensor = torch.randn(tensor_stats.EXACT + 12_345)
    tensor[7], tensor[-1], tensor[1_000_000] = math.nan, math.inf, 0.0
    assert_agrees_with_numpy(measure(tensor), tensor, tolerance=1e-6)


# --- what it must not do ----------------------------------------------------------------------------------------------


def test_measuring_leaves_no_trace() -> None:
    tensor = nn.Parameter(torch.randn(1000))
    tensor.grad = torch.ones(1000)
    before, grad, version, state = tensor.detach().clone(), tensor.grad, tensor._version, torch.get_rng_state()
    measure(tensor)
    assert torch.equal(tensor, before)
    assert tensor.grad is grad
    assert tensor._version == version
    assert tensor.requires_grad
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


@pytest.mark.usefixtures("as_if_large")
def test_a_measurement_can_be_dropped_or_interleaved_between_blocks() -> None:
    tensor = torch.randn(64 * 10, requires_grad=True)
    steps = measuring(tensor)
    for _ in range(15):
        next(steps)
        assert torch.is_grad_enabled()  # nothing of the measurement's is in force meanwhile
    steps.close()
    assert len(list(measuring(tensor))) == 20


@pytest.mark.usefixtures("as_if_large")
def test_default_dtype_and_default_device_do_not_matter() -> None:
    tensor = torch.randn(1000)
    expected = measure(tensor)
    torch.set_default_dtype(torch.float16)
    torch.set_default_device("meta")
    try:
        assert measure(tensor) == expected
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_tensor_on_a_gpu_is_measured_there() -> None:
    torch.manual_seed(5)
    tensor = torch.randn(tensor_stats.EXACT + 1000)
    tensor[3], tensor[4] = math.nan, 0.0
    assert_agrees_with_numpy(measure(tensor.cuda()), tensor, tolerance=1e-6)
