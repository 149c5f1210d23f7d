"""A model that ran is left bit for bit as it was found, whatever its forward did and however it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from inspector.engine.guard import Guard
from tests.engine import bits
from tests.engine.hostile_models import MAKERS, HalfwayError
from tests.process_state import put_back


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


def run(model: nn.Module) -> None:
    try:
        model(torch.randn(3, 4, dtype=torch.float32))
    except HalfwayError:
        pass


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("mode", [True, False])
def test_a_hostile_model_is_put_back_bit_for_bit(make: Callable[[], nn.Module], mode: bool) -> None:
    model = make()
    model.train(mode)
    before, process = bits.of(model), bits.of_process()
    guard = Guard(model, values=True)
    assert (bits.of(model), bits.of_process()) == (before, process)
    for _ in range(3):
        run(model)
        guard.restore()
        assert bits.of_process() == process
    proof, lost = guard.check()
    assert lost == ()
    assert proof.startswith("left as found: ")
    assert bits.of(model) == before
