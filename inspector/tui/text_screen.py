"""A screen of text over the window: the log of what the user's code printed, and the help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from inspector.format import literal
from inspector.query import STATES
from inspector.tui.appearance import Appearance
from inspector.tui.bars import KeyLine, TitleBar
from inspector.tui.detail.page import Page, wrap
from inspector.tui.detail.pane import DetailPane
from inspector.tui.keys import KEYS, shown
from inspector.tui.open_model import OutputLog


class TextScreen(ModalScreen[None]):
    """Pages of text that scroll; Esc, q or the key that opened it closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,o,question_mark,f1", "dismiss(None)", show=False)]
    DEFAULT_CSS = "TextScreen { layout: vertical; background: $background; }"

    def __init__(
        self, title: str, write: Callable[[Page], None], appearance: Appearance, *, at_end: bool = False
    ) -> None:
        super().__init__()
        self._at_end = at_end
        self._title_text = title
        self._write = write
        self._appearance = appearance

    def compose(self) -> ComposeResult:
        palette, ascii_only = self._appearance.palette, self._appearance.ascii_only
        title = TitleBar(palette, ascii_only=ascii_only)
        title.name_text = self._title_text
        self.pane = DetailPane(palette, ascii_only=ascii_only, id="text")
        self.pane.write = self._write
        keys = KeyLine(palette, ascii_only=ascii_only)
        keys.keys = (("Esc", "back"), ("↑ ↓", "scroll"))
        yield title
        yield self.pane
        yield keys

    def on_mount(self) -> None:
        self.pane.focus()
        if self._at_end:
            self.call_after_refresh(self.pane.action_last)


def log_page(page: Page, log: OutputLog) -> None:
    """Everything printed, stderr marked by a letter, oldest first."""
    if not log:
        page.prose("Nothing was printed.", page.palette.dim)
    if log.dropped:
        page.prose(f"{log.dropped:,} bytes were printed too fast to be kept.", page.palette.warning)
    for stream, text in log.text():
        mark, style = ("E ", page.palette.warning) if stream == "stderr" else ("  ", page.palette.base)
        page.prose(mark + literal(text.expandtabs(4)), style)


_PLACES = (("pane", "moving"), ("tree", "the tree"), ("trace", "the trace"), ("everywhere", "everywhere"))


def help_page(page: Page, keymap: Mapping[str, str]) -> None:
    """Every key, made of the bindings themselves, then what a filter understands."""
    for where, title in _PLACES:
        page.heading(title)
        for key in KEYS:
            if key.where == where:
                _write_meaning(page, shown(key, keymap), key.does, 12)
    page.heading("what / and \\ understand")
    page.prose(
        "Words that all must hold. A plain word is found in names, paths and classes; name: type: dtype: and "
        "device: ask for one of them alone, is: for a state:"
    )
    for state, meaning in STATES.items():
        _write_meaning(page, f"is:{state}", meaning, 16)
    page.heading("marks in the tree")
    for mark, meaning in (
        ("▸ ▾", "closed, open"),
        ("0-11 · 12 ×", "that many blocks of identical structure"),
        ("= path", "the same object as there, counted there"),
        ("+ ~ -", "added, changed, lost something in the last reload"),
        ("train*", "some module below is in the other mode"),
        ("✗", "forward raised in it, or in something that it called"),
        ("×5", "so many calls in the last run"),
        ("E W n", "an error, a warning, a note about it (x lists them); e w: about something below it"),
    ):
        _write_meaning(page, mark, meaning, 16)


def _write_meaning(page: Page, name: str, meaning: str, cells: int) -> None:
    """A name at the right edge of its column, and what it means, wrapped under itself."""
    head = f"{name:>{cells}}  "
    for part in wrap(meaning, page.width - len(head)):
        page.line((head, page.palette.strong), (part, page.palette.base))
        head = " " * len(head)
