"""Notices when one of the user's files is saved."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

STEP_MS = 15
"""A save is over when nothing else changed for this long; editors write, rename and touch in one go."""


async def watch(files: Iterable[str], saved: Callable[[], None]) -> None:
    """Call `saved` after each save of one of these files, until cancelled.

    Folders are watched, not files: editors replace a file by renaming another over it.
    """
    from watchfiles import awatch

    names = {os.path.realpath(file) for file in files}
    folders = {folder for folder in map(os.path.dirname, names) if os.path.isdir(folder)}
    if not folders:
        return
    ours = lambda change, path: os.path.realpath(path) in names  # noqa: E731
    stop = asyncio.Event()
    try:
        async for _ in awatch(
            *folders,
            watch_filter=ours,
            recursive=False,
            step=STEP_MS,
            debounce=200,
            stop_event=stop,
            rust_timeout=60_000,
        ):
            saved()
    finally:
        stop.set()
