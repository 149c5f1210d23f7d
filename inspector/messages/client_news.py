"""What the client itself has to tell of an engine, which the engine cannot."""

from __future__ import annotations

from inspector.schema import Failure, Record, Source


class Printed(Record, frozen=True, tag="printed"):
    """The user's code (or a library below it) wrote to descriptor 1 or 2. Control characters are still in it."""

    stream: str
    """stdout or stderr"""
    text: str
    dropped: int = 0
    """Bytes lost before this text, because there were too many to keep."""


class StillRunning(Record, frozen=True, tag="still-running"):
    """The user's code has not come back for some seconds: this is the line it is in."""

    function: str
    source: Source


class EngineDied(Record, frozen=True, tag="engine-died"):
    """The engine ended without being asked to."""

    failure: Failure
