"""One failure of the user's code, as the rules that look for a way out see it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple

from inspector.engine.source_files import read_lines
from inspector.messages import Load
from inspector.schema import Source


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

    def is_a(self, *names: str) -> bool:
        """Whether the exception's class, or one that it derives from, has one of these names."""
        return any(kind.__name__ in names for kind in type(self.error).__mro__)

    def stack(self) -> Iterator[FrameType]:
        """The frames of its traceback, outermost first."""
        entry = self.error.__traceback__
        while entry is not None:
            yield entry.tb_frame
            entry = entry.tb_next
