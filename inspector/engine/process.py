"""An engine after the fork: a session of its own, its own descriptors, and the loop that answers requests."""

from __future__ import annotations

import ctypes
import faulthandler
import io
import os
import signal
import socket
import sys
import threading
import traceback
from collections import deque
from contextlib import suppress
from select import select  # Now: what patches it for its own loops comes with the user's file.
from typing import NamedTuple, NoReturn

from inspector.engine.forward.progress import interruption
from inspector.engine.session import Session
from inspector.engine.source_files import library_folders
from inspector.engine.watchdog import Watchdog
from inspector.messages import (
    INTERRUPT,
    LOCATE,
    CallsDescribed,
    EngineEvent,
    EngineStarted,
    Load,
    Request,
    RowsDescribed,
    StageStarted,
)
from inspector.wire import Unpacker, pack

_libc = ctypes.CDLL(None)


class Descriptors(NamedTuple):
    """What travels with ForkEngine, in this order."""

    wire: int
    stdout: int
    stderr: int
    crash: int


def warm_up() -> None:
    """Do in the server, once, what every engine would have to do."""
    library_folders()


def run_engine(descriptors: Descriptors) -> NoReturn:
    """Be an engine until the front end closes the wire; never comes back into the server's code."""
    status = 1
    try:
        _settle(descriptors)
        Engine(socket.socket(fileno=descriptors.wire), descriptors.crash).run()
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # The front end went away while it was being told something.
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Engine:
    """The request loop: requests in order, one at a time; between requests the work that takes long, step by step."""

    def __init__(self, wire: socket.socket, crash: int) -> None:
        self._wire = wire
        self._watchdog = Watchdog(crash)
        self._unpacker: Unpacker[Request] = Unpacker(Request)
        self._requests: deque[Request] = deque()
        self._session = Session(self._send)
        self._pid = os.getpid()

    def run(self) -> None:
        """Answer until the wire is closed."""
        self._send(EngineStarted(os.getpid(), threading.get_ident(), library_folders()))
        while self._listen(wait=not self._requests and not self._session.busy):
            self._watchdog.watch()
            if self._requests:
                self._answer(self._requests.popleft())
            elif self._session.busy:
                self._session.step()
            self._watchdog.rest()

    def _listen(self, wait: bool) -> bool:
        """Take in the requests that have arrived, waiting for one if told so; False at the end of the wire."""
        if not wait and not select([self._wire], [], [], 0)[0]:
            return True
        data = self._wire.recv(65536)
        self._requests.extend(self._unpacker.feed(data))
        return data != b""

    def _answer(self, request: Request) -> None:
        if isinstance(request, Load):
            _prepare(request)
        self._session.answer(request)

    def _send(self, event: EngineEvent) -> None:
        if os.getpid() != self._pid:
            os._exit(0)  # A fork of the user's code that has come back out of it: only the first one has the wire.
        if isinstance(event, StageStarted):
            self._watchdog.watch()
        if not isinstance(event, (RowsDescribed, CallsDescribed)):
            _flush()
        self._wire.sendall(pack(event))


# --- the process ------------------------------------------------------------------------------------------------------


def _settle(descriptors: Descriptors) -> None:
    """Make the forked process one of its own: with no terminal to open, and the first to go when memory runs out."""
    os.setsid()
    _die_with_the_server()
    _redirect(descriptors)
    faulthandler.enable(descriptors.crash)
    faulthandler.register(LOCATE, descriptors.crash, all_threads=True, chain=False)
    signal.signal(INTERRUPT, lambda number, frame: interruption.ask())
    sys.dont_write_bytecode = True  # No __pycache__ beside the user's files, nor by what they start.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        pass  # Only Linux has it.


def _die_with_the_server() -> None:
    if sys.platform == "linux":
        server = os.getppid()
        pr_set_pdeathsig = 1
        _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)


def _redirect(descriptors: Descriptors) -> None:
    """Put the pipes in place of the server's 1 and 2, for Python, for C and for processes started from here."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    for pipe, standard in ((descriptors.stdout, 1), (descriptors.stderr, 2)):
        os.dup2(pipe, standard)
        os.close(pipe)
    sys.stdout = sys.__stdout__ = _text(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _text(2)  # type: ignore[misc]
    # C's stdout would keep whole blocks back, now that it is no terminal; 1 is _IOLBF in glibc, musl and macOS alike.
    _libc.setvbuf(_c_stdout(), None, 1, 0)


def _c_stdout() -> ctypes.c_void_p:
    return ctypes.c_void_p.in_dll(_libc, "__stdoutp" if sys.platform == "darwin" else "stdout")


def _text(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _prepare(request: Load) -> None:
    """What user code may look at before it runs: the devices that were asked for."""
    if not request.device.startswith("cuda"):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _flush() -> None:
    """Let out what Python and C still hold back of stdout and stderr, so that it is heard before what follows it."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(Exception):  # The user's code may have closed it, or put something of its own in its place.
            stream.flush()  # type: ignore[union-attr]
    _libc.fflush(_c_stdout())
