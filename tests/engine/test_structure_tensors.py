"""Tensors that are not plain: each is described as far as it lets itself be, and none raises."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from inspector.engine.structure import read
from inspector.schema import Flag
from tests.engine.reading import Reading, check_shape


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def described(tensor: Tensor | None, *, parameter: bool = False) -> tuple[Any, Reading]:
    """The record of a tensor that is registered on a module, beside a plain one."""
    model = nn.Module()
    model.register_buffer("plain", torch.zeros(1))
    if parameter:
        model._parameters["x"] = tensor  # type: ignore[assignment]
    else:
        model.register_buffer("x", tensor)
    result = Reading(model, read(model))
    check_shape(result)
    return result.record("x"), result


def test_a_sparse_tensor_has_all_its_elements_and_the_bytes_of_what_it_stores() -> None:
    record, result = described(torch.eye(3).to_sparse())
    assert (record.shape, record.elements, record.layout) == ((3, 3), 9, "sparse_coo")
    assert record.bytes == 2 * 3 * 8 + 3 * 4
    assert result.totals.bytes == record.bytes + 4


@pytest.mark.parametrize("layout", ["sparse_csr", "sparse_csc"])
def test_a_compressed_sparse_tensor_has_the_bytes_of_its_three_parts(layout: str) -> None:
    build = getattr(torch, f"{layout}_tensor")
    record, result = described(build(torch.arange(4), torch.arange(3), torch.ones(3), size=(3, 3)))
    assert (record.shape, record.elements, record.layout) == ((3, 3), 9, layout)
    assert record.bytes == 4 * 8 + 3 * 8 + 3 * 4
    assert result.totals.bytes == record.bytes + 4


def test_a_block_sparse_tensor_is_described() -> None:
    record, _ = described(torch.eye(4).to_sparse_bsr((2, 2)))
    assert (record.layout, record.shape) == ("sparse_bsr", (4, 4))


def test_a_sparse_tensor_at_two_places_is_counted_once() -> None:
    model = nn.Module()
    model.register_buffer("a", torch.eye(3).to_sparse())
    model.register_buffer("b", model._buffers["a"])
    result = Reading(model, read(model))
    assert Flag.TIED in result.flag("b")
    assert result.totals.buffers == 9
    assert result.totals.bytes == 60


def test_a_quantized_tensor_says_how() -> None:
    record, _ = described(torch.quantize_per_tensor(torch.ones(6), 0.1, 0, torch.qint8))
    assert (record.dtype, record.elements, record.bytes) == ("qint8", 6, 6)
    assert record.layout == "quantized per_tensor_affine"
    record, _ = described(
        torch.quantize_per_channel(torch.ones(3, 2), torch.ones(3), torch.zeros(3, dtype=torch.int64), 0, torch.quint8)
    )
    assert record.layout == "quantized per_channel_affine"


def test_a_nested_tensor_has_elements_and_no_shape() -> None:
    parts = [torch.zeros(2, 3), torch.zeros(4, 3)]
    for nested in (torch.nested.nested_tensor(parts), torch.nested.nested_tensor(parts, layout=torch.jagged)):
        record, _ = described(nested)
        assert (record.shape, record.elements) == (None, 18)
        assert record.layout.startswith("nested ")
        assert record.note == "nested: its parts differ in shape"
        assert record.bytes >= 72


@pytest.mark.parametrize(
    ("tensor", "dtype", "size"),
    [
        (torch.zeros(3, dtype=torch.float8_e4m3fn), "float8_e4m3fn", 3),
        (torch.zeros(3, dtype=torch.bfloat16), "bfloat16", 6),
        (torch.zeros(3, dtype=torch.complex64), "complex64", 24),
        (torch.zeros(3, dtype=torch.bool), "bool", 3),
        (torch.zeros(3, dtype=torch.uint16), "uint16", 6),
    ],
)
def test_every_dtype_is_named_and_measured(tensor: Tensor, dtype: str, size: int) -> None:
    record, _ = described(tensor)
    assert (record.dtype, record.bytes, record.shape, record.layout) == (dtype, size, (3,), "")


def test_a_tensor_without_dimensions_has_one_element() -> None:
    record, _ = described(torch.tensor(3.0))
    assert (record.shape, record.elements, record.bytes) == ((), 1, 4)


def test_an_empty_tensor_holds_nothing() -> None:
    record, _ = described(torch.zeros(0, 5))
    assert (record.shape, record.elements, record.bytes) == ((0, 5), 0, 0)


def test_an_opaque_tensor_is_described_from_outside() -> None:
    backend: Any = torch.backends.mkldnn
    if not backend.is_available():
        pytest.skip("this build of torch has no oneDNN")
    record, result = described(torch.zeros(3, 3).to_mkldnn())
    assert (record.shape, record.bytes, record.layout) == ((3, 3), 36, "_mkldnn")
    assert result.totals.bytes == 40


def test_a_fake_tensor_is_not_allocated() -> None:
    with FakeTensorMode():
        model = nn.Linear(3, 3)
    result = Reading(model, read(model))
    assert result.totals.parameters == 12
    assert result.totals.bytes == 48
    assert result.totals.allocated is False
    assert Flag.META in result.flag("weight")
    assert result.record("weight").device == "cpu"


def test_an_uninitialized_buffer_is_not_touched() -> None:
    record, result = described(nn.UninitializedBuffer())
    assert (record.lazy, record.shape, record.dtype) == (True, None, "float32")
    assert result.totals.lazy == 1


class Hostile(Tensor):
    """Refuses every operation and most attributes."""

    @staticmethod
    def __new__(cls, size: int) -> Hostile:
        tensor: Hostile = Tensor._make_wrapper_subclass(cls, (size,), dtype=torch.float32)
        return tensor

    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no functions")

    @classmethod
    def __torch_dispatch__(cls, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no operations")


def test_a_tensor_class_that_refuses_everything_is_described() -> None:
    record, _ = described(Hostile(5), parameter=True)
    assert (record.shape, record.elements, record.layout) == ((5,), 5, "Hostile")


class Pair(Tensor):
    """A tensor that is made of two others, as quantized weights are."""

    low: Tensor
    high: Tensor

    @staticmethod
    def __new__(cls, low: Tensor, high: Tensor) -> Pair:
        tensor: Pair = Tensor._make_wrapper_subclass(cls, (8, 8), dtype=torch.float32)
        tensor.low, tensor.high = low, high
        return tensor

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["low", "high"], None

    @classmethod
    def __torch_dispatch__(cls, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no operations")


def test_a_tensor_made_of_others_holds_what_they_hold() -> None:
    record, result = described(Pair(torch.zeros(8, dtype=torch.uint8), torch.zeros(2)), parameter=True)
    assert (record.elements, record.bytes, record.layout) == (64, 16, "Pair")
    assert result.totals.parameters == 64
    assert result.totals.bytes == 16 + 4


def test_a_packed_parameter_says_what_it_stands_for() -> None:
    class State:
        shape = (4096, 4096)

    packed: Any = nn.Parameter(torch.zeros(8, dtype=torch.uint8), requires_grad=False)
    packed.quant_state = State()
    record, _ = described(packed, parameter=True)
    assert record.note == "packed: stands for 4096×4096"


def test_a_partitioned_parameter_says_how_large_it_is_in_all() -> None:
    partitioned: Any = nn.Parameter(torch.zeros(0))
    partitioned.ds_numel = 1000
    record, _ = described(partitioned, parameter=True)
    assert record.note == "partitioned by DeepSpeed: 1,000 elements in all"
