"""What the real engine tells about a model, recorded in this process and replayed to a window."""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path
from typing import Any

import msgspec

import inspector
from inspector.engine.session import Session
from inspector.messages import EngineEvent, Load, ModesCompared, Request, RunFinished, RunTraced, TensorMeasured
from inspector.run_schema import RunRecord, Trace
from tests.fake_engine import FakeEngine, Hear

ROOT = Path(inspector.__file__).parents[1]
SAMPLES = ROOT / "sample_models"
HOME = "/home/me/nn-inspect"
"""Stands for the folder of the project, wherever that is."""


def record(session_events: list[EngineEvent], session: Session, request: Request) -> list[EngineEvent]:
    """Answer one request to its end; what was told."""
    session_events.clear()
    session.answer(request)
    while session.busy:
        session.step()
    return [_anywhere(event) for event in session_events]


def _anywhere(event: EngineEvent) -> EngineEvent:
    """The event as it would be told in any folder, at any speed."""
    match event:
        case TensorMeasured():
            event = msgspec.structs.replace(event, seconds=0.001)
        case RunTraced(trace=trace):
            event = RunTraced(_timed(trace))
        case RunFinished(run=run):
            event = RunFinished(msgspec.structs.replace(run, seconds=_whole(run), spread=0.0, repeats=7))
        case ModesCompared(comparison=comparison):
            event = ModesCompared(msgspec.structs.replace(comparison, seconds=0.1))
    return msgspec.convert(_moved(msgspec.to_builtins(event, builtin_types=(bytes,))), type(event))


def _moved(value: Any) -> Any:
    """The value with the project in another folder."""
    if isinstance(value, str):
        return value.replace(str(ROOT), HOME)
    if isinstance(value, dict):
        return {key: _moved(held) for key, held in value.items()}
    return [_moved(held) for held in value] if isinstance(value, list | tuple) else value


def _timed(trace: Trace) -> Trace:
    """Times that are the same on every machine: 20 µs for each call, and 10 GFLOP/s."""
    sizes, flops = memoryview(trace.size).cast("I"), memoryview(trace.flops).cast("Q")
    timed = [time == time for time in memoryview(trace.seconds).cast("d")]
    seconds = [sizes[at] * 2e-5 + flops[at] * 1e-10 if timed[at] else math.nan for at in range(trace.count)]
    spread = [0.0 if known else math.nan for known in timed]
    packed = {"seconds": array("d", seconds).tobytes(), "spread": array("d", spread).tobytes()}
    return msgspec.structs.replace(trace, **packed)


def _whole(run: RunRecord) -> float:
    """Of the whole run, by the same rule."""
    return (run.calls + run.operations) * 2e-5 + run.flops * 1e-10 if run.ok else 0.0


class RecordedEngine(FakeEngine):
    """Answers as the real engine does, from this process."""

    def __init__(self, hear: Hear, target: Path | str) -> None:
        self._told: list[EngineEvent] = []
        self._session = Session(self._told.append)
        before = os.getcwd()
        os.chdir(SAMPLES)
        try:
            events = record(self._told, self._session, Load(str(target)))
        finally:
            os.chdir(before)
        super().__init__(hear, [list(events)])

    def send(self, request: Request, engine: int) -> bool:
        self.asked.append(request)
        self.tell(engine, record(self._told, self._session, request))
        return True
