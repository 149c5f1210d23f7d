"""A run while it goes on: told a few times a second, and ended when somebody asks for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from inspector.engine.forward.calls import Call
from inspector.messages import RunProgressed

FIRST_SECONDS = 0.3
"""How long a run goes on before it is told of."""
EVERY_SECONDS = 0.25


class Cancelled(BaseException):
    """Somebody asked for the end of the run."""


class Interruption:
    """Whether somebody has asked for the end of the run that goes on.

    The signal's handler raises only while the user's forward runs: what puts the model back must not be cut short. And
    a forward that catches everything is asked again at its next call of a module.
    """

    def __init__(self) -> None:
        self.asked = False
        self._running = self._in_forward = False

    def ask(self) -> None:
        """End the run that goes on; nothing happens when there is none. For the handler of a signal."""
        if self._running:
            self.asked = True
            if self._in_forward:
                raise Cancelled

    def check(self) -> None:
        """Raise when the end was asked for."""
        if self.asked:
            raise Cancelled

    @contextmanager
    def run(self) -> Iterator[None]:
        """A run goes on."""
        self._running, self.asked = True, False
        try:
            yield
        finally:
            self._running = self._in_forward = self.asked = False

    @contextmanager
    def forward(self) -> Iterator[None]:
        """The user's forward runs."""
        self.check()
        try:
            self._in_forward = True
            yield
        finally:
            self._in_forward = False
        self.check()


interruption = Interruption()
"""That of this process: there is one main thread, and one run at a time."""


class Progress:
    """Counts the calls of modules, and tells of them now and then."""

    def __init__(self, send: Callable[[RunProgressed], None], expected: int) -> None:
        self._send = send
        self._expected = expected
        self._calls = 0
        self._next = perf_counter() + FIRST_SECONDS

    def __call__(self, call: Call) -> None:
        """A call of a module begins."""
        self.at(call.row)

    def at(self, row: int) -> None:
        """A call of the module of a row begins."""
        interruption.check()
        self._calls += 1
        now = perf_counter()
        if now >= self._next:
            self._next = now + EVERY_SECONDS
            self._send(RunProgressed(row, self._calls, self._expected))
