"""Dry runs of forwards that use the odder parts of torch: what has a shape is shown, the rest stops and never fails."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._higher_order_ops import while_loop
from torch.nn.utils.rnn import pack_padded_sequence

from inspector.engine.forward.calls import Call
from inspector.run_schema import CallKind
from tests.engine.test_dry import real, run


class Holding(nn.Module):
    """A layer, and a forward that a test gives."""

    def __init__(self, forward: Callable[..., Any], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = layer if layer is not None else nn.Linear(4, 4)
        self._does = forward

    def forward(self, x: Tensor) -> Any:
        return self._does(self.layer, x)


def flowed(calls: list[Call]) -> list[Any]:
    """What went into every module and came out of it."""
    return [
        [(seen.path, seen.shape, seen.dtype, seen.text) for seen in (*call.inputs, *call.outputs)]
        for call in calls
        if call.kind == CallKind.MODULE
    ]


def test_attention_that_is_asked_for_no_weights_gives_none() -> None:
    model = Holding(lambda layer, x: layer(x, x, x, need_weights=False), nn.MultiheadAttention(8, 2, batch_first=True))
    x = torch.randn(2, 5, 8)
    result = run(model, x)
    assert result.calls[1].outputs[1].text == "None"
    assert flowed(result.calls) == flowed(real(model, x))


def test_attention_that_is_asked_for_weights_gives_them() -> None:
    model = Holding(lambda layer, x: layer(x, x, x), nn.MultiheadAttention(8, 2, batch_first=True))
    result = run(model, torch.randn(2, 5, 8))
    assert [seen.shape for seen in result.calls[1].outputs] == [(2, 5, 8), (2, 5, 5)]


def test_a_choice_between_two_functions_has_the_shape_of_both() -> None:
    model = Holding(lambda layer, x: torch.cond(x.sum() > 0, layer, lambda x: x - 1, (x,)))
    result = run(model, torch.randn(3, 4))
    assert (result.error, result.stopped) == (None, False)
    assert result.calls[0].outputs[0].shape == (3, 4)


looped: Any = while_loop
traced: Any = torch.jit.trace


def looping(layer: nn.Module, x: Tensor) -> Any:
    return looped(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (torch.tensor(0), x))


@pytest.mark.parametrize(
    "forward",
    [
        lambda layer, x: x.untyped_storage()[0],
        lambda layer, x: pickle.dumps(x),
        lambda layer, x: traced(layer, x)(x),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_torch_cannot_do_without_values_is_no_failure_of_the_model(forward: Callable[..., Any]) -> None:
    result = run(Holding(forward), torch.randn(3, 4))
    assert (result.error, result.halt, result.stopped) == (None, None, True)
    assert "test_dry_of_torch.py:" in result.notes[-1]
    assert result.notes[-1].endswith(": only a real run can tell")


@pytest.mark.filterwarnings("ignore")
def test_a_loop_that_torch_runs_by_values_is_no_failure_of_the_model() -> None:
    result = run(Holding(looping), torch.randn(3, 4))
    assert (result.error, result.halt) == (None, None)
    if result.stopped:
        assert result.notes[-1].endswith(": only a real run can tell")
    else:  # torch 2.4 runs it step by step, and how often follows from what is known.
        assert [seen.shape for seen in result.calls[0].outputs] == [(), (3, 4)]


def test_what_forward_raises_is_its_own_also_when_it_prints_a_tensor() -> None:
    def forward(layer: nn.Module, x: Tensor) -> Tensor:
        raise ValueError(f"four axes are wanted, this is {x}")

    result = run(Holding(forward), torch.randn(3, 4))
    assert str(result.error).startswith("four axes are wanted, this is FakeTensor")
    assert not result.stopped


def test_what_the_base_of_a_class_remembers_is_forgotten_also_by_a_run_that_stops() -> None:
    class Base(nn.Module):
        @staticmethod
        @functools.lru_cache
        def positions(count: int) -> Tensor:
            return torch.arange(count)

    class Layer(Base):
        def forward(self, x: Tensor) -> Any:
            return x + self.positions(4) + x.sum().item()

    Base.__module__, Layer.__module__ = "some_library.bases", "some_library.layers"
    assert run(Layer(), torch.randn(4)).stopped
    assert type(Base.positions(4)) is Tensor


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.LogSigmoid()])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_what_a_layer_makes_of_transposed_values_can_be_viewed_as_in_a_real_run(layer: nn.Module, mode: Any) -> None:
    model = Holding(lambda layer, x: layer(x.transpose(1, 2)).view(2, -1), layer)
    x = torch.randn(2, 7, 4)
    result = run(model, x, mode=mode)
    assert result.error is None
    assert result.calls[-1].inputs[0].strides is None
    assert [call.outputs for call in result.calls] == [call.outputs for call in real(model, x, mode=mode)]


def test_pictures_that_are_laid_out_by_channels_stay_so_in_a_norm() -> None:
    model = Holding(lambda layer, x: layer(x.permute(0, 3, 1, 2)), nn.BatchNorm2d(4))
    x = torch.randn(2, 5, 6, 4)
    result = run(model, x)
    assert result.calls[0].outputs[0].strides == (120, 1, 24, 4)
    assert [call.outputs for call in result.calls] == [call.outputs for call in real(model, x)]


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("packed", [False, True])
def test_recurrent_layers_on_meta_have_the_shapes_that_they_have_anywhere(kind: Any, packed: bool) -> None:
    def forward(layer: nn.Module, x: Tensor) -> Any:
        return layer(pack_padded_sequence(x, torch.tensor([5, 3, 2]), batch_first=True) if packed else x)

    options = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    here = run(Holding(forward, kind(4, 6, **options)), torch.randn(3, 5, 4))
    there = run(Holding(forward, kind(4, 6, **options, device="meta")), torch.randn(3, 5, 4, device="meta"))
    assert (here.error, there.error) == (None, None)
    assert flowed(there.calls) == flowed(here.calls)
    assert (there.flops, there.peak_bytes, there.training_bytes) == (here.flops, here.peak_bytes, here.training_bytes)
    assert not {"lstm", "gru", "rnn_tanh", "rnn_relu"} & set(vars(torch._VF))
