"""What the real engine tells about a model, recorded in this process and replayed to a window."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

import inspector
from inspector.engine.session import Session
from inspector.messages import EngineEvent, Load, Request, TensorMeasured
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
    if isinstance(event, TensorMeasured):
        event = msgspec.structs.replace(event, seconds=0.001)
    packed = msgspec.json.encode(event).replace(str(ROOT).encode(), HOME.encode())
    return msgspec.json.decode(packed, type=type(event))


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
