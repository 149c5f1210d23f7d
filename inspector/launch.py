"""Starts the warm server: what a front end does first of all, since importing torch takes longer than everything else.

Only the standard library's cheapest modules are imported here, so that the server runs before msgspec or a widget is
loaded; `inspector.client` talks to it.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import termios

# The current folder must not shadow torch or dataclasses, hence no "" on sys.path (Python 3.10 knows no -P). The
# package is found by its place, not by its name: it need not be installed, and another `inspector` may be.
BOOT = """\
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
from importlib.util import module_from_spec, spec_from_file_location
package = sys.argv[1]
spec = spec_from_file_location("inspector", package + "/__init__.py", submodule_search_locations=[package])
sys.modules["inspector"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["inspector"])
from inspector.engine.server import main
main(*sys.argv[2:])
"""


class Server:
    """A warm server that was started: its process, the socket to it, and what it prints.

    The descriptors are non-blocking. `terminal` and `attributes` are kept so that a second server can be started for
    the same front end after the first has died.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        stdout: int,
        stderr: int,
        terminal: int | None,
        attributes: str,
    ) -> None:
        self.process = process
        self.control = control
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
        self.attributes = attributes

    def start_again(self) -> Server:
        """Start another server with the same care for the terminal."""
        return _start(self.terminal, self.attributes)

    def close(self) -> None:
        """End a server that no client has taken over."""
        self.process.kill()
        self.process.wait()
        self.control.close()
        for descriptor in (self.stdout, self.stderr):
            os.close(descriptor)

    def say_farewell(self) -> None:
        """Leave in order, if nobody has: the server then keeps its hands off the terminal."""
        if self.process.returncode is None and self.control.fileno() >= 0:
            from inspector.messages import Farewell
            from inspector.wire import pack

            try:
                self.control.send(pack(Farewell()))
            except OSError:
                pass  # It is gone already, or so busy that it cannot hear.


def start_server(terminal: int | None = None) -> Server:
    """Start a warm server in a session of its own; returns at once, while torch is being imported over there.

    `terminal` is a descriptor of the terminal that the front end will take over. Its attributes are saved now, and the
    server puts them back if the front end dies without a farewell.
    """
    return _start(terminal, "" if terminal is None else attributes_of(terminal))


def _start(terminal: int | None, attributes: str) -> Server:
    control, theirs = socket.socketpair()
    stdout, stdout_end = os.pipe()
    stderr, stderr_end = os.pipe()
    # A copy, because the terminal may be descriptor 1 or 2, and these are pipes over there.
    copies = [] if terminal is None else [os.dup(terminal)]
    numbers = [str(theirs.fileno()), "".join(map(str, copies)), attributes]
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", BOOT, _package(), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=stdout_end,
            stderr=stderr_end,
            pass_fds=[theirs.fileno(), *copies],
            start_new_session=True,
        )
    finally:
        theirs.close()
        for descriptor in (stdout_end, stderr_end, *copies):
            os.close(descriptor)
    control.setblocking(False)
    os.set_blocking(stdout, False)
    os.set_blocking(stderr, False)
    server = Server(process, control, stdout, stderr, terminal, attributes)
    atexit.register(server.say_farewell)  # An end by a signal skips this, and so has the terminal put back.
    return server


def _package() -> str:
    return os.path.dirname(os.path.abspath(__file__))


def attributes_of(terminal: int) -> str:
    """What tcgetattr says, as numbers with commas between them: six modes and speeds, then the control characters."""
    *modes, characters = termios.tcgetattr(terminal)
    numbers = [*modes, *(c if isinstance(c, int) else ord(c) for c in characters)]
    return ",".join(map(str, numbers))
