"""The tree of the model: a key costs what is on the screen, whatever the size of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from inspector.format import end_cut
from inspector.mode_rows import ModeRows
from inspector.run_rows import RunRows
from inspector.schema import Kind
from inspector.table import ModelTable
from inspector.tui.canvas import Canvas, Line
from inspector.tui.changes import carried
from inspector.tui.keys import bindings
from inspector.tui.palette import Palette
from inspector.tui.scroll_bar import scroll_bar
from inspector.tui.shown_rows import ShownRows
from inspector.tui.tree_columns import COSTS, MODES, ORDERS, SETS, STRUCTURE, Column, orders
from inspector.tui.tree_line import Layout, heading, tree_line

FIRST_SCREEN = 40
"""Rows that a model is opened to at first."""


class ModelTree(Canvas, can_focus=True):
    """Rows of the model with a cursor; the first line holds the titles of the columns."""

    DEFAULT_CSS = "ModelTree { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane"), *bindings("tree")]

    class CursorMoved(Message):
        """The cursor stands on another row, or that row became another."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    def __init__(self, palette: Palette, *, ascii_only: bool = False, first_depth: int | None = None) -> None:
        super().__init__(palette, ascii_only=ascii_only, id="tree")
        self.first_depth = first_depth
        """Levels below the root that a model is opened to; None is as many as fit on a screen."""
        self.shown: ShownRows | None = None
        self.expects_run = False
        """Whether there is room for what a run tells before there was one."""
        self.changes: dict[int, str] = {}
        """Row → + ~ -, what a reload did to it."""
        self.badges: Mapping[int, str] = {}
        """Row → letter of what was noticed there or below."""
        self._at = 0
        self._top = 0
        self._columns = 0
        self._order = 0
        self._instead = ""
        self._cache: dict[int, Strip] = {}

    # --- what is shown ------------------------------------------------------------------------------------------

    def show(self, table: ModelTable) -> None:
        """Show another model from its first row."""
        self.shown = ShownRows(table)
        if self.first_depth is None:
            self.shown.expand_within(FIRST_SCREEN)
        else:
            self.shown.expand_to_depth(self.first_depth)
        self._at = self._top = 0
        self.changes, self.badges = {}, {}
        self._apply_order()
        self.redraw()

    def replace(self, table: ModelTable, changes: dict[int, str]) -> None:
        """Show the model as it is now: cursor, open rows and scroll position stay as far as their rows still exist."""
        old = self.shown
        if old is None or not old.rows:
            self.show(table)
            return
        row, screen_line = self.row, self._at - self._top
        on_run = old.table.kinds[row] == Kind.RUN
        trail = old.table.trail(row + 1 if on_run else row)
        new = ShownRows(table)
        new.open = {0} | {row for row in carried(old.table, old.open, table) if table.size[row] > 1}
        new.rebuild()
        self.shown, self.changes, self.badges = new, changes, {}
        self._apply_order()
        row, _ = table.follow(trail)
        if on_run and table.kinds[table.above(row)] == Kind.RUN:
            row = table.above(row)
        self._at = self.shown.reveal(row)
        self._top = max(self._at - screen_line, 0)
        self.redraw()

    def say(self, words: str) -> None:
        """What stands here as long as there is no model."""
        self._instead = words
        if self.shown is None:
            self.paint()

    def redraw(self) -> None:
        """Lay every line anew."""
        self._cache.clear()
        self._keep_cursor_on_screen()
        self.paint()

    def rows_arrived(self, first: int, count: int) -> None:
        """Records that were missing are here: lay the lines anew that show them."""
        stale = [row for row in self._cache if first <= row < first + count]
        for row in stale:
            del self._cache[row]
        if stale:
            self.paint()

    def clear_changes(self) -> None:
        """Take the marks of the last reload away."""
        for row in self.changes:
            self._cache.pop(row, None)
        self.changes = {}

    def lines(self) -> list[Strip]:
        width, height = self.size
        if self.shown is None:
            said = Line().add(f" {end_cut(self._instead, width - 2)}", self.palette.dim)
            blank = Strip.blank(width, self.palette.base)
            return [blank, said.strip(width, self.palette, ascii_only=self.ascii_only), *[blank] * height][:height]
        layout = Layout.fit(width - 1, self._shown_columns())
        strips = [heading(layout, self.palette, ORDERS[self._order][0], self.ascii_only)]
        window = self.shown.rows[self._top : self._top + height - 1]
        for index, row in enumerate(window, self._top):
            strips.append(self._cursor_line(row, layout) if index == self._at else self._line(row, layout))
        strips += [Strip.blank(width - 1, self.palette.base)] * (height - len(strips))
        scroll = scroll_bar(height, self._top, len(self.shown), self.palette, ascii_only=self.ascii_only)
        return [strip + thumb for strip, thumb in zip(strips, scroll, strict=False)]

    def _shown_columns(self) -> tuple[Column, ...]:
        """The set that was chosen; what a run tells has no column where no run is."""
        told = self.expects_run or (self.shown is not None and self.shown.flow is not None)
        chosen = SETS[self._columns if self._tells(self._columns) else STRUCTURE]
        return tuple(column for column in chosen if told or not column.of_run)

    def _line(self, row: int, layout: Layout, cursor: Style | None = None) -> Strip:
        if cursor is None and (known := self._cache.get(row)) is not None and known.cell_length == layout.width:
            return known
        assert self.shown is not None
        line = tree_line(
            self.shown,
            row,
            layout,
            self.palette,
            cursor=cursor,
            change=self.changes.get(row) or self.badges.get(row, ""),
            ascii_only=self.ascii_only,
        )
        if cursor is None:
            self._cache[row] = line
        return line

    def _cursor_line(self, row: int, layout: Layout) -> Strip:
        return self._line(row, layout, self.palette.cursor if self.has_focus else self.palette.cursor_away)

    # --- cursor -------------------------------------------------------------------------------------------------

    @property
    def row(self) -> int:
        """The row under the cursor; the root's while there is none."""
        return self.shown.rows[self._at] if self.shown else 0

    def move_to(self, index: int) -> None:
        """Put the cursor on the index-th shown row, or on the nearest there is."""
        if self.shown is None:
            return
        index = min(max(index, 0), len(self.shown) - 1)
        if index == self._at:
            return
        self._at = index
        self._keep_cursor_on_screen()
        self.paint()
        self.post_message(self.CursorMoved(self.row))

    def go_to(self, row: int) -> None:
        """Put the cursor on a row, opening whatever it is folded into."""
        if self.shown is None:
            return
        before = len(self.shown)
        index = self.shown.reveal(row)
        if len(self.shown) != before:
            self._cache.clear()
        if index == self._at:
            self.paint()
        self.move_to(index)

    def _keep_cursor_on_screen(self) -> None:
        page = self._page
        if self.shown is None or page <= 0:
            return
        self._at = min(self._at, len(self.shown) - 1)
        if not self._top <= self._at < self._top + page:
            # A third of a page at once: one larger repaint every so many keys instead of one with each key.
            step = page // 3
            self._top = self._at - step if self._at < self._top else self._at - page + 1 + step
        self._top = max(min(self._top, len(self.shown) - page), 0)

    @property
    def _page(self) -> int:
        return self.size.height - 1

    def action_move(self, lines: int) -> None:
        self.move_to(self._at + lines)

    def action_page(self, pages: int) -> None:
        self.move_to(self._at + pages * max(self._page - 1, 1))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self.shown or ()) - 1)

    # --- folding ------------------------------------------------------------------------------------------------

    def _refold(self, row: int) -> None:
        if self.shown is None:
            return
        self._cache.clear()
        self._at = self.shown.reveal(row)
        self._keep_cursor_on_screen()
        self.paint()
        self.post_message(self.CursorMoved(self.row))

    def action_fold(self) -> None:
        if self.shown is not None and self.shown.can_open(self.row):
            row = self.row
            self.shown.toggle(row)
            self._refold(row)

    def action_into(self) -> None:
        """Open the row, or step onto its first child when it is open."""
        if self.shown is None:
            return
        row = self.row
        if self.shown.can_open(row) and not self.shown.is_open(row):
            self.shown.expand(row)
            self._refold(row)
        elif self.shown.can_open(row):
            self.action_move(1)

    def action_out(self) -> None:
        """Close the row, or step onto its parent when it is closed."""
        if self.shown is None:
            return
        row = self.row
        if row and self.shown.is_open(row) and not self.shown.filtered:
            self.shown.collapse(row)
            self._refold(row)
        else:
            self.go_to(self.shown.table.above(row))

    def action_deeper(self, levels: int) -> None:
        """Open the whole tree a level further than its deepest open row, or a level less."""
        if self.shown is not None:
            row = self.row
            deepest = self.shown.deepest_open()
            self.shown.expand_to_depth(max(deepest + 1 + levels, 1))
            while self.shown.index(row) is None:
                row = self.shown.table.above(row)
            self._refold(row)

    def action_original(self) -> None:
        """From a second place of an object to its first."""
        if self.shown is not None:
            self.go_to(self.shown.table.first_place(self.row))

    def action_expand_below(self) -> None:
        if self.shown is not None:
            row = self.row
            self.shown.expand_below(row)
            self._refold(row)

    def action_collapse_below(self) -> None:
        if self.shown is not None:
            row = self.row
            self.shown.collapse_below(row)
            self._refold(row)

    # --- order, choice, columns -----------------------------------------------------------------------------------

    def action_sort(self) -> None:
        if self.shown is not None:
            row = self.row
            self._order = next((at for at in orders(self.shown) if at > self._order), 0)
            self._apply_order()
            self._refold(row)

    def _apply_order(self) -> None:
        _, key = ORDERS[self._order]
        shown = self.shown
        if shown is not None and (key is not None or shown.sorted):
            shown.sort(None if key is None else lambda row: key(shown, row))

    @property
    def order(self) -> str:
        return ORDERS[self._order][0]

    def action_columns(self) -> None:
        """The next set of columns that has something to tell."""
        self.show_columns(next(at for at in self._sets_after(self._columns) if self._tells(at)))

    def _sets_after(self, columns: int) -> Iterator[int]:
        yield from ((columns + step) % len(SETS) for step in range(1, len(SETS) + 1))

    def _tells(self, columns: int) -> bool:
        """Whether a set has more to tell than what is known without a run and a comparison."""
        if columns == COSTS:
            return self.shown is not None and self.shown.flow is not None
        return columns != MODES or (self.shown is not None and self.shown.modes is not None)

    def show_columns(self, columns: int) -> None:
        """Show one of the sets of columns."""
        self._columns = columns
        self.redraw()

    def show_run(self, flow: RunRows | None) -> None:
        """Show what a run told, in place of what one before it told; the cursor stays on its module."""
        if self.shown is None:
            return
        table, row = self.shown.table, self.row
        row = row if row < table.count else table.above(row)
        table.attach(None if flow is None else flow.run)
        self.shown.flow = flow
        self._apply_order()
        self.shown.rebuild()
        self._at = self.shown.reveal(row)
        self.redraw()

    def show_badges(self, badges: Mapping[int, str]) -> None:
        """Show which rows something was noticed about."""
        if badges != self.badges:
            self.badges = badges
            self.redraw()

    def show_modes(self, modes: ModeRows | None) -> None:
        """Show what differs between train and eval."""
        if self.shown is not None:
            self.shown.modes = modes
            self._apply_order()
            self.redraw()

    def keep(self, rows: list[int] | None) -> None:
        """Show only these rows and what is above them; None ends the filter, the cursor stays on its row."""
        if self.shown is None:
            return
        row = self.row
        self.shown.keep(rows)
        if rows is not None and rows and self.shown.index(row) is None:
            row = rows[0]
        self._refold(row)

    # --- mouse and focus ------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            self.action_sort()
            return
        index = self._top + event.y - 1
        if self.shown is not None and index < len(self.shown):
            again = index == self._at
            self.move_to(index)
            if again:
                self.action_fold()

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def on_focus(self) -> None:
        self.paint()

    def on_blur(self) -> None:
        self.paint()

    def on_resize(self) -> None:
        self._cache.clear()
        self._keep_cursor_on_screen()
        super().on_resize()
