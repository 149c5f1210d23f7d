"""Tracebacks of the user's forward, without the frames that recording put between theirs."""

from __future__ import annotations

import os
from types import TracebackType

_HERE = os.path.dirname(os.path.realpath(__file__)) + os.sep
_LONGEST_CHAIN = 50


def without_recording(error: BaseException) -> None:
    """Take this room's own frames out of the traceback of an exception, and of those that led to it."""
    chain: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if chain is None:
            break
        chain.__traceback__ = _filtered(chain.__traceback__)
        chain = chain.__cause__ or chain.__context__


def _filtered(entry: TracebackType | None) -> TracebackType | None:
    entries = []
    while entry is not None:
        if not entry.tb_frame.f_code.co_filename.startswith(_HERE):
            entries.append(entry)
        entry = entry.tb_next
    kept: TracebackType | None = None
    for each in reversed(entries):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept
