"""Models with torch.compile in them: what is compiled is held back, so that a run can be looked into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.forward.compiling import HELD_BACK
from inspector.engine.in_process import _built
from inspector.engine.inputs.taken import taken
from inspector.engine.session import Session
from inspector.messages import Run, RunFinished
from tests.engine.odd_runs import Odd, linear

x = torch.ones(3, 4)
compiled: list[Any] = []
"""Graphs that were compiled."""


def backend(graph: Any, _: Any) -> Any:
    compiled.append(graph)
    return graph.forward


@pytest.fixture(autouse=True)
def _forget() -> None:
    compiled.clear()
    torch._dynamo.reset()


def whole() -> nn.Module:
    model: Any = torch.compile(nn.Sequential(linear(), nn.ReLU()), backend=backend)
    return model  # type: ignore[no-any-return]


def part() -> nn.Module:
    return nn.Sequential(linear(), whole())


def in_place() -> nn.Module:
    model = nn.Sequential(linear(), nn.ReLU())
    model.compile(backend=backend)
    return model


def decorated() -> nn.Module:
    class Decorated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = linear()

        @torch.compile(backend=backend)
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc(x).relu()
            return out

    return Decorated()


@pytest.mark.parametrize("make", [whole, part, in_place, decorated])
def test_what_is_to_be_compiled_runs_as_it_was_written(make: Callable[[], nn.Module]) -> None:
    odd = Odd(make(), x)
    for record in odd.agree():
        assert HELD_BACK in record.notes
        assert "forward calls other modules from pass to pass: times are those of one pass" not in record.notes
    assert compiled == []
    fc = next(call for call in odd.calls if call.inputs[0].path == "input" and call.outputs[0].maker > 0)
    assert fc.outputs[0].shape == (3, 4)


def test_every_module_in_a_compiled_model_has_its_call() -> None:
    model = part()
    odd = Odd(model, x)
    record = odd.run()
    assert record.calls == sum(1 for _ in model.modules())
    assert record.flops == 2 * (2 * 3 * 4 * 4)


def test_a_compiled_function_in_a_forward_is_seen_as_it_was_written() -> None:
    function = torch.compile(lambda x, weight: (x @ weight).relu(), backend=backend)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = linear()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = function(self.fc(x), self.fc.weight)
            return out

    odd = Odd(Net(), x)
    odd.agree()
    assert [call.outputs[0].shape for call in odd.calls] == [(3, 4)] * 4
    assert compiled == []


def test_inputs_are_guessed_without_compiling() -> None:
    odd = Odd(decorated())
    assert odd.run().inputs.arguments[0].values[0].shape == (2, 4)
    assert compiled == []


def test_a_run_at_which_nobody_looks_is_compiled() -> None:
    model = decorated()
    events: list[Any] = []
    session = Session(events.append)
    session.take(_built(model), taken(model, (x,), {}))
    session.answer(Run(untouched=True))
    assert len(compiled) == 1
    (record,) = [event.run for event in events if isinstance(event, RunFinished)]
    assert record.outputs[0].shape == (3, 4)
