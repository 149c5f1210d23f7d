"""The calls of a run in the order in which they began, or the most costly first; a key costs what is on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from inspector.run_rows import RunRows
from inspector.tui.canvas import Canvas, Line
from inspector.tui.keys import bindings
from inspector.tui.palette import Palette
from inspector.tui.scroll_bar import scroll_bar
from inspector.tui.trace_line import ORDERS, TraceLayout, heading, trace_line


def _same(before: RunRows, after: RunRows, call: int) -> bool:
    """Whether a call of one run is the call of the same module or function in another."""
    old, new = before.run, after.run
    if before.table is not after.table or call >= new.count:
        return False
    return (old.row[call], old.kinds[call], old.name(call)) == (new.row[call], new.kinds[call], new.name(call))


class TraceView(Canvas, can_focus=True):
    """One line for each call, with a cursor."""

    DEFAULT_CSS = "TraceView { width: 1fr; height: 1fr; display: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane"), *bindings("trace")]

    class CursorMoved(Message):
        """The cursor stands on another call."""

        def __init__(self, call: int) -> None:
            super().__init__()
            self.call = call

    def __init__(self, palette: Palette, *, ascii_only: bool = False) -> None:
        super().__init__(palette, ascii_only=ascii_only, id="trace")
        self.flow: RunRows | None = None
        self._calls: Sequence[int] = range(0)
        self._at = self._top = self._order = 0

    def show_run(self, flow: RunRows | None) -> None:
        """Show the calls of another run; the cursor stays where that has called the same."""
        before, call = self.flow, self.call
        self.flow = flow
        self._sort()
        same = before is not None and flow is not None and call is not None and _same(before, flow, call)
        self._at = self._calls.index(call) if same and call is not None else 0
        self._top = self._top if same else 0
        self._keep_on_screen()
        self.paint()

    @property
    def call(self) -> int | None:
        """The call under the cursor; None while there is none."""
        return self._calls[self._at] if self._calls else None

    def go_to(self, call: int) -> None:
        """Put the cursor on a call."""
        at = call if self._order == 0 else self._calls.index(call)
        self.move_to(at)

    def move_to(self, index: int) -> None:
        index = min(max(index, 0), max(len(self._calls) - 1, 0))
        if index != self._at:
            self._at = index
            self._keep_on_screen()
            self.paint()
            self.post_message(self.CursorMoved(self._calls[index]))

    def action_move(self, lines: int) -> None:
        self.move_to(self._at + lines)

    def action_page(self, pages: int) -> None:
        self.move_to(self._at + pages * max(self.size.height - 2, 1))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self._calls) - 1)

    def action_sort(self) -> None:
        """The next order; the most costly call gets the cursor."""
        self._order = (self._order + 1) % len(ORDERS)
        self._at = self._top = 0
        self._sort()
        if self.call is not None:
            self.post_message(self.CursorMoved(self.call))

    def _sort(self) -> None:
        flow, key = self.flow, ORDERS[self._order].key
        calls: Sequence[int] = range(flow.run.count if flow is not None else 0)
        if key is not None and flow is not None:
            calls = sorted(calls, key=lambda call: key(flow, call))
        self._calls = calls
        self.paint()

    def _keep_on_screen(self) -> None:
        page = self.size.height - 1
        if page > 0 and not self._top <= self._at < self._top + page:
            # A third of a page at once, as in the tree.
            step = page // 3
            self._top = self._at - step if self._at < self._top else self._at - page + 1 + step
        self._top = max(min(self._top, len(self._calls) - page), 0)

    # --- lines --------------------------------------------------------------------------------------------------

    def lines(self) -> list[Strip]:
        width, height = self.size
        blank = Strip.blank(width, self.palette.base)
        if self.flow is None or not self._calls:
            said = Line().add(" no run of this model yet: r runs it, t shows the tree", self.palette.dim)
            return [blank, said.strip(width, self.palette, ascii_only=self.ascii_only), *[blank] * height][:height]
        layout = TraceLayout(width - 1, ORDERS[self._order])
        strips = [heading(layout, self.palette, ascii_only=self.ascii_only)]
        strips += [
            self._line(index, layout) for index in range(self._top, min(self._top + height - 1, len(self._calls)))
        ]
        strips += [Strip.blank(width - 1, self.palette.base)] * (height - len(strips))
        scroll = scroll_bar(height, self._top, len(self._calls), self.palette, ascii_only=self.ascii_only)
        return [strip + thumb for strip, thumb in zip(strips, scroll, strict=False)]

    def _line(self, index: int, layout: TraceLayout) -> Strip:
        assert self.flow is not None
        at_cursor = self.palette.cursor if self.has_focus else self.palette.cursor_away
        cursor = at_cursor if index == self._at else None
        call = self._calls[index]
        return trace_line(self.flow, call, layout, self.palette, cursor=cursor, ascii_only=self.ascii_only)

    # --- mouse and focus ----------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            self.action_sort()
        elif self._top + event.y - 1 < len(self._calls):
            self.move_to(self._top + event.y - 1)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def on_focus(self) -> None:
        self.paint()

    def on_blur(self) -> None:
        self.paint()

    def on_resize(self) -> None:
        self._keep_on_screen()
        super().on_resize()
