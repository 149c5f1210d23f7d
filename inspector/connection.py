"""What the front end holds of one engine: its wire, its pipes, and what was heard of it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector import crash, death
from inspector.messages import (
    INTERRUPT,
    LOCATE,
    DescribeModule,
    EngineDied,
    EngineEvent,
    EngineStarted,
    Event,
    Failed,
    MeasureTensor,
    ModelBuilt,
    Request,
    RowsDescribed,
    StageStarted,
    StillRunning,
    StructureFinished,
    StructureOutlined,
)
from inspector.output import Output
from inspector.schema import Failure
from inspector.streams import Conversation, Pipe
from inspector.wire import pack

if TYPE_CHECKING:  # The client is there before asyncio is.
    import asyncio

REPORT_BYTES = 64 * 1024
REPORT_QUIET_SECONDS = 0.02
"""A report of where the engine is arrives line by line; after so long a silence it is whole."""

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class EngineConnection:
    """The front end's side of one engine."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[Event], None]) -> None:
        """`tell` hears everything that this engine says, prints or is found doing."""
        self._loop = loop
        self._tell = tell
        self.built = False
        """Whether there is a model in it."""
        self._preview = False
        self._started: EngineStarted | None = None
        self._foreign = crash.Foreign()
        self._stage: StageStarted | None = None
        self._report = b""
        self._quiet: asyncio.TimerHandle | None = None
        ours, theirs = socket.socketpair()
        stdout, stderr, report = os.pipe(), os.pipe(), os.pipe()
        self.descriptors = (theirs.detach(), stdout[1], stderr[1], report[1])
        """The engine's ends, in the order of ForkEngine: to be sent, and then closed."""
        # A hung engine reports every few seconds; it must not wait for a reader that is suspended.
        os.set_blocking(report[1], False)
        self._wire: Conversation[EngineEvent] = Conversation(loop, ours, EngineEvent, self._hear, self._hung_up)
        self._stdout = Output(loop, stdout[0], "stdout", tell)
        self._stderr = Output(loop, stderr[0], "stderr", tell)
        self._crash = Pipe(loop, report[0], self._take_report)

    @property
    def pid(self) -> int | None:
        """Its process, and the group that it leads; None until it has said that it started."""
        return self._started.pid if self._started else None

    def send(self, request: Request) -> bool:
        """Ask something; not, and False, about the rows of a preview, which have other numbers in the whole."""
        if self._preview and isinstance(request, (DescribeModule, MeasureTensor)):
            return False
        self._wire.send(pack(request))
        return True

    def locate(self) -> bool:
        """Ask for the line that it is in: StillRunning answers, even when the engine hangs. False before it started."""
        return self._signal(LOCATE)

    def interrupt(self) -> bool:
        """End the run that goes on, and nothing else: RunCancelled answers. False before it started."""
        return self._signal(INTERRUPT)

    def drain(self) -> None:
        """Tell of everything that it said and printed until now."""
        for end in (self._stdout, self._stderr, self._crash, self._wire):
            end.drain()

    def died(self, status: int, out_of_memory: bool) -> None:
        """Tell of its last words and of its death, which nobody had asked for."""
        self.drain()
        stage = self._stage.what if self._stage else ""
        end = death.End(status, out_of_memory, stage, self._report.decode("ascii", "replace"), self._stderr.tail)
        self._tell(EngineDied(death.failure(end, self._foreign)))

    def close(self) -> None:
        """Let go of all its descriptors; nothing is told any more."""
        for end in (self._wire, self._crash, self._stdout, self._stderr):
            end.close()
        if self._quiet is not None:
            self._quiet.cancel()

    def _signal(self, what: signal.Signals) -> bool:
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, what)
        except ProcessLookupError:
            return False  # It has just ended, and the server is about to say so.
        return True

    def _hear(self, event: EngineEvent) -> None:
        match event:
            case EngineStarted(foreign=foreign):
                self._started = event
                self._foreign = crash.Foreign(foreign)
            case StageStarted():
                self._stage = event
            case ModelBuilt():
                self.built = True
            case StructureOutlined(preview=preview):
                self._preview = preview
            case Failed() | StructureFinished():
                self._stage = None
                self._stdout.drain()
                self._stderr.drain()
        if not isinstance(event, RowsDescribed):  # What was printed before it is told before it.
            self._stdout.read()
            self._stderr.read()
        self._tell(event)

    def _hung_up(self, trouble: str) -> None:
        """At a mere end the server will say how the engine ended."""
        if trouble:
            message = f"the engine's messages cannot be read: {trouble}"
            self._tell(EngineDied(Failure(stage="engine", type="WireError", message=message)))

    # --- where it is --------------------------------------------------------------------------------------------------

    def _take_report(self, data: bytes) -> None:
        self._report = (self._report + data)[-REPORT_BYTES:]
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = self._loop.call_later(REPORT_QUIET_SECONDS, self._tell_where)

    def _tell_where(self) -> None:
        report = self._report.decode("ascii", "replace")
        if self._started is None or crash.crash_text(report):
            return
        self._report = b""
        steps = crash.stack(report, self._started.main_thread)
        step = crash.own(steps, self._foreign)
        if step is None and self._stage is not None and self._stage.user_code:
            # A model out of an installed package: its lines are all there are.
            step = next((step for step in steps if not step.file.startswith(("<", _HERE))), None)
        if step is not None:
            self._tell(StillRunning(step.function, crash.source(step)))
