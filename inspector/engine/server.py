"""The warm server: imports torch once, then forks an engine from itself for each model that is loaded.

Nothing of the user's ever runs here, and no thread is ever started here, so that a fork stays cheap and sound. A server
of our own, rather than multiprocessing's: it owns its descriptors from the first instruction, needs no resource
tracker beside it, and learns by waitpid how each engine ended.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
import warnings
from collections import deque
from typing import NamedTuple, NoReturn

from inspector.engine.oom import out_of_memory_kills
from inspector.engine.terminal import SavedTerminal
from inspector.messages import (
    EngineEnded,
    EngineForked,
    Farewell,
    ForkEngine,
    KillEngine,
    ServerEvent,
    ServerRequest,
    TorchImported,
    TorchMissing,
)
from inspector.schema import Failure
from inspector.wire import Unpacker, pack

LOOK_SECONDS = 0.25


def main(control: str, terminal: str, attributes: str) -> NoReturn:
    """Serve one front end until it leaves; the arguments are those that `inspector.launch` writes."""
    faulthandler.enable()
    saved = SavedTerminal(int(terminal), attributes) if terminal else None
    server = WarmServer(socket.socket(fileno=int(control)), saved)
    if server.import_torch():
        server.serve()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Taking torch down in order would only take time.


class _Engine(NamedTuple):
    pid: int
    kills: int
    """Out-of-memory kills when it was forked."""


class WarmServer:
    """One conversation with one front end, and the engines that it asked for."""

    def __init__(self, control: socket.socket, terminal: SavedTerminal | None) -> None:
        self._control = control
        self._control.setblocking(True)
        self._terminal = terminal
        self._unpacker: Unpacker[ServerRequest] = Unpacker(ServerRequest)
        self._descriptors: deque[int] = deque()
        self._engines: dict[int, _Engine] = {}
        self._wake, self._wakened = socket.socketpair()

    def import_torch(self) -> bool:
        """Import torch and what else every engine needs; says whether that succeeded."""
        started = time.perf_counter()
        # Nothing becomes garbage in an import, but looking for some takes an eighth of its time.
        gc.disable()
        try:
            import torch
            import torch.nn
        except BaseException as error:  # A library that exits on import must be told too.
            self._send(TorchMissing(_why_missing(error)))
            return False
        seconds = time.perf_counter() - started
        from inspector.engine.process import warm_up

        warm_up()
        # What is here now stays for good: frozen, no collection in a forked engine touches (and so copies) its pages.
        gc.freeze()
        gc.enable()
        self._send(TorchImported(str(torch.__version__), seconds))
        return True

    def serve(self) -> None:
        """Do what the front end says until it leaves or dies."""
        self._wake.setblocking(False)
        self._wakened.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wakened, selectors.EVENT_READ)
            while self._turn([key.fileobj for key, _ in selector.select(self._patience())], selector):
                pass
        self._end_all()

    def _patience(self) -> float | None:
        """Seconds until the next look at a terminal that the front end has yet to take over."""
        return None if self._terminal is None or self._terminal.taken else LOOK_SECONDS

    def _turn(self, ready: list[object], selector: selectors.BaseSelector) -> bool:
        if self._wakened in ready:
            self._wakened.recv(4096)
        self._reap()
        if self._control in ready and not self._hear(selector):
            return False
        if self._terminal is not None:
            self._terminal.look()
        return True

    def _hear(self, selector: selectors.BaseSelector) -> bool:
        """Take in what the front end sent; False when it is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 64)
        except ConnectionResetError:
            data, descriptors = b"", []
        if not data:
            if self._terminal is not None:
                self._terminal.put_back()  # First of all: a shell is about to draw its prompt there.
            return False
        self._descriptors.extend(descriptors)
        return all(self._obey(request, selector) for request in self._unpacker.feed(data))

    def _obey(self, request: ServerRequest, selector: selectors.BaseSelector) -> bool:
        match request:
            case ForkEngine(engine=engine):
                self._fork(engine, selector)
            case KillEngine(engine=engine):
                if engine in self._engines:
                    _kill(self._engines[engine].pid)
            case Farewell():
                return False
        return True

    def _fork(self, number: int, selector: selectors.BaseSelector) -> None:
        from inspector.engine.process import Descriptors, run_engine

        descriptors = Descriptors(*(self._descriptors.popleft() for _ in Descriptors._fields))
        kills = out_of_memory_kills()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # NumPy's OpenBLAS has a thread waiting by now; it has fork handlers of its own.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._forget(selector)
            run_engine(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._engines[number] = _Engine(pid, kills)
        self._send(EngineForked(number, pid))

    def _forget(self, selector: selectors.BaseSelector) -> None:
        """In the forked process: let go of everything that is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        selector.close()
        for mine in (self._control, self._wake, self._wakened):
            mine.close()
        if self._terminal is not None:
            os.close(self._terminal.descriptor)
        for descriptor in self._descriptors:
            os.close(descriptor)

    def _reap(self) -> None:
        """Bury the engines that ended, end what they had started, and tell."""
        for number, engine in list(self._engines.items()):
            pid, status = os.waitpid(engine.pid, os.WNOHANG)
            if pid:
                del self._engines[number]
                _kill_group(pid)
                code = os.waitstatus_to_exitcode(status)
                out_of_memory = code == -signal.SIGKILL and out_of_memory_kills() > engine.kills
                self._send(EngineEnded(number, code, out_of_memory))

    def _end_all(self) -> None:
        for engine in self._engines.values():
            _kill(engine.pid)

    def _send(self, event: ServerEvent) -> None:
        try:
            self._control.sendall(pack(event))
        except (BrokenPipeError, ConnectionResetError):
            pass  # The front end is gone: the end of the socket is read next, and says so.


def _kill(pid: int) -> None:
    """End an engine that has not been waited for yet, and its process group if it leads one already."""
    _kill_group(pid)
    os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # Nobody is left in it; on macOS a group of zombies answers with the second.


def _why_missing(error: BaseException) -> Failure:
    found = getattr(sys.modules.get("torch"), "__file__", None)
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        mend = f"{sys.executable} -m pip install torch"
    elif isinstance(error, ModuleNotFoundError) and found:
        mend = f"{found} was imported as torch: rename it if it is not PyTorch"
    else:
        mend = ""
    text = "".join(traceback.format_exception(error))
    return Failure(stage="torch", type=type(error).__name__, message=str(error), mend=mend, traceback=text)
