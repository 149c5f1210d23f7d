"""What forward tells when it raises by itself: in its message, and in the line that decided so.

`expects length 3000, but found 32`; `if x.shape[1] != self.channels: raise ValueError`; `mask.shape`, mask being None.
Numbers are looked up where the line's names stand for plain integers; nothing of the user's is called for it.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from types import FrameType
from typing import Any

from torch import Tensor

from inspector.engine.case import traceback_of
from inspector.engine.failure import message_of
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes

_NUMBER = re.compile(r"(?<![\w.])\d{1,6}(?![\w.]*\w)")
_NAME = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_CHANNELS = re.compile(r"channel|in_chans|colou?r", re.I)
_MULTIPLE = re.compile(r"divisib|multiple|%|evenly", re.I)
_RANK = re.compile(
    r"\b([1-5])-?\s?(?:[Dd]\b|dim|axes)|(?:\bdim\(\)|\bndim|\blen\([\w.]+(?:shape|size\(\))\))\s*[!=]=\s*([1-5])\b"
)
_MOST_NUMBERS = 8
_MOST_LINES = 8
_MOST_ROWS = 6
"""Longest tuple that may be one of sizes."""


class Said:
    """One failure, read."""

    def __init__(self, error: BaseException | None) -> None:
        self._frame, lines = _place(error)
        self._message = message_of(error) if error is not None else ""
        self._code = " ".join(lines)

    @property
    def numbers(self) -> list[int]:
        """Those of the message, then those that the line compares."""
        lines = self._message.splitlines() or [""]
        line = lines[-1] if lines[0].startswith("The following operation failed") else lines[0]
        told = [int(number) for number in _NUMBER.findall(re.sub(r"[x*×]", " ", line))]
        return list(dict.fromkeys([*told, *self._compared()]))[:_MOST_NUMBERS]

    @property
    def ranks(self) -> list[int]:
        """Numbers of axes that it speaks of, or compares."""
        found = (one or other for text in (self._message, self._code) for one, other in _RANK.findall(text))
        return list(dict.fromkeys(int(rank) for rank in found))

    @property
    def words(self) -> list[str]:
        """Of the message: names of arguments may be among them."""
        return list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", self._message)))

    @property
    def missing(self) -> list[str]:
        """Names in the line that stand for None."""
        known = self._frame.f_locals if self._frame is not None else {}
        names = [name.split(".")[0] for name in _NAME.findall(self._code)]
        return [name for name in dict.fromkeys(names) if name in known and known[name] is None]

    @property
    def of_channels(self) -> bool:
        """Whether it is about channels."""
        return bool(_CHANNELS.search(f"{self._message} {self._code}"))

    @property
    def of_multiples(self) -> bool:
        """Whether it is about a size that must be divisible by another."""
        return bool(_MULTIPLE.search(f"{self._message} {self._code}"))

    def _compared(self) -> Iterator[int]:
        if self._frame is None:
            return
        for name in dict.fromkeys(_NAME.findall(self._code)):
            first, *rest = name.split(".")
            value: Any = self._frame.f_locals.get(first)
            for part in rest:
                value = _attribute(value, part)
            yield from (one for one in _sizes(value) if 1 < one < 1_000_000)
        yield from (int(number) for number in _NUMBER.findall(self._code) if int(number) > 2)


def _attribute(value: Any, name: str) -> Any:
    if name == "shape" and type(value) is Tensor:
        return tuple(value.shape)
    held = attributes(value)
    parts: Any = held.get("_modules")
    return held.get(name, parts.get(name) if is_a(parts, dict) else None)


def _sizes(value: Any) -> list[int]:
    if type(value) is int:
        return [value]
    parts = list(value) if is_a(value, tuple, list) and len(value) <= _MOST_ROWS else []
    return [part for part in parts if type(part) is int]


def _place(error: BaseException | None) -> tuple[FrameType | None, list[str]]:
    """The innermost frame, and its line with the condition that it stands under."""
    entry = traceback_of(error) if error is not None else None
    if entry is None:
        return None, []
    while entry.tb_next is not None:
        entry = entry.tb_next
    file, number = entry.tb_frame.f_code.co_filename, entry.tb_lineno
    line = linecache.getline(file, number)
    above = (linecache.getline(file, before) for before in range(number - 1, max(0, number - _MOST_LINES), -1))
    condition = next((text for text in above if text.strip() and _indent(text) < _indent(line)), "")
    asked = condition.strip().startswith(("if ", "elif "))
    return entry.tb_frame, [condition.strip() if asked else "", line.strip()]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
