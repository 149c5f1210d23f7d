"""A pseudo-terminal with a program in it: what a person would see, and what it costs to show it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pyte

KEYS = {
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "enter": "\r", "escape": "\x1b",
    "space": " ", "tab": "\t", "ctrl+c": "\x03", "ctrl+z": "\x1a", "home": "\x1b[H", "end": "\x1b[F",
}  # fmt: skip

# What pyte does not know: private modes, queries, device strings, the keyboard protocol.
_UNKNOWN = re.compile(
    rb"\x1b\[[<>=?][0-9;:]*[\$]?[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1bP.*?\x1b\\|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", re.DOTALL
)
_ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62;4c", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}


class Terminal(AbstractContextManager["Terminal"]):
    """A command in a terminal of its own; `text()` is its screen."""

    def __init__(self, *command: str, columns: int = 120, rows: int = 40, environment: dict[str, str] | None = None):
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self.alive = True
        self.exit_code: int | None = None
        base = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "TMUX", "PYTHONDONTWRITEBYTECODE")}
        base.update({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "EDITOR": "true", **(environment or {})})
        self.began = time.perf_counter()
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(command[0], list(command), base)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- looking ------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """What stands on the screen, lines without trailing blanks."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def cells(self) -> int:
        """Cells that are not blank."""
        return sum(len(line) - line.count(" ") for line in self.screen.display)

    def pump(self, seconds: float, stop: Callable[[], bool] | None = None) -> float | None:
        """Let the program write for so long, or until `stop` holds; the time of the write after which it held."""
        end = time.perf_counter() + seconds
        while self.alive and (left := end - time.perf_counter()) > 0:
            if not select.select([self.descriptor], [], [], left)[0]:
                break
            try:
                data = os.read(self.descriptor, 1 << 16)
            except OSError:
                data = b""
            if not data:
                self.alive = False
                break
            now = time.perf_counter()
            self._take(data)
            if stop is not None and stop():
                return now
        return None

    def fall_silent(self) -> None:
        """Read until nothing has been written for a second."""
        while self.pump(1.0, partial(self._has_more_than, len(self.raw))) is not None:
            pass

    def _has_more_than(self, length: int) -> bool:
        return len(self.raw) > length

    def _take(self, data: bytes) -> None:
        self.raw += data
        for question, answer in _ANSWERS.items():
            if question in data:
                os.write(self.descriptor, answer)
        self._stream.feed(_UNKNOWN.sub(b"", data))

    def wait_for(self, *texts: str, seconds: float = 60) -> str:
        """Wait until all these texts stand on the screen together; fails with the screen when they do not."""

        def there() -> bool:
            screen = self.text()
            return all(text in screen for text in texts)

        if not there() and self.pump(seconds, there) is None and not there():
            missing = [text for text in texts if text not in self.text()]
            raise AssertionError(f"{missing} did not appear in:\n{self.text()}")
        return self.text()

    def wait_until_gone(self, text: str, seconds: float = 60) -> None:
        """Wait until a text stands on the screen no more."""

        def gone() -> bool:
            return text not in self.text()

        if not gone():
            self.pump(seconds, gone)
        assert gone(), f"{text!r} is still there:\n{self.text()}"

    # --- doing --------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self.descriptor, KEYS.get(key, key).encode())

    def press_in_turn(self, *keys: str) -> None:
        """Press keys as a person does: each after the one before it has been answered."""
        for key in keys:
            self.cost_of(key, settle=0.05)

    def cost_of(self, *keys: str, settle: float = 0.2) -> tuple[float | None, int]:
        """Press keys at once: seconds until the first write, and bytes written until nothing more comes."""
        before, began = len(self.raw), time.perf_counter()
        self.press(*keys)
        first = self.pump(2.0, lambda: len(self.raw) > before)
        self.pump(settle)
        return (None if first is None else first - began), len(self.raw) - before

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def attributes(self) -> list[Any]:
        """How the terminal treats keys and lines."""
        return termios.tcgetattr(self.descriptor)

    def finish(self, seconds: float = 60) -> int:
        """Wait until the program has ended by itself; its exit code, or minus the signal."""
        end = time.perf_counter() + seconds
        while self.exit_code is None:
            self.pump(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
            elif time.perf_counter() > end:
                raise AssertionError(f"still running after {seconds} s:\n{self.text()}")
        self.pump(0.3)
        return self.exit_code

    def close(self) -> None:
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.exit_code = -signal.SIGKILL
        os.close(self.descriptor)
