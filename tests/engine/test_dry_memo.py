"""What is remembered of an operation is what a real one gives, whatever came before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn import functional as F  # noqa: N812

from inspector.engine.forward.fake_mode import ShapesOnly, _memo
from inspector.engine.forward.memory import LiveBytes

Step = Callable[[Tensor], Tensor]

WEIGHT = torch.randn(4, 4)
STEPS: dict[str, Step] = {
    "add": lambda x: x + 1,
    "add a float": lambda x: x + 1.0,
    "multiply": lambda x: x * x,
    "relu in place": lambda x: (x + 0).relu_() if x.is_floating_point() else x,
    "write a row": lambda x: x.clone().index_fill_(0, torch.tensor([0]), 3),
    "transpose": lambda x: x.transpose(0, -1),
    "contiguous": lambda x: x.contiguous(),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x,
    "reshape": lambda x: x.reshape(-1, 4),
    "unsqueeze": lambda x: x.unsqueeze(0) if x.dim() < 5 else x,
    "slice": lambda x: x[1:] if len(x) > 1 else x,
    "step": lambda x: x[..., ::2] if x.shape[-1] > 4 else x,
    "expand": lambda x: x[:1].expand(4, *x.shape[1:]),
    "half": lambda x: x.to(torch.float16),
    "double": lambda x: x.double(),
    "whole numbers": lambda x: x.long(),
    "compare": lambda x: x > 0,
    "number": lambda x: x.float(),
    "cat": lambda x: torch.cat([x, x]),
    "stack": lambda x: torch.stack([x, x], -1) if x.dim() < 5 else x,
    "chunk": lambda x: x.chunk(2)[0],
    "unbind": lambda x: x.unbind(0)[0] if x.dim() > 1 else x,
    "sum": lambda x: x.sum(-1, keepdim=True),
    "softmax": lambda x: x.float().softmax(-1),
    "top": lambda x: x.topk(1).values,
    "sort": lambda x: x.sort(-1, descending=True).indices,
    "linear": lambda x: F.linear(x.float().reshape(-1, 4), WEIGHT),
    "linear without a bias, shown again": lambda x: x.float().reshape(1, -1, 4) @ WEIGHT,
    "layer norm": lambda x: F.layer_norm(x.float(), x.shape[-1:]),
    "where": lambda x: torch.where(x > 0, x, 0),
    "outer": lambda x: x.flatten()[:4, None] * x.flatten()[None, :4],
    "pad": lambda x: F.pad(x, (0, 4)),
    "flip": lambda x: x.flip(0),
    "permute": lambda x: x.permute(*range(x.dim() - 1, -1, -1)),
}


def layout(x: Tensor) -> tuple[Any, ...]:
    """All that a tensor without values is."""
    return tuple(x.shape), x.stride(), x.dtype, int(x.storage_offset()), x.requires_grad, x.is_leaf, x._is_view()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=8), st.booleans(), st.booleans())
def test_a_chain_of_operations_has_the_layouts_of_a_real_one(names: list[str], trained: bool, forget: bool) -> None:
    if forget:
        _memo._results.clear()
    real = torch.randn(2, 4, 2, 4, requires_grad=trained)
    expected = [layout(real)]
    x = real
    for name in names:
        x = STEPS[name](x)
        expected.append(layout(x))
    for _ in range(2):
        live = LiveBytes()
        shapes = ShapesOnly(live)
        y = shapes.fake(real)
        found = [layout(y)]
        with shapes:
            for name in names:
                y = STEPS[name](y)
                assert type(y) is FakeTensor
                found.append(layout(y))
        shapes.forget()
        assert found == expected
        held = y.untyped_storage().nbytes() if y.untyped_storage()._cdata in live._storages else 0
        assert live.now >= held


def test_equal_numbers_of_different_kinds_are_remembered_apart() -> None:
    x = torch.ones(3, dtype=torch.int64)
    for _ in range(2):
        shapes = ShapesOnly()
        large = shapes.fake(x.repeat(1000))
        with shapes:
            assert [(large + number).dtype for number in (1, 1.0, True)] == [torch.int64, torch.float32, torch.int64]
            assert (large / 2).dtype == torch.float32
            torch.set_default_dtype(torch.float64)
            try:
                assert (large / 2).dtype == torch.float64
            finally:
                torch.set_default_dtype(torch.float32)
