"""The lines that make calls: found by walking up the stack, which costs little; their text is read after the run."""

from __future__ import annotations

import os
import sys
import sysconfig
from enum import IntEnum
from types import CodeType, FrameType

import torch

import inspector
from inspector.engine.failure import sendable
from inspector.engine.source_files import read_lines
from inspector.schema import Source

_LONGEST_LINE = 500
_PACKAGES = ("site-packages", "dist-packages")
_THIN = frozenset(
    (
        "overrides.py",
        "_tensor.py",
        "functional.py",
        "nn/functional.py",
        "_jit_internal.py",
        "_VF.py",
        "utils/_device.py",
        "utils/_contextlib.py",
    )
)


def _folder(path: str) -> str:
    return os.path.join(os.path.realpath(path), "")


_TORCH, _OURS = _folder(os.path.dirname(torch.__file__)), _folder(os.path.dirname(inspector.__file__))
_LIBRARY = _folder(sysconfig.get_paths()["stdlib"])


class Place(IntEnum):
    """Whose code a frame runs."""

    USERS = 0
    """Neither torch's, nor the standard library's, nor this program's; that of other packages too."""
    PASSAGE = 1
    """It only leads from what a user wrote to the function of torch: torch.functional, the forward of a layer."""
    TORCHS = 2
    """It has something of its own to do: torch.distributions, the constructor of a layer."""


class Sources:
    """Every line of a run that made a call."""

    def __init__(self) -> None:
        self._placed: dict[int, tuple[CodeType, Place]] = {}
        """By the code's identity, which holds because the code is kept: Python hashes all of a code each time anew."""
        self._met: dict[tuple[int, int], Source] = {}
        """By the code's identity and the place in it, from which a line number would have to be worked out."""
        self._lines: dict[str, list[str]] = {}

    def caller(self) -> Source | None:
        """The nearest line of those that called that is neither torch's nor ours."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            if self._place(frame.f_code) is Place.USERS:
                return self._source(frame)
            frame = frame.f_back
        return None

    def caller_of_operation(self) -> tuple[Source | None, bool]:
        """The same, and whether a user's line means the operation; torch's own code calls many on its way."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            place = self._place(frame.f_code)
            if place is not Place.PASSAGE:
                return (self._source(frame), True) if place is Place.USERS else (None, False)
            frame = frame.f_back
        return None, True

    def _source(self, frame: FrameType) -> Source:
        where = id(frame.f_code), frame.f_lasti
        source = self._met.get(where)
        if source is None:
            source = self._met[where] = Source(sendable(frame.f_code.co_filename), frame.f_lineno or 1)
        return source

    def _place(self, code: CodeType) -> Place:
        known = self._placed.get(id(code))
        if known is None:
            known = self._placed[id(code)] = code, _place_of(code)
        return known[1]

    def complete(self, source: Source) -> Source:
        """The same place with its code."""
        lines = self._lines.get(source.file)
        if lines is None:
            lines = self._lines[source.file] = read_lines(source.file)
        text = lines[source.line - 1] if 0 < source.line <= len(lines) else ""
        return Source(source.file, source.line, sendable(text.strip()[:_LONGEST_LINE]))


def _place_of(code: CodeType) -> Place:
    if code.co_filename.startswith("<") or not code.co_filename:
        return Place.PASSAGE
    file = os.path.realpath(code.co_filename)
    if file.startswith(_TORCH):
        name = file.removeprefix(_TORCH).replace(os.sep, "/")
        layer = name.startswith("nn/modules/") and code.co_name != "__init__"
        return Place.PASSAGE if layer or name in _THIN else Place.TORCHS
    ours = file.startswith(_OURS)
    library = file.startswith(_LIBRARY) and not any(f"{os.sep}{name}{os.sep}" in file for name in _PACKAGES)
    return Place.PASSAGE if ours or library else Place.USERS
