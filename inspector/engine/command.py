"""The command line that a failure recommends: this request, put right."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable

from inspector.messages import Load

PROGRAM = "nn-inspect"
FILL_IN = "..."
"""Stands for a value that only the user knows."""


def spell(request: Load, target: str = "", *, more: Iterable[str] = (), device: str = "") -> str:
    """The request as a command line, with another target, more `name=value` arguments or another device."""
    words = [PROGRAM, target or request.target]
    for argument in (*request.arguments, *more):
        words += ["--arg", argument]
    if request.config:
        words += ["--config", request.config]
    device = device or request.device
    if device != "cpu":
        words += ["--device", device]
    return shlex.join(words)


def shortest(path: str) -> str:
    """A path as one would type it from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
