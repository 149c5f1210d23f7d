"""Puts the terminal back after a front end that died without doing so: the server outlives it by a moment."""

from __future__ import annotations

import os
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


class SavedTerminal:
    """A terminal as it was before the front end took it over."""

    def __init__(self, descriptor: int, attributes: str) -> None:
        self.descriptor = descriptor
        *modes, characters = _attributes(attributes)
        self._attributes: list[Any] = [*modes, characters]

    def put_back(self) -> bool:
        """Restore modes and screen if they are still the dead program's; says whether they were.

        A shell that has its prompt back keeps signals on (ISIG), a full-screen program switches them off. So this
        tells a front end that died at work from one that was suspended, or had left already, and from a shell that
        was faster: their modes and their screen are not ours to touch.
        """
        try:
            if termios.tcgetattr(self.descriptor)[3] & termios.ISIG:
                return False
            termios.tcsetattr(self.descriptor, termios.TCSANOW, self._attributes)
            os.set_blocking(self.descriptor, False)
            os.write(self.descriptor, LEAVE.encode())
        except (termios.error, OSError):
            return False  # The terminal is gone, as after a broken SSH connection.
        return True


def _attributes(text: str) -> tuple[Any, ...]:
    """What tcsetattr wants, from the numbers that `inspector.launch` wrote: six, then the control characters."""
    numbers = [int(number) for number in text.split(",")]
    canonical = numbers[3] & termios.ICANON
    characters: list[int | bytes] = [bytes([number]) for number in numbers[6:]]
    if not canonical:
        for index in (termios.VMIN, termios.VTIME):
            characters[index] = numbers[6 + index]
    return (*numbers[:6], characters)
