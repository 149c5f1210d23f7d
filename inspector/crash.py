"""Reads what faulthandler writes: in which line of the user's code an engine is, or was when it died."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from inspector.schema import Frame, Source
from inspector.wire import encodable

_THREAD = re.compile(
    r"^(?P<current>Current thread|Thread) 0x(?P<id>[0-9a-f]+)(?: \[.*\])? \(most recent call first\):\n"
    r"(?P<frames>(?:  .*\n)*)",
    re.MULTILINE,
)
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)$', re.MULTILINE)
_FATAL = "Fatal Python error: "
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")
_INSTALLED = {"site-packages", "dist-packages"}


class Step(NamedTuple):
    """One frame of a report."""

    file: str
    line: int
    function: str


class Foreign:
    """Tells files that are not the user's own, by the folders that the engine named."""

    def __init__(self, folders: tuple[str, ...] = ()) -> None:
        self._folders = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)

    def holds(self, file: str) -> bool:
        real = os.path.realpath(file)
        return file.startswith("<") or real.startswith(self._folders) or not _INSTALLED.isdisjoint(real.split(os.sep))


def stack(report: str, main_thread: int) -> list[Step]:
    """Where the main thread was in the newest report, innermost first; empty when it does not say."""
    blocks = [block for block in _THREAD.finditer(report) if int(block["id"], 16) == main_thread]
    return _steps(blocks[-1]["frames"]) if blocks else []


def crash_stack(report: str) -> list[Step]:
    """Where the thread was that died, innermost first; empty when no death was reported."""
    blocks = [block for block in _THREAD.finditer(crash_text(report)) if block["current"] == "Current thread"]
    return _steps(blocks[0]["frames"]) if blocks else []


def crash_text(report: str) -> str:
    """The last report of a death, without the reports of mere waiting before it; empty when there is none."""
    start = report.rfind(_FATAL)
    return report[start:] if start >= 0 else ""


def own(steps: list[Step], foreign: Foreign) -> Step | None:
    """The innermost step that is in the user's own files."""
    return next((step for step in steps if not foreign.holds(step.file)), None)


def source(step: Step) -> Source:
    """The place of a step, with the text of its line as the file has it now."""
    linecache.checkcache(step.file)
    return Source(encodable(step.file), step.line, linecache.getline(step.file, step.line).strip())


def frames(steps: list[Step], foreign: Foreign) -> tuple[Frame, ...]:
    """The user's own steps, outermost first."""
    places = ((source(step), step.function) for step in reversed(steps) if not foreign.holds(step.file))
    return tuple(Frame(place.file, place.line, function, place.code) for place, function in places)


def context(place: Source, around: int = 3) -> tuple[tuple[int, str], ...]:
    """The numbered lines about a place."""
    lines = linecache.getlines(place.file)
    first = max(1, place.line - around)
    return tuple(enumerate((line.rstrip("\n") for line in lines[first - 1 : place.line + around - 1]), first))


def _steps(text: str) -> list[Step]:
    return list(_each_step(text))


def _each_step(text: str) -> Iterator[Step]:
    for frame in _FRAME.finditer(text):
        yield Step(_unescaped(frame["file"]), int(frame["line"]), _unescaped(frame["function"]))


def _unescaped(text: str) -> str:
    """Names as they are: faulthandler writes ASCII alone."""
    return _ESCAPE.sub(lambda match: chr(int(match[match.lastindex or 0], 16)), text)
