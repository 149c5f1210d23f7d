"""The line in which a search or a filter is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static
from textual.widgets.input import Selection

Typed = Callable[[str], None]
Given = Callable[[str | None], None]


class Prompt(Horizontal):
    """A mark, and an input that tells what is typed and what was given at last.

    It is there from the beginning and only shown and hidden: a widget that comes and goes would move the panes above
    it, and so write the whole screen anew.
    """

    DEFAULT_CSS = """
    Prompt { height: 1; display: none; }
    Prompt Static { width: 2; padding: 0; }
    Prompt Input { border: none; height: 1; padding: 0; width: 1fr; background: transparent; }
    Prompt Input:focus { border: none; background: transparent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False, priority=True)]

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self._mark = Static("", markup=False)
        self._line = Input(compact=True, select_on_focus=False)
        self._line.cursor_blink = False  # an idle window writes nothing
        self._typed: Typed | None = None
        self._given: Given | None = None

    def compose(self) -> ComposeResult:
        yield self._mark
        yield self._line

    def open(self, mark: str, typed: Typed | None, given: Given, *, begun: str = "", hint: str = "") -> None:
        """Begin with an empty line, or with what is `begun`: the first letter replaces it, an arrow keeps it.

        The very next key is already typed into it.

        The `hint` stands there for as long as it is empty.
        """
        self._typed, self._given = typed, given
        self._mark.update(f" {mark}")
        with self._line.prevent(Input.Changed):
            self._line.value = begun
        self._line.selection = Selection(0, len(begun))
        self._line.placeholder = hint
        self.display = True
        self.screen.set_focus(self._line, scroll_visible=False)

    def close(self) -> None:
        self._typed = self._given = None
        self.display = False

    def tell_again(self) -> None:
        """Tell what is typed once more: what it was looked up in has changed."""
        if self._typed is not None and self._line.value:
            self._typed(self._line.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typed is not None:
            self._typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._given is not None:
            self._given(event.value)

    def action_dismiss(self) -> None:
        if self._given is not None:
            self._given(None)
