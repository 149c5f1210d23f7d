"""The front end's ends of sockets and pipes, driven by its event loop: no thread, no waiting, a little at a time.

Whatever comes in, a callback returns within milliseconds: a large message is put together over many of them, many small
ones are handed on in slices, and a flood of prints is read no faster than a person could care for.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic

from inspector.wire import Message, Unpacker, WireError

if TYPE_CHECKING:  # The client is there before asyncio is.
    import asyncio

READ_BYTES = 256 * 1024
SLICE_SECONDS = 0.004
"""How long one callback hands on messages before it lets others have their turn."""

PIPE_BYTES = 64 * 1024
PIPE_REST_SECONDS = 0.004
"""How long a pipe is left alone after a read: sixteen megabytes a second at most, and small prints arrive together."""

KEPT_BYTES_PER_SECOND = 1024 * 1024
"""More than this of what is printed is not kept."""


class Conversation(Generic[Message]):
    """One end of a wire: hands on the messages that arrive, sends without ever waiting."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wire: socket.socket,
        union: Any,
        hear: Callable[[Message], None],
        ended: Callable[[str], None],
    ) -> None:
        """`ended` is called once when the other side is gone, with what was wrong with its last words, if anything."""
        self._loop = loop
        self._wire = wire
        self._unpacker: Unpacker[Message] = Unpacker(union)
        self._hear = hear
        self._ended = ended
        self._messages: Iterator[Message] | None = None
        self._unsent: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self.closed = False
        wire.setblocking(False)
        loop.add_reader(wire, self._readable)

    def send(self, data: bytes, descriptors: tuple[int, ...] = ()) -> None:
        """Send some bytes, and descriptors with the first of them; the descriptors are closed on this side."""
        if self.closed:
            _close_all(descriptors)
            return
        self._unsent.append((data, descriptors))
        if len(self._unsent) == 1:
            self._write()

    def drain(self) -> None:
        """Hand on everything that has arrived, now."""
        if self._messages is not None:
            self._deliver(float("inf"))
        while not self.closed and self._receive():
            self._deliver(float("inf"))

    def close(self) -> None:
        """Let go of the wire; nothing is handed on any more."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._wire)
        self._loop.remove_writer(self._wire)
        self._wire.close()
        for _, descriptors in self._unsent:
            _close_all(descriptors)
        self._unsent.clear()

    # --- reading ----------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        if self._receive():
            self._deliver(monotonic() + SLICE_SECONDS)

    def _receive(self) -> bool:
        """Take some bytes from the wire; False when none are there, or none will be."""
        try:
            data = self._wire.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # Reset by the other side: as good as its end.
        if not data:
            self._finish("")
            return False
        self._messages = self._unpacker.feed(data)
        return True

    def _deliver(self, deadline: float) -> None:
        """Hand on messages until the deadline; what is left then waits for the loop's next turn."""
        assert self._messages is not None
        try:
            for message in self._messages:
                self._hear(message)
                if self.closed:
                    return
                if monotonic() > deadline:
                    self._loop.remove_reader(self._wire)
                    self._loop.call_soon(self._continue)
                    return
        except WireError as error:
            self._finish(str(error))

    def _continue(self) -> None:
        if not self.closed:
            self._loop.add_reader(self._wire, self._readable)
            self._deliver(monotonic() + SLICE_SECONDS)

    def _finish(self, trouble: str) -> None:
        self.close()
        self._ended(trouble)

    # --- writing ----------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        while self._unsent:
            data, descriptors = self._unsent[0]
            try:
                sent = socket.send_fds(self._wire, [data], descriptors) if descriptors else self._wire.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._wire, self._write)
                return
            except OSError:
                sent = len(data)  # Nobody listens any more; reading tells so in a moment.
            _close_all(descriptors)
            if sent < len(data):
                self._unsent[0] = (data[sent:], ())
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._wire)


class Pipe:
    """The reading end of a pipe: hands on what comes, rests a moment after each read."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, take: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._take = take
        self._rest: asyncio.TimerHandle | None = None
        self.closed = False
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, self._readable)

    def read(self, most: int = PIPE_BYTES) -> bool:
        """Hand on what is there now; False when nothing is."""
        if self.closed:
            return False
        try:
            data = os.read(self._descriptor, most)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        self._take(data)
        return True

    def drain(self) -> None:
        """Hand on what the pipe holds; no more than that, since whoever still writes may never stop."""
        for _ in range(16):
            if not self.read():
                return

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _readable(self) -> None:
        if self.read() and not self.closed:
            self._loop.remove_reader(self._descriptor)
            self._rest = self._loop.call_later(PIPE_REST_SECONDS, self._wake)

    def _wake(self) -> None:
        self._loop.add_reader(self._descriptor, self._readable)


class Throttle:
    """Lets through so many bytes a second; of what is too much it keeps the newest piece and counts the rest.

    The newest, because the last words before a death are the ones that matter. Times are seconds of any clock.
    """

    def __init__(self, rate: int = KEPT_BYTES_PER_SECOND) -> None:
        self._rate = rate
        self._allowance = float(rate)
        self._then = 0.0
        self._held = b""
        self._dropped = 0

    def offer(self, data: bytes, now: float) -> tuple[bytes, int] | None:
        """Take in a piece; gives what may pass and how many bytes before it were lost, or None for now."""
        self._dropped += len(self._held)
        self._held = data
        return self.release(now)

    def release(self, now: float) -> tuple[bytes, int] | None:
        """What was held back, if it may pass by now."""
        self._allowance = min(self._rate, self._allowance + max(0.0, now - self._then) * self._rate)
        self._then = now
        if self._held and len(self._held) > self._allowance:
            return None
        return self.rest()

    def rest(self) -> tuple[bytes, int] | None:
        """What is held back, now and in any case."""
        if not self._held:
            return None
        passed = (self._held, self._dropped)
        self._allowance -= len(self._held)
        self._held, self._dropped = b"", 0
        return passed

    def delay(self) -> float:
        """Seconds until what is held back may pass."""
        return max(0.0, (len(self._held) - self._allowance) / self._rate)


def _close_all(descriptors: tuple[int, ...]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
