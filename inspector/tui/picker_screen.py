"""Several models in one file: which one?"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.format import end_cut, literal, middle_cut, plural
from inspector.schema import Candidate


class PickerScreen(ModalScreen[str]):
    """The candidates of a file; its result is the name of the one that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]
    DEFAULT_CSS = """
    PickerScreen { align: center middle; }
    PickerScreen Vertical { width: 72; max-width: 100%; height: auto; max-height: 90%; border: solid $primary; }
    PickerScreen Static { padding: 0 1; height: auto; }
    PickerScreen OptionList, PickerScreen OptionList:focus { height: auto; max-height: 16; border: none; }
    """

    def __init__(self, candidates: tuple[Candidate, ...], *, others: bool = False) -> None:
        """`others`: there is one more, which is open."""
        super().__init__()
        self._title = f"{plural(len(candidates), 'other model' if others else 'model')} in this file. Which one?"
        self._candidates = candidates

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._title, style="bold"))
            yield OptionList(*(Option(self._label(c), id=str(i)) for i, c in enumerate(self._candidates)))
            yield Static(Text("Enter opens it, Esc goes back", style="dim"))

    def _label(self, candidate: Candidate) -> Text:
        """One line: name, what it is, what it says of itself."""
        label = Text(f"{middle_cut(literal(candidate.name), 24):<24} ", style="bold")
        label.append(f"{candidate.kind} at line {candidate.line}", style="not bold")
        label.append(end_cut(f"  {literal(candidate.note)}", 66 - label.cell_len), style="not bold dim")
        return label

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._candidates[event.option_index].name)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()
