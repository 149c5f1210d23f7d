"""A constructor that needs arguments: a small form, one line for each."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from inspector.format import end_cut, literal
from inspector.schema import Argument, Failure


class ArgumentForm(ModalScreen[tuple[str, ...]]):
    """Asks for constructor arguments; its result is `name=literal` for each that was filled in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]
    DEFAULT_CSS = """
    ArgumentForm { align: center middle; }
    ArgumentForm #form { width: 76; max-width: 100%; height: auto; max-height: 90%; border: solid $primary; }
    ArgumentForm VerticalScroll { height: auto; max-height: 14; }
    ArgumentForm Static { padding: 0 1; height: auto; }
    ArgumentForm Horizontal { height: 1; }
    ArgumentForm .label { width: 45%; height: 1; }
    ArgumentForm Input { border: none; height: 1; padding: 0; width: 1fr; }
    ArgumentForm Input:focus { border: none; text-style: underline; }
    """

    def __init__(self, failure: Failure, given: dict[str, str]) -> None:
        super().__init__()
        self._failure = failure
        self._given = given

    def compose(self) -> ComposeResult:
        with Vertical(id="form"):
            yield Static(Text(f"{literal(self._failure.call)} needs arguments", style="bold"))
            with VerticalScroll():
                for argument in self._failure.arguments:
                    with Horizontal():
                        yield Static(self._label(argument), classes="label")
                        line = Input(
                            self._given.get(argument.name) or argument.value or "",
                            placeholder=argument.default or "",
                            compact=True,
                        )
                        line.cursor_blink = False
                        yield line
            yield Static(
                Text("Python literals: 10, [64, 128], 'relu'. Tab next, Enter builds it, Esc goes back", style="dim")
            )
            yield Static(Text("", style="red"), id="complaint")

    def _label(self, argument: Argument) -> Text:
        kind = f": {literal(argument.annotation)}" if argument.annotation else ""
        mark = " (needed)" if argument.required else ""
        return Text(end_cut(f"{literal(argument.name)}{kind}", 32 - len(mark)) + mark, no_wrap=True)

    def typed(self) -> dict[str, str]:
        """What stands in the lines, by argument."""
        lines = zip(self._failure.arguments, self.query(Input), strict=True)
        return {argument.name: line.value.strip() for argument, line in lines if line.value.strip()}

    def on_mount(self) -> None:
        needed = [i for i, argument in enumerate(self._failure.arguments) if argument.required and not argument.value]
        self.query(Input)[needed[0] if needed else 0].focus()

    def on_input_submitted(self) -> None:
        """Build when nothing that is needed is missing; else go to what is."""
        lines = list(self.query(Input))
        for argument, line in zip(self._failure.arguments, lines, strict=True):
            if argument.required and not line.value.strip():
                self.query_one("#complaint", Static).update(Text(f"{literal(argument.name)} is needed", style="red"))
                line.focus()
                return
        self.dismiss(tuple(f"{name}={value}" for name, value in self.typed().items()))
