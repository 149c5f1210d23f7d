"""The front end's way to the engines: starts them, asks them, hears them, and ends them; it never waits for one.

    server = start_server(terminal=2)               # first of all, before anything heavy is imported
    client = EngineClient(server, on_event)         # once there is an event loop
    engine = client.load(Load("model.py"))          # on_event(engine, event) from now on

A reload is another `load`: the engine before it lives, and answers, until `keep` or `drop` says otherwise.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, TextIO

import msgspec

from inspector import death
from inspector.connection import EngineConnection
from inspector.journal import Journal
from inspector.launch import Server, start_server
from inspector.messages import (
    EngineDied,
    EngineEnded,
    Event,
    Failed,
    Farewell,
    ForkEngine,
    KillEngine,
    Load,
    Request,
    ServerEvent,
    ServerRequest,
    TorchImported,
    TorchMissing,
)
from inspector.output import Output
from inspector.streams import Conversation
from inspector.wire import pack

if TYPE_CHECKING:  # The client is there before asyncio is.
    import asyncio

__all__ = ["SERVER", "EngineClient", "Server", "start_server"]

SERVER = 0
"""Stands where an engine's number does, for what is heard of the warm server itself."""

FAREWELL_SECONDS = 0.25


class EngineClient:
    """Everything that a front end does with engines; `on_event(engine, event)` hears all that comes of it.

    Engines are numbered from 1 in the order of their loads; one whose load fails is ended at once. Where a method takes
    an engine and is given none, it is the newest. Every method returns at once; none is to be called from another
    thread than the loop's.
    """

    def __init__(
        self,
        server: Server,
        on_event: Callable[[int, Event], None],
        loop: asyncio.AbstractEventLoop | None = None,
        log: TextIO | None = None,
    ) -> None:
        """Without a loop the running one is taken. `log` gets every message, both ways, as lines of JSON."""
        if loop is None:
            import asyncio

            loop = asyncio.get_running_loop()
        self._loop = loop
        self._on_event = on_event
        self._journal = Journal(log) if log is not None else None
        self._engines: dict[int, EngineConnection] = {}
        self._count = 0
        self._closed = False
        self._meet(server)

    def _meet(self, server: Server) -> None:
        self.server = server
        self._warm = self._missing = False
        self._control: Conversation[ServerEvent] = Conversation(
            self._loop, server.control, ServerEvent, self._hear_server, self._server_left
        )
        tell = partial(self._tell, SERVER)
        self._outputs = [
            Output(self._loop, server.stdout, "stdout", tell),
            Output(self._loop, server.stderr, "stderr", tell),
        ]

    # --- what a front end asks for ----------------------------------------------------------------------------------

    @property
    def engines(self) -> tuple[int, ...]:
        """The engines that are alive, or still to be forked, oldest first."""
        return tuple(self._engines)

    def load(self, request: Load) -> int:
        """Load a model in an engine of its own and give its number; engines before it stay."""
        if self._control.closed:
            self._meet(self.server.start_again())
        self._count += 1
        number = self._count
        connection = EngineConnection(self._loop, partial(self._tell, number))
        self._engines[number] = connection
        self._order(ForkEngine(number), connection.descriptors)
        self.send(request, number)
        return number

    def send(self, request: Request, engine: int | None = None) -> bool:
        """Ask an engine for something; False when no answer will come.

        That is so when it is gone, and for the rows of a preview, because they have other numbers in the whole: these
        are to be asked about when the whole is there.
        """
        number = self._newest(engine)
        if number is None or not self._engines[number].send(request):
            return False
        self._write_down("sent", number, request)
        return True

    def locate(self, engine: int | None = None) -> bool:
        """Ask which line of the user's code an engine is in: StillRunning answers, unless it is in none.

        False when there is no engine to ask, or not yet.
        """
        number = self._newest(engine)
        return number is not None and self._engines[number].locate()

    def interrupt(self, engine: int | None = None) -> bool:
        """End the run that an engine is in, and leave the engine and its model: RunCancelled answers, if there is one.

        False when there is no engine to interrupt, or not yet.
        """
        number = self._newest(engine)
        return number is not None and self._engines[number].interrupt()

    def keep(self, engine: int) -> None:
        """End all engines but this one, as when a reload has built its model."""
        for other in self.engines:
            if other != engine:
                self.drop(other)

    def drop(self, engine: int) -> None:
        """End an engine and everything it started, whatever it is doing; nothing is heard of it any more."""
        if (connection := self._engines.pop(engine, None)) is not None:
            self._order(KillEngine(engine))
            connection.close()

    def cancel(self) -> None:
        """End the newest engine: the one that is loading, if one is."""
        if (number := self._newest(None)) is not None:
            self.drop(number)

    def drain(self, engine: int | None = None) -> None:
        """Hear everything now that an engine has said and printed until now."""
        if (number := self._newest(engine)) is not None:
            self._engines[number].drain()

    def close(self) -> None:
        """End everything; takes a quarter of a second at most, even if the server hangs."""
        if self._closed:
            return
        self._closed = True
        if not self._control.closed:
            self._order(Farewell())
            self._end_server(orderly=self._warm and self._see_off())

    # --- what is heard ----------------------------------------------------------------------------------------------

    def _hear_server(self, event: ServerEvent) -> None:
        match event:
            case EngineEnded(engine=number, status=status, out_of_memory=out_of_memory):
                self._write_down("heard", number, event)
                if (connection := self._engines.get(number)) is not None:
                    connection.died(status, out_of_memory)
                return
            case TorchImported():
                self._warm = True
            case TorchMissing():
                self._missing = True
        self._tell(getattr(event, "engine", SERVER), event)

    def _tell(self, engine: int, event: Event) -> None:
        self._write_down("heard", engine, event)
        if isinstance(event, EngineDied) or (isinstance(event, Failed) and not self._engines[engine].built):
            self.drop(engine)  # There is nothing that it could still be asked.
        self._on_event(engine, event)

    def _server_left(self, trouble: str) -> None:
        """The warm server is gone without having been asked to leave, and its engines with it."""
        for output in self._outputs:
            output.drain()
        for connection in self._engines.values():
            connection.drain()
        importing = not self._warm
        lost = list(self._engines)
        status = self._end_server(orderly=self._missing)
        if self._missing:
            return  # It has said what there was to say.
        failure = death.server_failure(status, self._outputs[1].tail + trouble, importing)
        if importing:
            self._tell(SERVER, TorchMissing(failure))
        for number in [] if importing else lost or [SERVER]:
            self._tell(number, EngineDied(failure))

    def _see_off(self) -> bool:
        """Wait a little for the server to leave; says whether it did."""
        control = self.server.control
        deadline = monotonic() + FAREWELL_SECONDS
        try:
            while (left := deadline - monotonic()) > 0 and select.select([control], [], [], left)[0]:
                if not control.recv(65536):
                    return True
        except ConnectionResetError:
            return True
        return False

    def _end_server(self, orderly: bool) -> int:
        """Leave nothing behind of the server and its engines; gives the server's exit status."""
        pids = [connection.pid for connection in self._engines.values() if connection.pid is not None]
        for connection in self._engines.values():
            connection.close()
        for output in self._outputs:
            output.close()
        self._control.close()
        self._engines.clear()
        if not orderly:
            for pid in pids:
                _kill_group(pid)
            self.server.process.kill()
        return self.server.process.wait()

    # --- small things -----------------------------------------------------------------------------------------------

    def _newest(self, engine: int | None) -> int | None:
        if engine is None:
            return next(reversed(self._engines), None)
        return engine if engine in self._engines else None

    def _order(self, request: ServerRequest, descriptors: tuple[int, ...] = ()) -> None:
        self._write_down("sent", getattr(request, "engine", SERVER), request)
        self._control.send(pack(request), descriptors)

    def _write_down(self, way: str, engine: int, message: msgspec.Struct) -> None:
        if self._journal is not None:
            self._journal.write(way, engine, message)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # Nobody is left in it; on macOS a group of zombies answers with the second.
