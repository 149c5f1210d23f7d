"""Statistics of a tensor: what NumPy says in float64, of every kind of tensor, without leaving a trace."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from inspector.engine import tensor_stats
from inspector.engine.tensor_stats import measure, measuring
from inspector.schema import TensorStats

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
FLOAT8 = [
    getattr(torch, name)
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    if hasattr(torch, name)
]
INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint64)


@pytest.fixture
def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor counts as large, and is cut into blocks of 64."""
    monkeypatch.setattr(tensor_stats, "EXACT", 0)
    monkeypatch.setattr(tensor_stats, "BLOCK", {torch.float32: 64, torch.float64: 64})


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


# --- layouts and kinds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.t(),
        lambda t: t[::2],
        lambda t: t[:, 1::3],
        lambda t: t.view(30, 10, 7).permute(2, 0, 1),
        lambda t: t[3:40, 2:].unsqueeze(0),
        lambda t: t.unfold(0, 5, 2),
        lambda t: t.view(30, 2, 5, 7)[:, :, ::2, 1:],
        lambda t: t[:1].expand(50, 7),
        lambda t: t[:, :1].expand(4, 300, 70),
        lambda t: t[0, 0].expand(1000),
    ],
)
@pytest.mark.usefixtures("as_if_large")
def test_views_count_their_own_elements(view: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(3)
    tensor = view(torch.randn(300, 7))
    assert_agrees_with_numpy(measure(tensor), tensor, tolerance=1e-6)
    assert_agrees_with_numpy(measure(tensor.double()), tensor)


def test_an_expanded_tensor_is_read_once_and_counted_in_full() -> None:
    stats = measure(torch.tensor([[0.0], [math.nan], [3.0]]).expand(3, 10**12), bins=3)
    assert (stats.elements, stats.zeros, stats.nan) == (3 * 10**12, 10**12, 10**12)
    assert stats.histogram == (10**12, 0, 10**12)
    assert stats.mean == 1.5


def test_complex_numbers_are_measured_by_their_absolute_values() -> None:
    stats = measure(torch.tensor([3 + 4j, 0j, 6e30 - 8e30j], dtype=torch.complex64).conj())
    assert (stats.minimum, stats.zeros, stats.elements) == (0.0, 1, 3)
    assert stats.maximum == pytest.approx(1e31, rel=1e-6)
    assert stats.note == "complex: of the absolute values"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr"])
def test_sparse_tensors_are_measured_by_what_they_store(layout: str) -> None:
    dense = torch.zeros(10, 10)
    dense[0, 0], dense[4, 4] = 2.0, 4.0
    if layout == "bsr":
        stats = measure(dense.to_sparse_bsr((2, 2)))
        assert (stats.elements, stats.zeros, stats.maximum) == (8, 6, 4.0)
        assert stats.note == "sparse_bsr: of the 8 stored values; 92 more are zero and not stored"
        return
    convert: dict[str, Callable[[], Tensor]] = {
        "coo": dense.to_sparse, "csr": dense.to_sparse_csr, "csc": dense.to_sparse_csc
    }  # fmt: skip
    stats = measure(convert[layout]())
    assert (stats.elements, stats.zeros, stats.mean) == (2, 0, 3.0)
    assert stats.note == f"sparse_{layout}: of the 2 stored values; 98 more are zero and not stored"


def test_a_sparse_tensor_with_repeated_indices_says_so() -> None:
    tensor = torch.sparse_coo_tensor(torch.tensor([[1, 1]]), torch.tensor([1.0, 2.0]), (5,), check_invariants=True)
    assert measure(tensor).note.startswith("sparse_coo, not coalesced: of the 2 stored values")


@pytest.mark.filterwarnings("ignore")
def test_quantized_tensors_are_dequantized() -> None:
    tensor = torch.quantize_per_tensor(torch.tensor([-1.0, 0.0, 0.5]), 0.5, 2, torch.quint8)
    stats = measure(tensor)
    assert (stats.minimum, stats.maximum, stats.zeros) == (-1.0, 0.5, 1)
    assert stats.note == "quantized: of the dequantized values"
    scales, zeros = torch.tensor([1.0, 0.25]), torch.zeros(2, dtype=torch.int64)
    channels = torch.quantize_per_channel(torch.ones(2, 200), scales, zeros, 0, torch.qint8)
    assert measure(channels).mean == 1.0
    assert measure(channels, bins=1).histogram == (400,)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("as_if_large")
def test_large_quantized_tensors_are_dequantized_block_by_block() -> None:
    torch.manual_seed(4)
    values = torch.randn(30, 40)
    for axis in (0, 1):
        scales = torch.rand(values.shape[axis]) / 10 + 0.01
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        tensor = torch.quantize_per_channel(values, scales, zeros, axis, torch.qint8)
        assert_agrees_with_numpy(measure(tensor), tensor.dequantize())
    tensor = torch.quantize_per_tensor(values, 0.1, 3, torch.qint8).t()
    assert_agrees_with_numpy(measure(tensor), tensor.dequantize())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_measured_together(layout: torch.layout) -> None:
    stats = measure(torch.nested.nested_tensor([torch.zeros(2, 3), torch.ones(4, 3)], layout=layout))
    assert (stats.elements, stats.zeros) == (18, 6)
    assert stats.mean == pytest.approx(2 / 3)
    assert stats.note == "nested: of the values of 2 tensors"


@pytest.mark.skipif(not torch._C._has_mkldnn, reason="torch is built without MKL-DNN")
def test_an_mkldnn_tensor_is_measured_by_a_dense_copy() -> None:
    stats = measure(torch.arange(4.0).to_mkldnn())
    assert (stats.mean, stats.note) == (1.5, "mkldnn: of a dense copy")


def test_what_is_not_allocated_says_so() -> None:
    with FakeTensorMode():
        fake = torch.randn(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls lazy modules new
        lazy = nn.LazyLinear(3).weight
    assert measure(torch.empty(3, 4, device="meta")) == TensorStats(elements=12, note="not allocated: no values")
    assert measure(fake) == TensorStats(elements=12, note="not allocated: no values")
    assert measure(lazy) == TensorStats(elements=0, note="not initialised yet: no values")


def test_memory_that_was_freed_is_not_touched() -> None:
    tensor = nn.Parameter(torch.randn(100))
    tensor.untyped_storage().resize_(0)
    assert measure(tensor).note == "its memory was freed (0 bytes are left): no values"


@pytest.mark.skipif(not hasattr(torch, "float4_e2m1fn_x2"), reason="torch has no packed floats of four bits")
def test_a_dtype_that_torch_cannot_convert_is_told_in_torchs_own_words() -> None:
    stats = measure(torch.empty(6, dtype=torch.float4_e2m1fn_x2))
    assert stats.elements == 6
    assert stats.note.startswith("its values cannot be read: NotImplementedError: ")
    assert "Float4_e2m1fn_x2" in stats.note


class Named(Tensor):
    """A subclass that adds nothing."""


class Refusing(Tensor):
    """A subclass in which no torch function works."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"no {func} here")


class Undispatched(Tensor):
    """A subclass with memory of its own that refuses every operation."""

    @staticmethod
    def __new__(cls, data: Tensor) -> Undispatched:
        return Tensor._make_subclass(cls, data)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise RuntimeError(f"no {func} here")


class Wrapping(Tensor):
    """A subclass without memory: its values are another tensor's."""

    wrapped: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Wrapping:
        wrapper = Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
        wrapper.wrapped = inner
        return wrapper

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return func(*(cls.unwrapped(value) for value in args), **(kwargs or {}))

    @staticmethod
    def unwrapped(value: Any) -> Any:
        return value.wrapped if isinstance(value, Wrapping) else value


def test_subclasses_are_read_past_their_own_code() -> None:
    assert measure(torch.tensor([1.0, 3.0]).as_subclass(Refusing)).mean == 2.0
    assert measure(Undispatched(torch.tensor([1.0, 3.0]))).mean == 2.0
    assert measure(nn.Parameter(torch.tensor([1.0, 3.0]).as_subclass(Named))).mean == 2.0


def test_a_wrapper_without_memory_is_read_through_its_own_code() -> None:
    assert measure(Wrapping(torch.tensor([1.0, 3.0]))).mean == 2.0


def test_a_wrapper_that_refuses_is_told_and_does_not_end_the_process() -> None:
    class Sealed(Wrapping):
        @classmethod
        def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
            raise RuntimeError("sealed")

    assert measure(Sealed(torch.ones(3))) == TensorStats(
        elements=3, note="its values cannot be read: RuntimeError: sealed"
    )


@pytest.mark.filterwarnings("ignore")
def test_of_a_distributed_tensor_the_local_shard_is_measured(tmp_path: Path) -> None:
    from torch import distributed

    if not hasattr(distributed, "is_gloo_available") or not distributed.is_gloo_available():
        pytest.skip("torch is built without distributed")
    from torch.distributed.device_mesh import init_device_mesh

    tensor = pytest.importorskip("torch.distributed.tensor", reason="DTensor is private in this torch")
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        stats = measure(tensor.DTensor.from_local(torch.arange(6.0).view(2, 3), mesh, [tensor.Shard(0)]))
    finally:
        distributed.destroy_process_group()
    assert (stats.elements, stats.mean) == (6, 2.5)
    assert stats.note.startswith("DTensor S")
    assert stats.note.endswith(": of the 6 values held here, of 6")


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
