"""Notices when one of the user's files is saved, also while it was being loaded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

STEP_MS = 15
"""A save is over when nothing else changed for this long; editors write, rename and touch in one go."""
SETTLED = 0.3
"""Seconds after which the system surely tells of every save; those before are found by their time."""


class Watcher:
    """Watches one set of files at a time, and calls `saved` after each save."""

    def __init__(self, saved: Callable[[], None]) -> None:
        self._saved = saved
        self._tasks: list[asyncio.Task[None]] = []
        self._seen: set[tuple[str, int]] = set()
        """Files with the times of saves that were told already: a clock that is ahead must not tell them for ever."""

    def watch(self, files: Iterable[str], since: float) -> None:
        """Watch these files and no others; a save after `since` (seconds of time.time()) is told even if it is past.

        Folders are watched, not files: editors replace a file by renaming another over it.
        """
        self.stop()
        names = {os.path.realpath(file) for file in files}
        folders = {folder for folder in map(os.path.dirname, names) if os.path.isdir(folder)}
        if folders:
            self._tasks = [
                asyncio.create_task(self._tell_saves(names, folders)),
                asyncio.create_task(self._tell_past_saves(names, since)),
            ]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _tell_saves(self, names: set[str], folders: set[str]) -> None:
        from watchfiles import awatch

        stop = asyncio.Event()
        saves = awatch(
            *folders,
            watch_filter=lambda _, path: os.path.realpath(path) in names,
            recursive=False,
            step=STEP_MS,
            debounce=200,
            stop_event=stop,
            rust_timeout=60_000,
        )
        try:
            async for _ in saves:
                self._are_new(names, 0.0)
                self._saved()
        finally:
            stop.set()

    async def _tell_past_saves(self, names: set[str], since: float) -> None:
        await asyncio.sleep(SETTLED)
        if self._are_new(names, since):
            self._saved()

    def _are_new(self, names: set[str], since: float) -> bool:
        """Whether one of the files was saved after a time and that was not told yet; now it is."""
        found = {(name, time) for name in names if (time := _saved_at(name)) > since * 1e9} - self._seen
        self._seen |= found
        return bool(found)


def _saved_at(file: str) -> int:
    """When a file was written last, in nanoseconds; 0 when it is not there."""
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0
