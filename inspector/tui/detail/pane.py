"""The pane that shows a page: scrolls it, keeps its place, writes only the lines that changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from inspector.format import end_cut
from inspector.tui.canvas import Canvas, Line
from inspector.tui.detail.page import Page, Piece
from inspector.tui.keys import bindings
from inspector.tui.palette import Palette

_PLACE = 10
"""Cells at the end of the last line: how far the page is scrolled."""
_HIDDEN_WIDTH = 78
"""Cells of a page that is written while the pane is hidden: for copying."""


class DetailPane(Canvas, can_focus=True):
    """A page of text beside the tree, or over it where there is no room beside."""

    DEFAULT_CSS = "DetailPane { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings("pane"))

    class Focused(Message):
        """The pane got the keys, or gave them away."""

        def __init__(self, pane: DetailPane, gained: bool) -> None:
            super().__init__()
            self.pane = pane
            self.gained = gained

    def __init__(self, palette: Palette, *, ascii_only: bool = False, id: str = "detail") -> None:  # noqa: A002
        super().__init__(palette, ascii_only=ascii_only, id=id)
        self.tabs: tuple[str, ...] = ()
        self.tab = 0
        self.write: Callable[[Page], None] = lambda page: None
        """Writes the page: when it is shown, and again whenever the width has changed."""
        self._page: Page | None = None
        self._subject: object = None
        self._top = 0

    @property
    def text_width(self) -> int:
        """Cells that a page may use."""
        return max(self.size.width - 2, 10) if self.size.width else _HIDDEN_WIDTH

    def show(self, write: Callable[[Page], None], subject: object) -> None:
        """Show what is written; the same subject keeps its scroll position, another one begins at its top."""
        if subject != self._subject:
            self._top = 0
        self.write, self._subject, self._page = write, subject, None
        self.paint()

    @property
    def page(self) -> Page:
        """The page as it is at this width."""
        if self._page is None or self._page.width != self.text_width:
            self._page = Page(self.text_width, self.palette, ascii_only=self.ascii_only)
            self.write(self._page)
            self._top = self._clamped(self._top)
        return self._page

    def lines(self) -> list[Strip]:
        width, height = self.size
        rows = self.page.lines
        window = rows[self._top : self._top + self._room]
        strips = [self._strip(row) for row in window]
        strips += [self._strip([])] * (self._room - len(strips))
        return [*strips, self._footer(len(rows))][:height] if width else []

    @property
    def _room(self) -> int:
        return max(self.size.height - 1, 0)

    def _strip(self, pieces: list[Piece]) -> Strip:
        line = Line().add(" ", self.palette.base)
        for text, style in pieces:
            room = self.size.width - 1 - line.width
            line.add(end_cut(text, room), style)
            if cell_len(text) > room:
                break
        return line.strip(self.size.width, self.palette, ascii_only=self.ascii_only)

    def _footer(self, total: int) -> Strip:
        """The pages there are, and how much of this one is above and below."""
        line = Line().add(" ", self.palette.base)
        named = sum(len(tab) + 5 for tab in self.tabs) < self.size.width - _PLACE
        for index, tab in enumerate(self.tabs):
            style = self.palette.strong if index == self.tab else self.palette.dim
            mark = "▸" if index == self.tab else " "
            line.add(f"{mark}{index + 1} {tab}  " if named or index == self.tab else f"{mark}{index + 1} ", style)
        if total > self._room:
            place = f"{min(self._top + self._room, total)}/{total}"
            line.pad(self.size.width - cell_len(place) - 1, self.palette.base).add(place, self.palette.dim)
        return line.strip(self.size.width, self.palette, ascii_only=self.ascii_only)

    def _clamped(self, top: int) -> int:
        return max(min(top, len(self.page.lines) - self._room), 0)

    def action_move(self, lines: int) -> None:
        self._top = self._clamped(self._top + lines)
        self.paint()

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self._room - 1, 1))

    def action_first(self) -> None:
        self.action_move(-self._top)

    def action_last(self) -> None:
        self.action_move(1 << 30)

    def text(self) -> str:
        """The whole page as plain text, for copying."""
        return "\n".join("".join(text for text, _ in row).rstrip() for row in self.page.lines) + "\n"

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def on_focus(self) -> None:
        self.post_message(self.Focused(self, True))

    def on_blur(self) -> None:
        self.post_message(self.Focused(self, False))
