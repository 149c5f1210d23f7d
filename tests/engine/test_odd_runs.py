"""Runs of models that are unlike most: what cannot be seen of them is said, and none ends the process."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.engine.odd_runs import Odd, linear

x = torch.ones(3, 4)
quantization: Any = torch.ao.quantization


class Lambda(nn.Module):
    """A layer, and a forward that a test gives."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.fc = linear()
        self._does = forward

    def forward(self, x: Tensor) -> Any:
        return self._does(self.fc, x)


# --- TorchScript ------------------------------------------------------------------------------------------------------


def test_inputs_of_a_scripted_model_are_asked_for_like_others() -> None:
    odd = Odd(torch.jit.script(nn.Sequential(linear(), nn.ReLU())))
    record = odd.run()
    assert record.inputs.origin == "guessed"
    assert record.failure is None or "mat1 and mat2" in record.failure.message


def test_a_scripted_model_that_fails_is_explained() -> None:
    record = Odd(torch.jit.script(nn.Sequential(linear(), nn.ReLU())), torch.ones(2, 7)).run()
    assert not record.ok
    assert record.finding is not None
    assert "cannot be multiplied" in record.finding.message


# --- nested and jagged tensors ----------------------------------------------------------------------------------------


def jagged(fc: nn.Linear, x: Tensor) -> Any:
    return fc(torch.nested.nested_tensor([x[:2], x], layout=torch.jagged)) @ fc.weight


def nested(fc: nn.Linear, x: Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fc(torch.nested.nested_tensor([x[:2], x]))


def test_a_jagged_tensor_costs_what_nobody_knows() -> None:
    record = Odd(Lambda(jagged), x).run()
    assert record.ok
    assert dict(record.uncounted)["aten.linear"] == 1
    assert {name for name, _ in record.uncounted} <= {"aten.linear", "aten.matmul"}


@pytest.mark.parametrize("forward", [jagged, nested])
def test_a_dry_run_stops_at_a_nested_tensor_and_says_so_once(forward: Any) -> None:
    odd = Odd(Lambda(forward), x)
    (note,) = odd.run(dry=True).notes
    assert note.startswith("nothing says what shape ")
    line = forward.__code__.co_firstlineno + (1 if forward is jagged else 3)
    assert note.endswith(f"test_odd_runs.py:{line}: only a real run can tell")
    assert odd.calls[0].outputs == ()


def test_nobody_complains_about_a_nested_output() -> None:
    assert Odd(Lambda(nested), x).run().notes == ()


# --- quantized --------------------------------------------------------------------------------------------------------


@pytest.fixture
def _engine() -> Any:
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = next(e for e in torch.backends.quantized.supported_engines if e != "none")
    yield
    torch.backends.quantized.engine = before


@pytest.mark.usefixtures("_engine")
@pytest.mark.filterwarnings("ignore")
def test_what_is_computed_for_its_shape_is_not_held_longer_than_in_a_real_run() -> None:
    model = nn.Sequential(linear(), nn.ReLU(), linear())
    Odd(quantization.quantize_dynamic(model, {nn.Linear}), x).agree()


@pytest.mark.usefixtures("_engine")
@pytest.mark.filterwarnings("ignore")
def test_an_operation_without_a_kernel_for_shapes_is_named() -> None:
    stub, back = quantization.QuantStub(), quantization.DeQuantStub()
    model = nn.Sequential(stub, nn.Conv2d(3, 4, 3), back).eval()
    model.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
    quantization.prepare(model, inplace=True)(torch.randn(2, 3, 8, 8))
    odd = Odd(quantization.convert(model), torch.randn(2, 3, 8, 8))
    (note,) = odd.run(dry=True).notes
    assert note.startswith("nothing says what shape comes of quantized::conv2d.new")


# --- buffers that begin with nothing ----------------------------------------------------------------------------------


class Growing(nn.Module):
    """Resizes and fills a buffer, as torch's observers do for quantization."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = nn.Buffer(torch.tensor([]))

    def forward(self, x: Tensor) -> Tensor:
        if self.largest.numel() == 0:
            self.largest.resize_(x.shape[1]).fill_(-torch.inf)
        self.largest.copy_(torch.maximum(self.largest, x.amax(0)))
        return x / self.largest


def test_a_buffer_that_was_empty_is_empty_again() -> None:
    model = Growing()
    record = Odd(model, x).run()
    assert record.ok
    assert model.largest.shape == (0,)
    assert model.largest.untyped_storage().nbytes() == 0
