"""Copying from a machine that has no clipboard: through the terminal (OSC 52), through tmux, and into a file.

OSC 52 fails silently in terminals that do not know it, so what is said is how the text was sent, never that it arrived;
the file is always there.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

_OSC52_LIMIT = 74_994
"""Characters of text that common terminals accept at once."""
_DEAF = ("linux", "dumb", "screen")
"""Values of TERM whose terminals are known to have no clipboard."""


def copy(text: str, write: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> str:
    """Send text towards the user's clipboard with `write`, a function to the terminal; returns how it was sent."""
    ways = []
    inside_tmux = bool(environment.get("TMUX"))
    if inside_tmux and _to_tmux(text):
        ways.append("tmux buffer")
    if len(text) <= _OSC52_LIMIT and (inside_tmux or environment.get("TERM", "") not in _DEAF):
        write(_osc52(text, inside_tmux))
        ways.append("OSC 52 through tmux" if inside_tmux else "OSC 52")
    try:
        ways.append(f"file {_to_file(text, environment)}")
    except OSError as error:
        ways = ways or [f"nothing: the terminal has no clipboard, and {error.filename}: {error.strerror}"]
    return "sent by " + " and ".join(ways)


def _osc52(text: str, inside_tmux: bool) -> str:
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
    if inside_tmux:
        # tmux passes on what is wrapped so, with every escape doubled.
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence


def _to_tmux(text: str) -> bool:
    tmux = shutil.which("tmux")
    if tmux is None:
        return False
    arguments = [tmux, "load-buffer", "-w", "-"]
    try:
        done = subprocess.run(arguments, input=text.encode(), capture_output=True, timeout=1, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _to_file(text: str, environment: Mapping[str, str]) -> Path:
    """A file of the user's own that nobody else can read; not in the home folder, which may be full or read-only.

    Raises OSError when there is no folder that takes it. XDG_RUNTIME_DIR often names one that is not there: in a
    container, after su.
    """
    named = environment.get("XDG_RUNTIME_DIR", "")
    folder = named if os.path.isdir(named) and os.access(named, os.W_OK) else tempfile.gettempdir()
    path = Path(folder) / f"nn-inspect-copied-{os.getuid()}.txt"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
