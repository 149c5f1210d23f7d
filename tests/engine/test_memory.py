"""Memory of what a run makes, against arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.forward.dispatch import Dispatching
from inspector.engine.forward.fake_mode import ShapesOnly
from inspector.engine.forward.memory import LiveBytes, fits
from inspector.engine.free_memory import free_memory

KILOBYTE = 1024
"""Of 256 numbers of four bytes: the tensors here are of that size."""


def measured(function: Callable[..., Any], *args: Tensor, fake: bool = False) -> tuple[int, int]:
    """Most bytes at one time, and bytes at the end, while the result is held."""
    live = LiveBytes()
    if fake:
        shapes = ShapesOnly(live)
        args = tuple(map(shapes.fake, args))
        with shapes:
            out = function(*args)
    else:
        with Dispatching(live):
            out = function(*args)
    result = live.peak, live.now
    del out
    return result


@pytest.mark.parametrize("fake", [False, True])
def test_a_chain_without_gradients_holds_two_activations_and_ends_with_one(fake: bool) -> None:
    model = nn.Sequential(*(nn.Linear(16, 16) for _ in range(10)))
    with torch.no_grad():
        assert measured(model, torch.randn(16, 16), fake=fake) == (2 * KILOBYTE, KILOBYTE)


@pytest.mark.parametrize("fake", [False, True])
def test_a_chain_with_gradients_holds_every_activation(fake: bool) -> None:
    model = nn.Sequential(*(nn.Linear(16, 16) for _ in range(10)))
    assert measured(model, torch.randn(16, 16), fake=fake) == (10 * KILOBYTE, 10 * KILOBYTE)


def test_a_hundred_wide_layers_take_four_gigabytes_to_train_and_none_to_ask() -> None:
    with torch.device("meta"):
        model = nn.Sequential(*(nn.Linear(1024, 1024) for _ in range(100)))
        x = torch.empty(10_240, 1024)
    one = 10_240 * 1024 * 4
    assert measured(model, x, fake=True) == (100 * one, 100 * one)
    assert 100 * one == 4_194_304_000
    with torch.no_grad():
        assert measured(model, x, fake=True) == (2 * one, one)


@pytest.mark.parametrize("fake", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.view(-1)[3:].reshape(-1, 1).mT.expand(4, -1),
        lambda x: x.relu_().mul_(2).t(),
        lambda x: x.split(2),
        lambda x: x[None].squeeze(0).detach(),
    ],
)
def test_views_and_what_is_done_in_place_add_nothing(function: Callable[[Tensor], Any], fake: bool) -> None:
    assert measured(function, torch.randn(16, 16), fake=fake) == (0, 0)
    assert measured(lambda x: function(x + 1), torch.randn(16, 16), fake=fake) == (KILOBYTE, KILOBYTE)


@pytest.mark.parametrize("fake", [False, True])
def test_a_product_that_is_only_shown_in_another_shape_counts_once(fake: bool) -> None:
    layer = nn.Linear(16, 16, bias=False)
    with torch.no_grad():
        for _ in range(2):  # The second time from memory.
            assert measured(layer, torch.randn(4, 4, 16), fake=fake) == (KILOBYTE, KILOBYTE)


def test_the_model_and_its_inputs_count_for_nothing() -> None:
    model = nn.BatchNorm1d(16).eval()
    with torch.no_grad():
        assert measured(lambda x: (x, model.weight, model.running_mean), torch.randn(16, 16)) == (0, 0)


@pytest.mark.parametrize("fake", [False, True])
def test_a_view_keeps_the_whole_storage_alive(fake: bool) -> None:
    assert measured(lambda x: (x + 1)[:1], torch.randn(16, 16), fake=fake) == (KILOBYTE, KILOBYTE)


def test_a_result_that_grows_in_place_counts_with_what_it_grew_to() -> None:
    def grow(x: Tensor) -> Tensor:
        out = torch.empty(1)
        return out.resize_(16, 16)

    assert measured(grow, torch.randn(1)) == (KILOBYTE, KILOBYTE)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_sparse_and_nested_tensors_are_left_out_without_an_error() -> None:
    def forward(x: Tensor) -> Any:
        return x.to_sparse(), torch.nested.nested_tensor([x, x[:2]])

    measured(forward, torch.randn(4, 4))


def test_what_is_free_fits_and_what_is_more_does_not() -> None:
    assert fits(1)
    assert not fits(free_memory(torch.device("cpu")) * 2)
    assert fits(1 << 60, "meta") is None
