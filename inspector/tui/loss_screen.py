"""The losses of torch.nn, each tried on what the model gave in the last run, with its card below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector import loss_labels
from inspector.cards import CARDS
from inspector.cards.explaining import explain, with_tryout
from inspector.run_schema import LossTrial
from inspector.tui.appearance import Appearance
from inspector.tui.bars import KeyLine, TitleBar
from inspector.tui.detail import card_page
from inspector.tui.detail.page import Page
from inspector.tui.detail.pane import DetailPane

_OLD = ("NLLLoss2d",)
NAMES = tuple(
    name for name, card in CARDS.items() if card.family == "loss" and card.parameters is None and name not in _OLD
)
"""Those that are built without arguments."""


class LossScreen(ModalScreen[None]):
    """Asks for a trial of each loss that the cursor comes to, by `ask`; `told` has the answers, by name.

    Whoever opens it calls `refresh_answer` when one has come.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    LossScreen { layout: vertical; background: $background; }
    LossScreen Horizontal { height: 1fr; }
    LossScreen OptionList, LossScreen OptionList:focus { width: 32; height: 1fr; border: none; }
    """

    def __init__(
        self,
        title: str,
        ask: Callable[[str], None],
        told: Callable[[], Mapping[tuple[int, str], LossTrial]],
        appearance: Appearance,
    ) -> None:
        super().__init__()
        self._title_text, self._ask, self._told, self._appearance = title, ask, told, appearance

    def compose(self) -> ComposeResult:
        palette, ascii_only = self._appearance.palette, self._appearance.ascii_only
        title = TitleBar(palette, ascii_only=ascii_only)
        title.name_text = self._title_text
        self.choice = OptionList(*(Option(Text(name), id=name) for name in NAMES))
        self.pane = DetailPane(palette, ascii_only=ascii_only, id="loss")
        keys = KeyLine(palette, ascii_only=ascii_only)
        keys.keys = (("Esc", "back"), ("↑ ↓", "another loss"), ("PgDn PgUp", "scroll"))
        yield title
        with Horizontal():
            yield self.choice
            yield self.pane
        yield keys

    def on_mount(self) -> None:
        self.choice.focus()
        self.choice.highlighted = NAMES.index("CrossEntropyLoss")

    @property
    def name_here(self) -> str:
        """The loss under the cursor."""
        at = self.choice.highlighted
        return NAMES[at] if at is not None else NAMES[0]

    def on_option_list_option_highlighted(self) -> None:
        self._ask(self.name_here)
        self.refresh_answer()

    def refresh_answer(self) -> None:
        """Show what is known by now of the loss under the cursor."""
        self.pane.show(self._write, self.name_here)

    def _write(self, page: Page) -> None:
        name = self.name_here
        trial = self._told().get((-1, name))
        lines = loss_labels.lines(trial) if trial is not None else ("trying …",)
        card_page.write_class(page, with_tryout(explain(CARDS[name]), loss_labels.TITLE, lines))

    def action_move(self, step: int) -> None:
        (self.choice.action_cursor_down if step > 0 else self.choice.action_cursor_up)()

    def action_page(self, pages: int) -> None:
        self.pane.action_page(pages)
