"""Runs of models that are unlike most: what cannot be seen of them is said, and none ends the process."""

from __future__ import annotations

import copy
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from inspector.engine.forward.fake_question import ASKED
from inspector.schema import TensorStats
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
    nyi = "without values it cannot go on (quantized nyi in meta tensors)"  # what torch 2.4 says of the step before
    assert note.startswith(("nothing says what shape comes of quantized::conv2d.new", nyi))


# --- buffers that begin with nothing ----------------------------------------------------------------------------------


class Growing(nn.Module):
    """Resizes and fills a buffer, as torch's observers do for quantization."""

    def __init__(self) -> None:
        super().__init__()
        self.largest: Tensor
        self.register_buffer("largest", torch.tensor([]))

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


# --- what a dry run is asked ------------------------------------------------------------------------------------------


def asks(fc: nn.Linear, x: Tensor) -> Tensor:
    """As transformers does it, to leave out what needs values."""
    known = torch.ones(3, dtype=torch.bool)
    if not isinstance(known, torch._subclasses.FakeTensor) and known.all():
        x = x + 1
    y: Tensor = fc(x)
    return y if isinstance(y, torch._subclasses.FakeTensor) or y.sum() < 1e9 else y * 0


def test_who_asks_whether_known_values_are_fake_is_told_no_and_of_others_the_truth() -> None:
    odd = Odd(Lambda(asks), x)
    odd.run()
    real = [call.outputs for call in odd.calls]
    dry = odd.run(dry=True)
    assert dry.notes == (ASKED,)
    assert len(odd.calls) == len(real) - 2  # sum and <
    assert torch._subclasses.FakeTensor is FakeTensor


def test_what_a_dry_run_counted_otherwise_is_counted_anew() -> None:
    odd = Odd(Lambda(lambda fc, x: fc(x) if isinstance(fc(x), torch._subclasses.FakeTensor) else fc(fc(x))), x)
    assert odd.run(dry=True).flops == 2 * 96
    record = odd.run()
    assert (record.flops, record.flops_by) == (3 * 96, "run")
    assert sum(call == 96 for call in odd.flops) == 3


def in_threads(fc: nn.Linear, x: Tensor) -> Tensor:
    with ThreadPoolExecutor(4) as pool:
        return torch.stack(list(pool.map(lambda index: fc(x) * index, range(40))))


def test_threads_of_forward_run_dry_beside_each_other() -> None:
    odd = Odd(Lambda(in_threads), x)
    real, dry = odd.run(), odd.run(dry=True)
    assert (real.ok, dry.ok) == (True, True)
    assert real.notes == (
        "forward calls modules in other threads: they are not recorded there, and their FLOPs and "
        "memory are not counted",
    )
    assert dry.notes == ("forward calls modules in other threads: they are not recorded there",)
    assert real.outputs[0].shape == dry.outputs[0].shape == (40, 3, 4)


def test_a_layer_that_forward_moves_away_is_no_failure_of_a_dry_run() -> None:
    def ensemble(fc: nn.Linear, x: Tensor) -> Any:
        parameters, buffers = torch.func.stack_module_state([fc, fc])
        base = copy.deepcopy(fc).to("meta")
        return torch.func.vmap(lambda p, b: torch.func.functional_call(base, (p, b), (x,)))(parameters, buffers)

    odd = Odd(Lambda(ensemble), x)
    real = odd.run()
    assert real.ok
    dry = odd.run(dry=True)
    assert dry.failure is None
    if dry.notes:
        assert "only a real run can tell" in dry.notes[0]
    else:  # torch 2.4 goes on, and comes to the same.
        assert [seen.shape for seen in dry.outputs] == [seen.shape for seen in real.outputs] == [(2, 3, 4)]


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="torch has no grouped product")
def test_a_grouped_product_runs_dry_in_the_dtypes_of_a_real_one() -> None:
    def experts(fc: nn.Linear, x: Tensor) -> Tensor:
        ends = torch.tensor([1, 3], dtype=torch.int32)
        return torch._grouped_mm(fc(x), torch.ones(2, 4, 8), offs=ends)

    record, _ = Odd(Lambda(experts), x).agree()
    assert record.flops == 2 * 3 * 4 * 4 + 2 * 3 * 4 * 8
    assert record.uncounted == ()


# --- what a real run tells --------------------------------------------------------------------------------------------


def test_modules_that_forward_makes_anew_are_timed_all_the_same() -> None:
    odd = Odd(Lambda(lambda fc, x: nn.Linear(4, 4)(fc(x))), x)
    record = odd.run()
    assert record.repeats > 1
    assert record.notes == odd.run(dry=True).notes == ()


def test_memory_that_nobody_has_written_to_has_no_statistics() -> None:
    odd = Odd(Lambda(lambda fc, x: fc(x) + torch.empty(3, 4).zero_()), x)
    odd.run()
    (made,) = [call for call in odd.calls if call.outputs[0].stats is not None and call.outputs[0].stats.note]
    assert made.outputs[0].stats == TensorStats(elements=12, note="nobody has written to it yet")
