"""One failure of the user's code, as the rules that look for a way out see it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from inspector.engine.kinds import is_a
from inspector.engine.source_files import read_lines
from inspector.messages import Load
from inspector.schema import Source


def traceback_of(error: BaseException) -> TracebackType | None:
    """Its true traceback, whatever its class makes of the attribute."""
    found: TracebackType | None = BaseException.__dict__["__traceback__"].__get__(error)
    return found


def peek(error: BaseException, name: str) -> Any:
    """An attribute of an exception; None if it cannot be had."""
    try:
        return getattr(error, name, None)
    except BaseException:  # Exceptions are the user's code too.
        return None


class WayOut(NamedTuple):
    """What would mend a failure."""

    mend: str
    command: str = ""


class Case(NamedTuple):
    """What a rule may look at."""

    error: BaseException
    message: str
    stage: str
    request: Load
    source: Source | None

    @property
    def code(self) -> str:
        """The line at fault; empty when it is nobody's."""
        return self.source.code if self.source is not None else ""

    @property
    def file(self) -> str:
        """The user's file at fault; of a fault that no frame knows (a damaged file), the target's."""
        if self.source is not None:
            return self.source.file
        name = self.request.target.partition(".py")[0] + ".py"
        return os.path.realpath(name) if read_lines(name) else ""

    def is_a(self, *kinds: type[BaseException]) -> bool:
        """Whether the exception is of one of these classes."""
        return is_a(self.error, *kinds)

    def is_named(self, *names: str) -> bool:
        """Whether the exception's class, or one that it derives from, has one of these names."""
        return any(kind.__name__ in names for kind in type(self.error).__mro__)

    def text(self, name: str) -> str:
        """An attribute of the exception, if it is text."""
        value = peek(self.error, name)
        return value if is_a(value, str) else ""

    def stack(self) -> Iterator[FrameType]:
        """The frames of its traceback, outermost first."""
        entry = traceback_of(self.error)
        while entry is not None:
            yield entry.tb_frame
            entry = entry.tb_next
