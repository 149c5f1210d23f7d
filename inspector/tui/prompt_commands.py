"""The commands that ask for words in the line at the bottom."""

from __future__ import annotations

from inspector.messages import Load, Run
from inspector.tui.appearance import Appearance
from inspector.tui.conversation import Connect
from inspector.tui.prompt import Given, Typed
from inspector.tui.try_commands import TryCommands


class PromptCommands(TryCommands):
    """A window in which something can be typed in the place of the status."""

    def __init__(self, connect: Connect, request: Load, appearance: Appearance, run: Run | None = None) -> None:
        super().__init__(connect, request, appearance, run)
        self._origin = 0
        """The row where the cursor was when the prompt opened."""

    def _ask_words(self, mark: str, typed: Typed | None, given: Given, *, begun: str = "", hint: str = "") -> None:
        if self.talk.model is None:
            return
        self._origin = self.model_tree.row
        self.status.display = False
        self.prompt.open(mark, typed, given, begun=begun, hint=hint)

    def _close_prompt(self) -> None:
        """Give the line back to the status."""
        self.prompt.close()
        self.status.display = True
        (self.main if self.main.display else self.detail).focus()
        self.show_status()
