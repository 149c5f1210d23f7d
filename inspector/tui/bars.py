"""The one-line widgets: what is open (top), what goes on or where the cursor is, and which keys there are (bottom)."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from inspector.format import end_cut, middle_cut
from inspector.tui.canvas import Canvas, Line


class TitleBar(Canvas):
    """The model's name, then what holds for all of it."""

    name_text = ""
    facts: tuple[str, ...] = ()
    warning = ""

    def tell(self, name: str, facts: tuple[str, ...], warning: str = "") -> None:
        self.name_text, self.facts, self.warning = name, facts, warning
        self.paint()

    def lines(self) -> list[Strip]:
        bar, strong = self.palette.bar, self.palette.key
        facts = "".join(f"   {fact}" for fact in self.facts)
        taken = cell_len(self.warning) + 3 if self.warning else 0
        room = max(self.size.width - max(taken, min(cell_len(facts), self.size.width // 2)) - 2, 8)
        line = Line().add(" ", bar).add(middle_cut(self.name_text, room), strong)
        if self.warning:
            line.add("  ", bar).add(f" {self.warning} ", self.palette.alarm)
        line.add(end_cut(facts, max(self.size.width - line.width, 0)), bar).pad(self.size.width, bar)
        return [line.strip(self.size.width, self.palette, ascii_only=self.ascii_only)]


@dataclass(frozen=True)
class Status:
    """What the status line says: the urgent thing, or where the cursor stands, and something small at the right."""

    text: str
    style: Style
    right: str = ""


class StatusLine(Canvas):
    """Breadcrumbs of the cursor, or what goes on."""

    status: Status | None = None

    def tell(self, status: Status) -> None:
        self.status = status
        self.paint()

    def lines(self) -> list[Strip]:
        line = Line()
        if self.status is not None:
            right = end_cut(self.status.right, self.size.width // 2)
            room = self.size.width - cell_len(right) - 3
            line.add(" ", self.palette.base).add(middle_cut(self.status.text, room), self.status.style)
            line.pad(self.size.width - cell_len(right) - 1, self.palette.base).add(right, self.palette.dim)
        return [line.strip(self.size.width, self.palette, ascii_only=self.ascii_only)]


class KeyLine(Canvas):
    """As many keys as there is room for, the most used first."""

    keys: tuple[tuple[str, str], ...] = ()

    def tell(self, keys: tuple[tuple[str, str], ...]) -> None:
        self.keys = keys
        self.paint()

    def lines(self) -> list[Strip]:
        bar, strong = self.palette.bar, self.palette.key
        line = Line()
        for key, what in self.keys:
            if line.width + cell_len(key) + cell_len(what) + 3 > self.size.width:
                break
            line.add(f" {key}", strong).add(f" {what} ", bar)
        return [line.pad(self.size.width, bar).strip(self.size.width, self.palette, ascii_only=self.ascii_only)]


class Divider(Canvas):
    """The line between two panes: a widget of its own, so that a change in a pane never writes it again."""

    DEFAULT_CSS = "Divider { width: 1; height: 1fr; }"
    heavy = False

    def mark(self, heavy: bool) -> None:
        """Draw it heavy when the pane at its right has the keys."""
        self.heavy = heavy
        self.paint()

    def lines(self) -> list[Strip]:
        style = self.palette.accent if self.heavy else self.palette.dim
        line = Line().add("┃" if self.heavy else "│", style)
        return [line.strip(1, self.palette, ascii_only=self.ascii_only)] * self.size.height
