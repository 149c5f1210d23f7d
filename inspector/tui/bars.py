"""The one-line widgets: what is open (top), what goes on or where the cursor is, and which keys there are (bottom)."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from inspector.format import end_cut, middle_cut
from inspector.tui.canvas import Canvas, Line

_GAP = 3
"""Blanks between what the title tells."""
_FACTS = 3
"""What it tells before it leaves anything out: mode, device, and what goes in."""
_LONGEST_AT_LEAST = 12
"""Cells down to which the longest of these is cut before the device goes."""


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
        facts = sum(cell_len(fact) + _GAP for fact in self.facts)
        taken = cell_len(self.warning) + 3 if self.warning else 0
        room = max(self.size.width - max(taken, min(facts, self.size.width // 2)) - 2, 8)
        line = Line().add(" ", bar).add(middle_cut(self.name_text, room), strong)
        if self.warning:
            line.add("  ", bar).add(f" {self.warning} ", self.palette.alarm)
        line.add(self._fitted(self.size.width - line.width), bar).pad(self.size.width, bar)
        return [line.strip(self.size.width, self.palette, ascii_only=self.ascii_only)]

    def _fitted(self, room: int) -> str:
        """As many facts as there is room for, the last ones left out first: half a number says something else.

        The longest that is kept is shortened.
        """
        kept = list(self.facts)
        while len(kept) > _FACTS and sum(cell_len(fact) + _GAP for fact in kept) > room:
            kept.pop()
        longest = max(map(cell_len, kept), default=0)
        if longest - (sum(cell_len(fact) + _GAP for fact in kept) - room) < min(longest, _LONGEST_AT_LEAST):
            del kept[1:2]  # the device: there is hardly room for anything
        if over := max(sum(cell_len(fact) + _GAP for fact in kept) - room, 0):
            at = max(range(len(kept)), key=lambda at: cell_len(kept[at]))
            kept[at] = _shortened(kept[at], max(cell_len(kept[at]) - over, 8))
        return end_cut("".join(" " * _GAP + fact for fact in kept), max(room, 0))


def _shortened(fact: str, width: int) -> str:
    """What goes in, in fewer cells; that it was guessed stays whole."""
    rest, blank, last = fact.rpartition(" ")
    if last != "guessed":
        return middle_cut(fact, width)
    return end_cut(rest, width - len(last) - 1) + blank + last


@dataclass(frozen=True)
class Status:
    """What the status line says: the urgent thing, or where the cursor stands, and something small at the right."""

    text: str
    style: Style
    right: str = ""
    is_path: bool = False
    """Whether it is the way to a row, of which the end tells most; of a sentence the beginning does."""
    shorter: tuple[str, ...] = ()
    """The same in fewer words, for narrow windows; the shortest last."""

    def fitting(self, room: int) -> str:
        """The longest way to say it that fits; the shortest where none does."""
        ways = (self.text, *self.shorter)
        return next((words for words in ways if cell_len(words) <= room), ways[-1])


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
            cut = middle_cut if self.status.is_path else end_cut
            line.add(" ", self.palette.base).add(cut(self.status.fitting(room), room), self.status.style)
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
