"""A layer tried with other arguments: its constructor's arguments as lines to edit, below them what would come of it.

What the card of the layer can work out is there with every key; the engine, which really builds the layer and runs it,
answers when asked. The model has no part in either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from inspector.cards import card_of
from inspector.cards.explaining import Flow, explain_arguments
from inspector.cards.transliteration import in_ascii
from inspector.format import end_cut, literal, to_ascii
from inspector.run_schema import LayerTrial
from inspector.schema import Argument, Failure
from inspector.tui.appearance import Appearance
from inspector.tui.input_editor import Choice
from inspector.tui.trial_fields import (
    Asked,
    changed,
    editable,
    inputs_of,
    misfit,
    own_text,
    problem_of,
    seen_in,
    with_lines,
)
from inspector.tui.trial_lines import Styled, refusal_lines, trial_lines

_LABEL = 28
"""Cells of an argument's name and annotation."""


class TryScreen(ModalScreen[None]):
    """Asks for trials of one layer, by `ask`; is told of each by `show`, or by `refuse` why there is none.

    Shown, it asks for one at once: of the layer as it is, on what it got in its last call.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("f2", "real", show=False),
        Binding("f3", "mode", show=False),
        Binding("f5", "restore", show=False),
    ]
    DEFAULT_CSS = """
    TryScreen { align: center middle; }
    TryScreen #box { width: 100%; max-width: 104; height: auto; max-height: 100%; border: solid $primary; }
    TryScreen.ascii #box { border: ascii $primary; }
    TryScreen Static { padding: 0 1; height: auto; }
    TryScreen Horizontal { height: 1; }
    TryScreen #lines { scrollbar-size-vertical: 0; height: auto; max-height: 25vh; }
    TryScreen #lines Static, TryScreen #input-line Static { width: 30; height: 1; }
    TryScreen Input { border: none; height: 1; padding: 0; width: 1fr; }
    TryScreen Input:focus { border: none; text-style: underline; }
    TryScreen #arithmetic { max-height: 20vh; margin: 1 0 0 0; }
    TryScreen #result { max-height: 45vh; margin: 1 0 0 0; }
    TryScreen Choice { width: auto; height: 1; padding: 0 1; }
    TryScreen Choice:focus { text-style: reverse; }
    """

    def __init__(
        self,
        path: str,
        qualified: str,
        arguments: Sequence[Argument],
        appearance: Appearance,
        *,
        ask: Callable[[Asked], None],
    ) -> None:
        """`qualified` is the name of the layer's class, `arguments` those of its constructor with its own values."""
        super().__init__(classes="ascii" if appearance.ascii_only else None)
        self._path = path
        self._card = card_of(qualified)
        self._class = qualified.rpartition(".")[2]
        self._arguments = editable(arguments)
        self._appearance = appearance
        self._ask = ask
        self._mode: Literal["train", "eval"] = "eval"
        self._first_input: str | None = None
        """What the layer got, as text, when somebody has told."""
        self._lines = [self._line(own_text(argument), argument.default or "") for argument in self._arguments]
        self._labels = [Static(markup=False) for _ in self._arguments]
        self._marked: list[bool | None] = [None] * len(self._arguments)
        self._input = self._line("", "2x3x32x32; several are parted by a semicolon")
        self._said: dict[str, str] = {}

    def _line(self, text: str, placeholder: str) -> Input:
        line = Input(text, placeholder=placeholder, compact=True, select_on_focus=False)
        line.cursor_blink = False  # an idle window writes nothing
        return line

    # --- what is seen -------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        strong, dim = self._appearance.palette.strong, self._appearance.palette.dim
        with Vertical(id="box"):
            what = f"{literal(self._path) or 'the model'} · {literal(self._class)}"
            yield Static(self._text(f"try {what} with other arguments", strong))
            with VerticalScroll(id="lines", can_focus=False):
                for label, line in zip(self._labels, self._lines, strict=True):
                    yield Horizontal(label, line)
                if not self._arguments:
                    yield Static(self._text("its constructor takes no arguments", dim))
            yield Horizontal(Static(self._text("  input", dim), markup=False), self._input, id="input-line")
            yield Static(id="arithmetic", markup=False)
            yield Static(id="result", markup=False)
            with Horizontal():
                yield Choice("F2", "run it for real", "real", strong)
                yield Choice("F3", "train or eval", "mode", strong)
                yield Choice("F5", "as it is", "restore", strong)
            yield Static(self._text("Enter tries it · Esc goes back · the model is not touched", dim))

    def _text(self, text: str, style: Style) -> Text:
        return Text(to_ascii(text) if self._appearance.ascii_only else text, style=style)

    def on_mount(self) -> None:
        for at in range(len(self._lines)):
            self._mark(at)
        self._work_out()
        (self._lines[0] if self._lines else self._input).focus()
        self._try()

    def show(self, trial: LayerTrial) -> None:
        """What came of the trial that was asked for last."""
        told = trial.before or trial.after
        if self._first_input is None and not trial.origin.startswith("typed"):
            self._first_input = "; ".join(argument.text for argument in told.inputs)
            if not self._input.value.strip():
                self._input.value = self._first_input
        self._say("result", trial_lines(trial, self._appearance.palette, self._width))

    def refuse(self, failure: Failure) -> None:
        """Why there is no trial."""
        self._say("result", refusal_lines(failure, self._appearance.palette))

    @property
    def _width(self) -> int:
        return max(min(self.size.width, 104) - 4, 20)

    def _say(self, place: str, lines: Sequence[Styled]) -> None:
        text = Text("\n").join(self._text(line, style) for line, style in lines)
        if self._said.get(place) != text.markup:  # what is said again would be written again
            self._said[place] = text.markup
            self.query_one(f"#{place}", Static).update(text)

    # --- while it is typed --------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input is not self._input:
            self._mark(self._lines.index(event.input))
        self._work_out()

    def _mark(self, at: int) -> None:
        """The name of a line, and whether what stands in it is another value than the layer's."""
        palette, argument = self._appearance.palette, self._arguments[at]
        is_other = bool(changed((argument,), (self._lines[at].value,)))
        if self._marked[at] is is_other:
            return
        self._marked[at] = is_other
        annotation = f": {literal(argument.annotation)}" if argument.annotation else ""
        words = end_cut(f"{'→' if is_other else ' '} {literal(argument.name)}{annotation}", _LABEL)
        self._labels[at].update(self._text(words, palette.accent if is_other else palette.base))

    def _work_out(self) -> None:
        """What the card says of the shapes, with the numbers that stand in the lines."""
        palette = self._appearance.palette
        if problem := self._problem():
            self._say("arithmetic", [(literal(problem), palette.error)])
            return
        if self._card is None:
            self._say("arithmetic", [])
            return
        arguments = with_lines(self._arguments, self._values)
        explained = explain_arguments(self._card, arguments, Flow(seen_in(self._input.value)))
        section = explained.section("shape")
        lines = section.lines if section is not None else ()
        spell = in_ascii if self._appearance.ascii_only else str
        self._say("arithmetic", [(literal(spell(line)), palette.base) for line in lines])

    # --- what is done -------------------------------------------------------------------------------------------------

    @property
    def _values(self) -> list[str]:
        return [line.value for line in self._lines]

    def _problem(self) -> str:
        """Why what stands in the lines is not worth a trial."""
        misfits = (misfit(argument, text) for argument, text in zip(self._arguments, self._values, strict=True))
        return next(filter(None, misfits), "") or problem_of(self._input.value)

    def _try(self, dry: bool = True) -> None:
        if self._problem():
            self._say("result", [])  # what came of something else is no answer to this
            if problem_of(self._input.value):
                self._input.focus()
            return
        typed = self._input.value.strip()
        inputs = () if typed == (self._first_input or "") else inputs_of(typed)
        self._say("result", [("trying …", self._appearance.palette.dim)])
        self._ask(Asked(changed(self._arguments, self._values), inputs, dry, self._mode))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._try()

    def action_real(self) -> None:
        """Built with memory and run, for its time and for what only values tell."""
        self._try(dry=False)

    def action_mode(self) -> None:
        """The other mode, and again."""
        self._mode = "train" if self._mode == "eval" else "eval"
        self._try()

    def action_restore(self) -> None:
        """The layer as it is, on what it got."""
        for line, argument in zip(self._lines, self._arguments, strict=True):
            line.value = own_text(argument)
        self._input.value = self._first_input or ""
        self._try()
