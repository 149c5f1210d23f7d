"""A model that is there, run dry and for real as a session runs it: what was told, and what it is afterwards."""

from __future__ import annotations

import gc
from typing import Any

import msgspec
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from inspector.engine.forward.fake_mode import prepare
from inspector.engine.in_process import _built
from inspector.engine.inputs.taken import taken
from inspector.engine.session import Session
from inspector.messages import CallsDescribed, EngineEvent, Failed, Run, RunFinished, RunTraced, StructureFinished
from inspector.run_schema import CallRecord, RunRecord
from tests.engine import bits


class Odd:
    """One model and its inputs; without any, those that are guessed."""

    def __init__(self, model: nn.Module, *args: Any, **kwargs: Any) -> None:
        prepare()
        self.model, self.events = model, list[EngineEvent]()
        self._before, self._around, self._fakes = bits.of(model), bits.of_process(), fakes()
        self._session = Session(self.events.append)
        self._session.take(_built(model), taken(model, args, kwargs) if args or kwargs else None)
        while self._session.busy:
            self._session.step()
        (finished,) = [event for event in self.events if isinstance(event, StructureFinished)]
        assert finished.changed == ()
        self.calls: list[CallRecord] = []
        self.memory: list[int] = []
        self.flops: list[int] = []

    def run(self, dry: bool = False, **options: Any) -> RunRecord:
        """A run, which must leave everything as it was, and nothing fake behind."""
        self.events.clear()
        self._session.answer(Run(dry=dry, **options))
        assert [event.failure.message for event in self.events if isinstance(event, Failed)] == []
        (record,) = [event.run for event in self.events if isinstance(event, RunFinished)]
        (trace,) = [event.trace for event in self.events if isinstance(event, RunTraced)]
        chunks = [event for event in self.events if isinstance(event, CallsDescribed)]
        self.calls = [
            call for chunk in chunks for call in msgspec.msgpack.decode(chunk.calls, type=tuple[CallRecord, ...])
        ]
        self.memory = memoryview(trace.memory).cast("Q").tolist()
        self.flops = memoryview(trace.flops).cast("Q").tolist()
        assert record.changed == ()
        assert (bits.of(self.model), bits.of_process()) == (self._before, self._around)
        assert fakes() == self._fakes
        return record

    def shown(self) -> list[Any]:
        """Of every call of the last run, what a dry run and a real one must tell alike."""
        return [
            (
                [(seen.path, seen.shape, seen.dtype, seen.text, seen.strides, seen.maker) for seen in values],
                call.notes,
                held,
                flops,
            )
            for call, held, flops in zip(self.calls, self.memory, self.flops, strict=True)
            for values in (call.inputs, call.outputs)
        ]

    def agree(self) -> tuple[RunRecord, RunRecord]:
        """A real run and a dry one, which tell the same of every call."""
        real = self.run()
        shown = self.shown()
        dry = self.run(dry=True)
        assert (real.ok, dry.ok) == (True, True), (real.failure, dry.failure)
        assert self.shown() == shown
        assert (dry.flops, dry.uncounted, dry.peak_bytes) == (real.flops, real.uncounted, real.peak_bytes)
        return real, dry


def fakes() -> int:
    """How many tensors without values there are."""
    gc.collect()
    return sum(type(thing) is FakeTensor for thing in gc.get_objects())


def linear(size: int = 4) -> nn.Linear:
    """A layer whose weights are the same every time."""
    torch.default_generator.manual_seed(0)
    return nn.Linear(size, size)
