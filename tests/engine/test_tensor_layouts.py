"""Statistics of tensors of every layout and kind: views, complex, sparse, quantized, nested, of odd classes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from inspector.engine.tensor_stats import measure
from inspector.schema import TensorStats
from tests.engine.numpy_reference import assert_agrees_with_numpy


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

    try:
        from torch.distributed.tensor import DTensor, Shard
    except ImportError:  # Before torch 2.5 it has no public name.
        from torch.distributed._tensor import DTensor, Shard  # type: ignore[attr-defined]
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        stats = measure(DTensor.from_local(torch.arange(6.0).view(2, 3), mesh, [Shard(0)]))
    finally:
        distributed.destroy_process_group()
    assert (stats.elements, stats.mean) == (6, 2.5)
    assert stats.note.startswith("DTensor S")
    assert stats.note.endswith(": of the 6 values held here, of 6")
