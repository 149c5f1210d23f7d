"""What --info prints: versions, terminal and configuration, everything that a bug report should say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from inspector import __version__
from inspector.config import load, user_file
from inspector.versions import version

_LIBRARIES = ("torch", "textual", "rich", "torchinfo", "msgspec", "watchfiles", "shtab")
_VARIABLES = ("TERM", "COLORTERM", "TMUX", "SSH_CONNECTION", "LANG", "LC_ALL", "NO_COLOR", "CUDA_VISIBLE_DEVICES")


def lines() -> Iterator[str]:
    """Line by line. Raises ConfigError when a configuration file cannot be read, after what is known without it."""
    yield f"nn-inspect {__version__} at {os.path.dirname(os.path.abspath(__file__))}"
    yield f"python     {sys.version.split()[0]} at {sys.executable}, {sys.platform}"
    for name in _LIBRARIES:
        yield f"{name:<10} {version(name)}"
    for name in _VARIABLES:
        yield f"{name:<10} {os.environ.get(name, '(not set)')}"
    yield f"config     {user_file(os.environ)}"
    yield f"read       {', '.join(load(os.environ, Path.cwd()).read) or 'no configuration file'}"
