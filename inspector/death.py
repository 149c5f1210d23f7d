"""Tells how a process of ours ended as what it was: a signal, an exit code, or no memory left."""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from inspector import crash
from inspector.schema import Failure, Source


class End(NamedTuple):
    """What is known of an engine's end."""

    status: int
    """The exit code, or minus the signal's number."""
    out_of_memory: bool = False
    stage: str = ""
    """What went on: `importing model.py`; empty when nothing did."""
    report: str = ""
    """What faulthandler wrote."""
    stderr: str = ""
    """The last of what was printed to stderr."""


def failure(end: End, foreign: crash.Foreign) -> Failure:
    """Why an engine ended that nobody had asked to."""
    steps = crash.crash_stack(end.report) if end.status < 0 else []
    step = crash.own(steps, foreign)
    place = crash.source(step) if step else None
    text = crash.crash_text(end.report) if steps else ""
    return Failure(
        stage="engine",
        type="out of memory" if end.out_of_memory else _kind(end.status),
        message=_told(end, place),
        source=place,
        context=crash.context(place) if place else (),
        frames=crash.frames(steps, foreign),
        mend="--device meta builds the model without allocating its tensors" if end.out_of_memory else "",
        traceback="\n".join(part.rstrip("\n") + "\n" for part in (text, end.stderr) if part),
    )


def server_failure(status: int, stderr: str, importing: bool) -> Failure:
    """Why the warm server ended that nobody had asked to."""
    doing = "while importing torch" if importing else "and took its engines with it"
    return Failure(
        stage="torch" if importing else "engine",
        type=_kind(status),
        message=f"the warm server {_ended(status)} {doing}",
        traceback=stderr,
    )


def _told(end: End, place: Source | None) -> str:
    doing = f" while {end.stage}" if end.stage else ""
    if end.out_of_memory:
        return f"out of memory: the kernel's OOM killer ended the engine{doing}"
    if end.status == -signal.SIGKILL:
        return f"the engine was ended by SIGKILL from outside{doing}"
    if end.status < 0:
        where = f" in {os.path.basename(place.file)}:{place.line} `{place.code}`" if place else doing
        return f"the engine {_ended(end.status)}{where}"
    return f"the engine {_ended(end.status)}{doing}: os._exit was called, or exit in C"


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    described = signal.strsignal(-status) or "unknown"
    return f"was killed by signal {-status} ({described.lower()})"


def _kind(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"  # A real-time signal: these have no names.
