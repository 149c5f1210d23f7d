"""Hears messages and processes: tests wait for what happens, never for time to pass."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from inspector.messages import Event

Heard = TypeVar("Heard")
PATIENCE = 60
"""Seconds after which what did not happen never will."""


class Ear:
    """Keeps what it hears of every engine, and wakes whoever waits for something in it."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, object]] = []
        self._changed = asyncio.Event()

    def hear(self, engine: int, event: Event) -> None:
        self.heard.append((engine, event))
        self._changed.set()

    def listen(self, message: object) -> None:
        """Hear something that is no engine's."""
        self.heard.append((0, message))
        self._changed.set()

    def of(self, engine: int, kind: type[Heard]) -> list[Heard]:
        """What was heard of one engine, of one kind."""
        return [event for number, event in self.heard if number == engine and isinstance(event, kind)]

    def printed(self, engine: int, stream: str = "stdout") -> str:
        from inspector.messages import Printed

        return "".join(event.text for event in self.of(engine, Printed) if event.stream == stream)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something holds that can only change when something is heard."""
        while not true():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE)

    async def first(self, engine: int, kind: type[Heard]) -> Heard:
        """The first event of a kind, as soon as there is one."""
        return (await self.more(engine, kind, 0))[0]

    async def more(self, engine: int, kind: type[Heard], than: int) -> list[Heard]:
        """All events of a kind, as soon as there are more than so many."""
        await self.until(lambda: len(self.of(engine, kind)) > than)
        return self.of(engine, kind)


async def gone(pid: int) -> None:
    """Wait for a process to end, whoever's child it is."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), PATIENCE)
    finally:
        loop.remove_reader(process)
        os.close(process)
