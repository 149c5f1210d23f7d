"""The commands that copy: paths, details, command lines."""

from __future__ import annotations

import asyncio
import os

from inspector.format import literal
from inspector.tui.clipboard import copy
from inspector.tui.window import Window


class CopyCommands(Window):
    """A window that text can be copied from."""

    def action_copy_path(self) -> None:
        if self.talk.model is not None:
            path = self.talk.model.table.path(self.model_tree.row)
            self.copy(path or self.talk.model.target.call, path or self.talk.model.target.call)

    def action_copy_detail(self) -> None:
        self.copy(self.detail.text(), "the details")

    def copy(self, text: str, what: str) -> None:
        """Bring a text to the clipboard, and say how; `what` is what it is called then."""
        asyncio.create_task(self._copying(text, what))  # noqa: RUF006 (the loop outlives it, and so does the window)

    async def _copying(self, text: str, what: str) -> None:
        written: list[str] = []
        sent = await asyncio.to_thread(copy, text, written.append, os.environ)
        if self._driver is not None:
            self._driver.write("".join(written))
            self._driver.flush()
        self.tell(f"{literal(what)}: {sent}")
