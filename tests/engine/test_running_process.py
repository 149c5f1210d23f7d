"""Runs in the real engine: told over the wire, ended by a signal, and nothing else ended with them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from inspector.messages import (
    CallsDescribed,
    Failed,
    InputsChosen,
    Printed,
    Run,
    RunCancelled,
    RunFinished,
    RunTraced,
    StructureFinished,
)
from tests.real_client import Client, listening, model

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="watches processes by pidfd"),
]

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x)

example_inputs = torch.ones(2, 4)
"""
ENDLESS = """
import time
import torch
from torch import nn

class Step(nn.Module):
    def forward(self, x):
        time.sleep(0.001)
        return x

class Endless(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = Step()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        print("running")
        while True:
            self.count += 1
            try:
                self.step(x)
            except Exception:
                pass

example_inputs = torch.ones(2)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    client = listening()
    yield client
    client.close()


async def loaded(client: Client, folder: Path, source: str) -> int:
    engine = client.open(model(folder, source))
    await client.ear.first(engine, StructureFinished)
    return engine


async def test_a_run_is_told_over_the_wire(client: Client, tmp_path: Path) -> None:
    engine = await loaded(client, tmp_path, NET)
    client.send(Run())
    finished = await client.ear.first(engine, RunFinished)
    assert (finished.run.ok, finished.run.flops, finished.run.changed) == (True, 2 * 2 * 4 * 2, ())
    (traced,) = client.ear.of(engine, RunTraced)
    (described,) = client.ear.of(engine, CallsDescribed)
    assert traced.trace.count == described.count == 2
    assert client.ear.of(engine, InputsChosen)[0].inputs.origin == "file"


async def test_a_signal_ends_a_run_that_never_ends_and_the_engine_goes_on(client: Client, tmp_path: Path) -> None:
    engine = await loaded(client, tmp_path, ENDLESS)
    client.send(Run(operations=False, statistics=False))
    await client.ear.first(engine, Printed)
    assert client.interrupt(engine)
    cancelled = await client.ear.first(engine, RunCancelled)
    assert cancelled.guard.startswith("left as found")
    assert cancelled.changed == ()
    assert not client.ear.of(engine, RunTraced)
    assert client.interrupt(engine)  # between runs it does nothing
    client.send(Run(inputs=("y=2x3",)))
    failed = await client.ear.first(engine, Failed)
    assert failed.failure.stage == "inputs"
