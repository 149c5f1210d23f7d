"""Writes every message, both ways, as one readable line of JSON: what `--log FILE` is."""

from __future__ import annotations

from math import isfinite
from time import monotonic
from typing import Any, TextIO

import msgspec

from inspector.wire import encodable


class Journal:
    """One file of messages; each line is there as soon as its message was."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._started = monotonic()

    def write(self, way: str, engine: int, message: msgspec.Struct) -> None:
        """Add a line; `way` is `sent` or `heard`, engine 0 the warm server."""
        seconds = round(monotonic() - self._started, 6)
        line = {"seconds": seconds, "way": way, "engine": engine, "message": _readable(message)}
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()


def _readable(message: msgspec.Struct) -> Any:
    return _legible(msgspec.to_builtins(message, builtin_types=(bytes,)))


def _legible(value: Any) -> Any:
    """The same with bytes as their length and non-finite numbers as words, since JSON has neither."""
    match value:
        case dict():
            return {key: _legible(item) for key, item in value.items()}
        case list() | tuple():
            return [_legible(item) for item in value]
        case bytes():
            return f"{len(value)} bytes"
        case float() if not isfinite(value):
            return str(value)
        case str():
            return encodable(value)
        case _:
            return value
