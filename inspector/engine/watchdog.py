"""Tells every few seconds in which line the user's code is, without touching what it does.

faulthandler can write where a running thread is without the GIL, from a thread of C, but then it follows frames that
come and go under its hands: an engine that was busy in Python died of it. So a thread of Python looks, which has the
GIL while it does; and faulthandler only where that thread has not come to its turn for long, because a call into C has
kept the GIL: then the frames stand still.
"""

from __future__ import annotations

import faulthandler
import math
import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread  # Now: the user's file may patch threading.
from time import monotonic
from types import FrameType

HANG_SECONDS = 5.0
"""How long a stage runs before the line that it is in is told, and how often after that."""
STUCK_SECONDS = 20.0
"""How long the thread has not come to its turn before faulthandler looks in its place: no load of the machine keeps it
from it for so long."""
_DEEPEST = 100
"""Frames that are told, as many as faulthandler tells."""


class Watchdog:
    """Writes where the thread that made it is, in the words of faulthandler, to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._watched = get_ident()
        self._due = math.inf
        self._wake = allocate_lock()
        self._wake.acquire()
        self._waiting = False
        """Whether the thread sleeps until it is woken."""
        self._started = False

    def watch(self) -> None:
        """From now on, until `rest`."""
        self._arm()
        if not self._started:
            self._started = True
            start_new_thread(self._run, ())
        elif self._waiting and self._wake.locked():
            self._wake.release()

    def rest(self) -> None:
        """Nothing is told any more."""
        self._due = math.inf
        faulthandler.cancel_dump_traceback_later()

    def _arm(self) -> None:
        self._due = monotonic() + HANG_SECONDS
        faulthandler.dump_traceback_later(STUCK_SECONDS, repeat=True, file=self._descriptor)

    def _run(self) -> None:
        while True:
            self._waiting = True  # Before the look: at worst it is woken for nothing.
            if math.isinf(self._due):
                self._wake.acquire()
            self._waiting = False
            due = self._due
            left = due - monotonic()
            if left <= 0:
                self._tell()
                if self._due == due:
                    self._arm()
            elif not math.isinf(left):
                self._wake.acquire(timeout=left)

    def _tell(self) -> None:
        words = described(self._watched, sys._current_frames().get(self._watched))
        try:
            os.write(self._descriptor, words)
        except OSError:
            return  # The front end has gone away, and the engine is about to notice.


def described(thread: int, frame: FrameType | None) -> bytes:
    """`Thread 0x… (most recent call first):` and a line for each frame, as faulthandler writes them: ASCII alone."""
    lines = [f"Thread 0x{thread:016x} (most recent call first):"]
    while frame is not None and len(lines) <= _DEEPEST:
        code = frame.f_code
        lines.append(f'  File "{code.co_filename}", line {frame.f_lineno or 0} in {code.co_name}')
        frame = frame.f_back
    return "".join(f"{line}\n" for line in lines).encode("ascii", "backslashreplace")
