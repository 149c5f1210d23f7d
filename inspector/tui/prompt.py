"""The line in which a search or a filter is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

Typed = Callable[[str, int], None]
Given = Callable[[str | None, int], None]


class Prompt(Horizontal):
    """A mark, and an input that tells what is typed and what was given at last."""

    DEFAULT_CSS = """
    Prompt { height: 1; }
    Prompt Static { width: 2; padding: 0; }
    Prompt Input { border: none; height: 1; padding: 0; width: 1fr; background: transparent; }
    Prompt Input:focus { border: none; background: transparent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False, priority=True)]

    def __init__(self, mark: str, typed: Typed | None, given: Given, origin: int) -> None:
        super().__init__()
        self._mark = mark
        self._typed = typed
        self._given = given
        self._origin = origin

    def compose(self) -> ComposeResult:
        yield Static(f" {self._mark}", markup=False)
        line = Input(compact=True, select_on_focus=False)
        line.cursor_blink = False  # an idle window writes nothing
        yield line

    def focus(self, scroll_visible: bool = True) -> Prompt:
        self.call_after_refresh(lambda: self.query_one(Input).focus())
        return self

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typed is not None:
            self._typed(event.value, self._origin)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._given(event.value, self._origin)

    def action_dismiss(self) -> None:
        self._given(None, self._origin)
