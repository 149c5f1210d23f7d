"""Puts the terminal back after a front end that died without doing so: the server outlives it by a moment."""

from __future__ import annotations

import os
import select
import termios
from typing import Any

LEAVE = (
    "\x1b[?2026l"  # synchronized output
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    "\x1b[?1004l"  # focus events
    "\x1b[?2004l"  # bracketed paste
    "\x1b[?2048l"  # in-band resize
    "\x1b[<u"  # kitty's keyboard protocol
    "\x1b[?1049l"  # alternate screen
    "\x1b[?25h\x1b[?7h\x1b[0m"  # cursor, wrapping, attributes
)
"""Switches off what a full-screen program switches on."""

WRITE_SECONDS = 0.2


class SavedTerminal:
    """A terminal as it was before the front end took it over."""

    def __init__(self, descriptor: int, attributes: str) -> None:
        self.descriptor = descriptor
        self._attributes = _parsed(attributes)
        self.taken = False
        """Whether a full-screen program had it at the last look."""

    def look(self) -> None:
        """See whether a full-screen program has it now."""
        try:
            self.taken = self._is_taken()
        except termios.error:
            self.taken = False  # It is gone, as after a broken SSH connection.

    def put_back(self) -> bool:
        """Restore what is still the dead program's, modes and screen; says whether anything was.

        A shell often has its prompt back before this: then the modes are its own, and stay, but the screen is as the
        program left it. A program that was suspended, or had left in order, had given back both.
        """
        try:
            if self._is_taken():
                termios.tcsetattr(self.descriptor, termios.TCSANOW, self._attributes)
            elif not self.taken:
                return False
            # Neither blocked for ever by a Ctrl-S, nor made non-blocking: the shell reads from the same open file.
            if select.select([], [self.descriptor], [], WRITE_SECONDS)[1]:
                os.write(self.descriptor, LEAVE.encode())
        except (termios.error, OSError):
            return False  # It is gone, as after a broken SSH connection.
        return True

    def _is_taken(self) -> bool:
        """Full-screen programs read Ctrl-C as a key; a shell at its prompt leaves it to the terminal (ISIG)."""
        return not termios.tcgetattr(self.descriptor)[3] & termios.ISIG


def _parsed(text: str) -> list[Any]:
    """What tcsetattr wants, from the numbers that `inspector.launch` wrote: six, then the control characters."""
    numbers = [int(number) for number in text.split(",")]
    characters: list[int | bytes] = [bytes([number]) for number in numbers[6:]]
    if not numbers[3] & termios.ICANON:
        for index in (termios.VMIN, termios.VTIME):
            characters[index] = numbers[6 + index]
    return [*numbers[:6], characters]
