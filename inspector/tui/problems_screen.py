"""The list of what was noticed: the gravest first, each with where, what was measured, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip

from inspector.format import end_cut, literal, middle_cut
from inspector.problems import counted
from inspector.run_schema import Finding
from inspector.table import ModelTable
from inspector.tui.appearance import Appearance
from inspector.tui.bars import KeyLine, TitleBar
from inspector.tui.canvas import Canvas, Line
from inspector.tui.detail import problem_page
from inspector.tui.detail.pane import DetailPane
from inspector.tui.keys import bindings
from inspector.tui.palette import Palette

_ID, _PLACE = 7, 30
_LIST_LINES = 10
"""At most for the list; it scrolls, and the text below it is what is read."""


class ProblemList(Canvas, can_focus=True):
    """One line for each finding, with a cursor."""

    DEFAULT_CSS = "ProblemList { max-height: 40%; }"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane")]

    def __init__(
        self, findings: Sequence[Finding], table: ModelTable, appearance: Appearance, moved: Callable[[], None]
    ) -> None:
        super().__init__(appearance.palette, ascii_only=appearance.ascii_only, id="problems")
        self.findings = findings
        self._table = table
        self._moved = moved
        self._at = self._top = 0

    @property
    def finding(self) -> Finding | None:
        """The one under the cursor."""
        return self.findings[self._at] if self.findings else None

    def start_at(self, row: int) -> None:
        """Begin at the first finding of a row, if it has one."""
        self._at = next((at for at, finding in enumerate(self.findings) if finding.row == row), 0)

    def action_move(self, lines: int) -> None:
        self._at = min(max(self._at + lines, 0), max(len(self.findings) - 1, 0))
        height = max(self.size.height, 1)
        self._top = min(max(self._top, self._at - height + 1), self._at)
        self.paint()
        self._moved()

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self.action_move(-len(self.findings))

    def action_last(self) -> None:
        self.action_move(len(self.findings))

    def lines(self) -> list[Strip]:
        width, height = self.size
        strips = [self._line(at, width) for at in range(self._top, min(self._top + height, len(self.findings)))]
        return [*strips, *[Strip.blank(width, self.palette.base)] * (height - len(strips))][:height]

    def _line(self, at: int, width: int) -> Strip:
        finding, line = self.findings[at], Line()
        line.add(f" {finding.severity[0].upper()} ", severity_style(self.palette, finding)).add(
            f"{finding.id:<{_ID}}", self.palette.dim
        )
        place = literal(finding.path) or "the model itself"
        room = min(_PLACE, width // 3)
        line.add(middle_cut(place, room - 1), self.palette.strong).pad(3 + _ID + room, self.palette.base)
        line.add(end_cut(literal(finding.message), max(width - line.width - 1, 0)), self.palette.base)
        cursor = (self.palette.cursor if self.has_focus else self.palette.cursor_away) if at == self._at else None
        return line.strip(width, self.palette, style=cursor, ascii_only=self.ascii_only)

    def on_focus(self) -> None:
        self.paint()

    def on_blur(self) -> None:
        self.paint()


def severity_style(palette: Palette, finding: Finding) -> Style:
    """Errors and warnings loud, notes not."""
    return {"error": palette.error, "warning": palette.warning}.get(finding.severity, palette.accent)


class ProblemsScreen(ModalScreen[Finding | None]):
    """Over the window; its result is the finding whose place is to be shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,x", "dismiss(None)", show=False),
        Binding("enter", "go", show=False, priority=True),
        Binding("tab", "other", show=False),
    ]
    DEFAULT_CSS = (
        "ProblemsScreen { layout: vertical; background: $background; } ProblemsScreen Vertical { height: 1fr; }"
    )

    def __init__(self, findings: Sequence[Finding], table: ModelTable, row: int, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._findings = findings
        self._list = ProblemList(findings, table, appearance, self._show)
        self._list.start_at(row)
        self._list.styles.height = min(max(len(findings), 1) + 1, _LIST_LINES)
        self._pane = DetailPane(appearance.palette, ascii_only=appearance.ascii_only, id="problem")

    def compose(self) -> ComposeResult:
        palette, ascii_only = self._appearance.palette, self._appearance.ascii_only
        title = TitleBar(palette, ascii_only=ascii_only)
        title.name_text = f"problems: {counted(self._findings) or 'none'}"
        keys = KeyLine(palette, ascii_only=ascii_only)
        keys.keys = (("Enter", "go there"), ("↑ ↓", "next"), ("Tab", "the text"), ("Esc", "back"))
        yield title
        with Vertical():
            yield self._list
            yield self._pane
        yield keys

    def on_mount(self) -> None:
        self._list.focus()
        self._show()

    def _show(self) -> None:
        finding = self._list.finding
        self._pane.show(lambda page: problem_page.write(page, finding), finding)

    def action_go(self) -> None:
        self.dismiss(self._list.finding)

    def action_other(self) -> None:
        (self._pane if self._list.has_focus else self._list).focus()
