"""Functions of torch that a user's forward calls: which are recorded, what they are called, and that torch's own
modules never notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils._device import DeviceContext

from inspector.engine.forward.recorder import Recorder
from inspector.engine.forward.weights import used_without_call
from inspector.run_schema import CallKind
from tests.engine.test_recorder import Lambda, named, names, recorded, rows

x = torch.linspace(-1, 1, 16).view(2, 2, 2, 2)


def operations(recorder: Recorder) -> list[str]:
    """What the run called beside modules."""
    return [call.name for call in recorder.calls if call.kind == CallKind.OPERATION]


WRITTEN: dict[str, Callable[[Tensor], Any]] = {
    "F.relu": lambda x: F.relu(x),
    "F.max_pool2d": lambda x: F.max_pool2d(x, 2),
    "F.gelu": lambda x: F.gelu(x),
    "F.softmax": lambda x: F.softmax(x, dim=1),
    "F.scaled_dot_product_attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "F.pad": lambda x: F.pad(x, (1, 1)),
    "F.interpolate": lambda x: F.interpolate(x, scale_factor=2),
    "view": lambda x: x.view(2, -1),
    "flatten": lambda x: torch.flatten(x, 1),
    "+": lambda x: x + x,
    "-": lambda x: 1 - x,
    "*": lambda x: 2 * x,
    "/": lambda x: x / 2,
    "**": lambda x: x**2,
    "@": lambda x: x @ x,
    "//": lambda x: x // 2,
    ">": lambda x: x > 0,
    "~": lambda x: ~x.bool(),
    "[…]": lambda x: x[:, 0],
    "einsum": lambda x: torch.einsum("nchw->nhwc", x),
    "cat": lambda x: torch.cat([x, x]),
    "softmax": lambda x: x.softmax(1),
    "torch.arange": lambda x: torch.arange(3),
    "torch.zeros": lambda x: torch.zeros(3),
    "mT": lambda x: x.mT,
    "split": lambda x: torch.split(x, 1),
    "fft.fft": lambda x: torch.fft.fft(x),
    "linalg.norm": lambda x: torch.linalg.norm(x),
    "[…] =": lambda x: x.clone().__setitem__(0, 1.0),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_an_operation_is_called_what_users_write(name: str) -> None:
    function = WRITTEN[name]
    assert operations(recorded(Lambda(lambda self, x: function(x)), x))[-1] == name


def test_questions_are_no_operations() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        assert x.shape == x.size()
        assert x.dim() == 4
        assert x.device.type == "cpu"
        assert x.dtype is torch.float32
        assert x.is_contiguous()
        assert len(x) == 2
        assert x.numel() == 16
        assert not x.requires_grad
        return x

    assert operations(recorded(Lambda(forward), x)) == []


def test_what_reads_values_or_returns_no_tensor_is_no_operation() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        total = x.sum()
        return float(total) + total.item() + int(bool(total > 5)) + len(total[None].tolist())

    assert operations(recorded(Lambda(forward), x)) == ["sum", ">", "[…]"]


def test_operations_inside_torchs_own_modules_are_not_recorded() -> None:
    model = nn.Sequential(nn.LayerNorm(2), nn.GELU(), nn.LSTM(2, 2))
    assert operations(recorded(model, x[0])) == []


def test_operations_are_recorded_again_after_a_module_of_torchs() -> None:
    inner = Lambda(lambda self, x: x + 1)
    model = Lambda(lambda self, x: self.seq(x * 2) / 3, seq=nn.Sequential(nn.Tanh(), inner, nn.Tanh()))
    assert names(recorded(model, x)) == ["Lambda", "*", "Sequential", "Tanh", "Lambda", "+", "Tanh", "/"]


def test_an_operation_belongs_to_the_module_whose_forward_called_it() -> None:
    inner = Lambda(lambda self, x: x + 1)
    model = Lambda(lambda self, x: self.inner(x), inner=inner)
    plus = recorded(model, x).calls[-1]
    assert (plus.name, plus.module, plus.row, plus.number) == ("+", inner, 1, 0)


def test_an_operation_has_the_line_that_called_it() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        return F.relu(  # first line
            x
        )

    source = recorded(Lambda(forward), x).calls[1].source
    assert source is not None
    assert source.file == __file__
    assert source.code == "return F.relu(  # first line"


def test_a_call_of_a_module_has_the_nearest_line_that_is_not_torchs() -> None:
    model = Lambda(lambda self, x: self.seq(x), seq=nn.Sequential(nn.Tanh()))
    calls = recorded(model, x).calls
    assert calls[0].source is None
    assert [call.source.code if call.source else None for call in calls[1:]] == [
        "model = Lambda(lambda self, x: self.seq(x), seq=nn.Sequential(nn.Tanh()))"
    ] * 2


def test_what_torchs_own_code_does_on_the_way_is_not_recorded() -> None:
    model = Lambda(lambda self, x: torch.distributions.Categorical(logits=x).logits)
    assert operations(recorded(model, x)) == []


def test_operations_can_be_left_out() -> None:
    model = Lambda(lambda self, x: x + 1)
    recorder = Recorder(rows(model), operations=False)
    recorder.run(model, (x,), {})
    assert names(recorder) == ["Lambda"]


def test_an_operation_that_only_arranges_values_anew_has_their_statistics() -> None:
    model = Lambda(lambda self, x: self.fc(x).transpose(1, 2).reshape(2, -1), fc=nn.Linear(2, 2))
    calls = recorded(model, x).calls
    stats = [call.outputs[0].stats for call in calls]
    assert stats[1] is not None
    assert stats[1] == stats[2] == stats[3]


def test_a_function_mode_of_the_users_stays_in_force_and_in_its_place() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        with torch.device("meta"):
            made = self.fc(torch.ones(1, 2, device="cpu"))
            return made, torch.zeros(2)

    recorder = Recorder(rows(nn.Identity()))
    out = recorder.run(Lambda(forward, fc=nn.Linear(2, 2)), (x,), {})
    assert out[1].device.type == "meta"
    assert operations(recorder) == ["torch.ones", "torch.zeros"]


def test_a_default_device_of_the_users_does_not_disturb_recording() -> None:
    with DeviceContext(torch.device("meta")):
        recorder = recorded(Lambda(lambda self: torch.zeros(2)))
    assert recorder.calls[1].outputs[0].device == "meta"


# --- modules that are used without a call -----------------------------------------------------------------------------


def used(model: nn.Module, *args: Any) -> tuple[list[str], tuple[str, ...]]:
    """Paths of the modules whose weights were used without a call, and the notes."""
    recorder = Recorder(rows(model))
    with torch.no_grad():
        recorder.run(model, args, {})
    found, notes = used_without_call(model, recorder.calls, recorder.weights, rows(model))
    paths = dict(enumerate(name for name, _ in model.named_modules()))
    return [paths[row] for row in found], notes


def test_trap_34_a_module_whose_forward_is_called_directly_is_used_without_a_call() -> None:
    model = Lambda(lambda self, x: self.fc.forward(x), fc=nn.Linear(2, 2), idle=nn.Linear(2, 2))
    assert used(model, x) == (["fc"], ())
    assert operations(recorded(model, x)) == ["F.linear"]


def test_trap_34_a_module_whose_weight_a_function_gets_is_used_without_a_call() -> None:
    model = Lambda(lambda self, x: F.linear(x, self.fc.weight), fc=nn.Linear(2, 2))
    assert used(model, x) == (["fc"], ())


def test_trap_34_a_module_whose_weight_is_multiplied_with_is_used_without_a_call() -> None:
    blocks = nn.ModuleList([nn.Linear(2, 2)])
    model = Lambda(lambda self, x: self.blocks[0].weight @ x, blocks=blocks)
    assert used(model, x) == (["blocks.0"], ())


def test_a_module_that_was_called_is_not_used_without_a_call() -> None:
    model = Lambda(lambda self, x: self.fc(x) + self.fc.weight.sum(), fc=nn.Linear(2, 2))
    assert used(model, x) == ([], ())


def test_trap_35_the_fast_path_of_a_transformer_stays_on_and_is_told_of() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    model = Lambda(lambda self, x: self.layer(x), layer=layer)
    sample = torch.ones(1, 3, 8)
    assert names(recorded(model, sample)) == ["Lambda", "TransformerEncoderLayer"]
    paths, notes = used(model, sample)
    assert "layer.linear1" in paths
    assert "layer.self_attn.out_proj" in paths
    assert len(notes) == 1
    assert "fast path" in notes[0]


def test_trap_35_without_the_fast_path_the_parts_are_called() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).train()
    paths, notes = used(model, torch.ones(1, 3, 8))
    assert paths == ["self_attn.out_proj"]
    assert notes == ()


# --- what cannot be seen into -----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_trap_41_a_scripted_module_is_named_and_its_inside_is_said_to_be_hidden() -> None:
    model = nn.Sequential(torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.Tanh())))
    calls = recorded(model, x).calls
    assert len(calls) == 2
    assert calls[1].notes == ("compiled by TorchScript: its inside is not visible",)
    assert calls[1].outputs[0].shape == (2, 2, 2, 2)


def test_trap_41_a_parametrized_module_is_recorded_under_its_own_name() -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
    recorder = recorded(model, x)
    assert [named(call) for call in recorder.calls][:2] == ["Sequential", "ParametrizedLinear"]


@pytest.mark.filterwarnings("ignore:Guards may run slower")  # of Python 3.13.0 alone
@pytest.mark.filterwarnings("ignore:torch._dynamo.config.inline_inbuilt_nn_modules is deprecated")
def test_trap_41_a_compiled_module_runs_as_if_nobody_looked() -> None:
    seen: list[Any] = []

    def backend(graph: Any, sample: Any) -> Any:
        seen.append(nn.Module.__call__)
        return graph.forward

    before = nn.Module.__call__
    inner = Lambda(lambda self, x: self.fc(x) + 1, fc=nn.Linear(2, 2))
    model = nn.Sequential()
    model.add_module("compiled", torch.compile(inner, backend=backend))  # type: ignore[arg-type]
    recorder = recorded(model, x)
    assert seen == [before]
    assert recorder.calls[1].notes == ("compiled by torch.compile: its inside is not visible",)
    assert len(recorder.calls) == 2


@pytest.mark.filterwarnings("ignore:Guards may run slower")  # of Python 3.13.0 alone
@pytest.mark.filterwarnings("ignore:torch._dynamo.config.inline_inbuilt_nn_modules is deprecated")
def test_trap_41_a_compiled_function_in_a_forward_is_traced_as_if_nobody_looked() -> None:
    graphs: list[Any] = []

    def backend(graph: Any, sample: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    if not torch._dynamo.config.inline_inbuilt_nn_modules:
        pytest.skip("what this torch compiles calls the layers themselves")
    fc = nn.Linear(2, 2)
    compiled = torch.compile(lambda x: fc(x) + 1, backend=backend, fullgraph=True)
    recorder = recorded(Lambda(lambda self, x: compiled(x) * 2, fc=fc), x)
    assert len(graphs) == 1
    assert names(recorder) == ["Lambda", "*"]


def test_trap_40_calls_come_in_the_order_of_execution_whatever_the_order_of_registration() -> None:
    model = Lambda(lambda self, x: self.first(self.second(x)), first=nn.Tanh(), second=nn.ReLU(), unused=nn.GELU())
    assert names(recorded(model, x))[1:] == ["ReLU", "Tanh"]
