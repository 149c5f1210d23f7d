"""What one process prints on one of its descriptors, as Printed events."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from inspector.messages import Printed
from inspector.streams import Pipe, Throttle

if TYPE_CHECKING:  # The client is there before asyncio is.
    import asyncio

TAIL_BYTES = 8192
"""How much of what was printed last is kept for the story of a death."""


class Output:
    """Tells of what arrives in one pipe, as text; of a flood it tells some, and how much was lost."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, descriptor: int, stream: str, tell: Callable[[Printed], None]
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._tell = tell
        self._throttle = Throttle()
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._tail = b""
        self._later: asyncio.TimerHandle | None = None
        self._pipe = Pipe(loop, descriptor, self._take)

    @property
    def tail(self) -> str:
        """The last that was printed, whether it was told or not."""
        return self._tail.decode("utf-8", "backslashreplace")

    def read(self) -> None:
        """Tell of what was printed until now."""
        self._pipe.read()

    def drain(self) -> None:
        """Tell of all that is left, however much it is."""
        self._pipe.drain()
        self._print(self._throttle.rest())

    def close(self) -> None:
        self._pipe.close()
        if self._later is not None:
            self._later.cancel()

    def _take(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        self._print(self._throttle.offer(data, monotonic()))

    def _release(self) -> None:
        self._later = None
        self._print(self._throttle.release(monotonic()))

    def _print(self, piece: tuple[bytes, int] | None) -> None:
        if piece is not None:
            data, dropped = piece
            if dropped:
                self._decoder.reset()
            if text := self._decoder.decode(data):
                self._tell(Printed(self._stream, text, dropped))
        elif self._later is None and (delay := self._throttle.delay()):
            self._later = self._loop.call_later(delay, self._release)
