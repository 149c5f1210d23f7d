"""Runs: consecutive siblings of equal structure whose names count up, `0`, `1`, `2` … or `layer1`, `layer2` …"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

Sibling = tuple[str, object, bool]
"""Name, signature, and whether the module is registered here for the first time."""

SHORTEST = 3
_DIGITS = 15
_NUMBERED = re.compile(rf"(.*?)([0-9]{{1,{_DIGITS}}})", re.DOTALL)


def run_lengths(siblings: Sequence[Sibling]) -> Iterator[tuple[int, int]]:
    """(index of the first, number) of every run of at least three."""
    start, counted = 0, None
    for index, (name, signature, first_time) in enumerate(siblings):
        if index and first_time and siblings[index - 1][2] and siblings[index - 1][1] == signature:
            before = counted or _numbered(siblings[index - 1][0])
            counted = _numbered(name)
            if before is not None and counted is not None and counted == (before[0], before[1] + 1):
                continue
        else:
            counted = None
        if index - start >= SHORTEST:
            yield start, index - start
        start = index
    if len(siblings) - start >= SHORTEST:
        yield start, len(siblings) - start


def _numbered(name: str) -> tuple[str, int] | None:
    """What stands before the number at the end of a name, and that number."""
    if len(name) <= _DIGITS and name.isdigit() and name.isascii():
        return "", int(name)
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match else None
