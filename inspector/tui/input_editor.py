"""What goes into the model, one line for each argument of forward, read while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from inspector.format import end_cut, literal, to_ascii
from inspector.run_schema import InputSet
from inspector.tui.appearance import Appearance
from inspector.tui.input_fields import (
    Field,
    changed,
    command_line,
    fields_of,
    gap,
    read,
    refilled,
    texts_of,
)
from inspector.tui.input_hints import hint, next_dtype, next_kind
from inspector.tui.input_text import InputTextError

_LABEL = 30
"""Cells of an argument's name and annotation."""
_FROM = {"given": "given", "guessed": "guessed", "file": "from the file", "model": "from the model", "none": "none yet"}


class Choice(Static, can_focus=True):
    """A word that does something, for who has no function keys or a mouse."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "choose", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("y", "screen.copy", show=False),
    ]

    def __init__(self, key: str, words: str, action: str, strong: Style) -> None:
        super().__init__(Text.assemble((key, strong), f" {words}"), id=action)
        self._action = action

    async def action_choose(self) -> None:
        await self.screen.run_action(self._action)

    async def on_click(self) -> None:
        await self.action_choose()


class InputEditor(ModalScreen[tuple[str, ...] | None]):
    """Edits an InputSet. Its result is what to say after --input, each as in `Run.inputs`; None: leave all as it was.

    An empty result lets the inputs be found or guessed again.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("f2", "kind", show=False),
        Binding("f3", "dtype", show=False),
        Binding("f4", "copy", show=False),
        Binding("f5", "restore", show=False),
        Binding("f6", "guess", show=False),
    ]
    DEFAULT_CSS = """
    InputEditor { align: center middle; }
    InputEditor #box { width: 100%; max-width: 104; height: auto; max-height: 100%; border: solid $primary; }
    InputEditor Static { padding: 0 1; height: auto; }
    InputEditor Horizontal { height: 1; }
    InputEditor.ascii #box { border: ascii $primary; }
    InputEditor #lines { height: auto; max-height: 9; margin: 1 0; }
    InputEditor #lines Static { width: 32; height: 1; }
    InputEditor Input { border: none; height: 1; padding: 0; width: 1fr; }
    InputEditor Input:focus { border: none; text-style: underline; }
    InputEditor #refusal { max-height: 4; }
    InputEditor #meaning { height: 2; }
    InputEditor #hint { height: 2; }
    InputEditor Choice { width: auto; height: 1; padding: 0 1; }
    InputEditor Choice:focus { text-style: reverse; }
    """

    def __init__(
        self,
        inputs: InputSet,
        appearance: Appearance,
        *,
        model: str,
        command: str,
        copy: Callable[[str], None],
        typed: Sequence[str] = (),
        refusal: str = "",
    ) -> None:
        """`command` is the command line without its inputs. After a refusal by the engine: what was typed, and why."""
        super().__init__(classes="ascii" if appearance.ascii_only else None)
        self._inputs = inputs
        self._appearance = appearance
        self._model = model
        self._command = command
        self._copy = copy
        self._refusal = refusal
        self._fields: tuple[Field, ...] = fields_of(inputs)
        self._first = refilled(self._fields, typed) if typed else [field.text for field in self._fields]
        self._lines = [self._line(field, text) for field, text in zip(self._fields, self._first, strict=True)]
        self._marked: list[bool | None] = [None] * len(self._fields)
        self._labels = [Static(markup=False) for _ in self._fields]
        self._said: dict[str, tuple[str, Style]] = {}
        self._last = 0
        """The line that had the keys last."""

    def _line(self, field: Field, text: str) -> Input:
        held = f"{field.held}, unless a line is changed" if field.held else ""
        more = "name=value" if field.wants_name else "one more" if field.nameless else ""
        line = Input(text, placeholder=held or more or (field.default or ""), compact=True, select_on_focus=False)
        line.cursor_blink = False  # an idle window writes nothing
        return line

    # --- what is seen -------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        strong = self._appearance.palette.strong
        with Vertical(id="box"):
            yield self._static(f"what goes into {literal(self._model)}", strong)
            yield Static(id="origin", markup=False)
            if self._refusal:
                yield self._static(literal(self._refusal), self._appearance.palette.error, "refusal")
            lines = VerticalScroll(id="lines", can_focus=False)
            with lines:
                for label, line in zip(self._labels, self._lines, strict=True):
                    yield Horizontal(label, line)
                if not self._fields:
                    yield self._static("forward takes no arguments", self._appearance.palette.dim)
            yield Static(id="meaning", markup=False)
            yield Static(id="hint", markup=False)
            with Horizontal():
                yield from self._choices(strong)
            yield self._static("Enter: shapes, then r runs · Esc leaves all as it was · Tab, up, down: lines", None)

    def _choices(self, strong: Style) -> list[Choice]:
        choices = [Choice("F4", "copy the command", "copy", strong), Choice("F5", "as it was", "restore", strong)]
        if self._fields:
            choices = [Choice("F2", "values", "kind", strong), Choice("F3", "dtype", "dtype", strong), *choices]
        if self._inputs.origin == "given" or self._refusal:
            choices.append(Choice("F6", "find or guess", "guess", strong))
        return choices

    def _static(self, text: str, style: Style | None, id_: str | None = None) -> Static:
        return Static(self._text(text, style or self._appearance.palette.dim), id=id_)

    def _text(self, text: str, style: Style) -> Text:
        return Text(to_ascii(text) if self._appearance.ascii_only else text, style=style)

    def on_mount(self) -> None:
        for at, line in enumerate(self._lines):
            self.watch(line, "selection", self._tell, init=False)
            self._mark(at)
        broken = [at for at in range(len(self._lines)) if self._problem(at)]
        if self._lines:
            self._lines[broken[0] if broken else 0].focus()
        self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._mark(self._lines.index(event.input))
        self._tell()

    def on_descendant_focus(self) -> None:
        focused = self.focused
        if isinstance(focused, Input) and focused in self._lines:
            self._last = self._lines.index(focused)
            self._tell()

    def _mark(self, at: int) -> None:
        """The name of a line, and whether what stands in it means something."""
        palette, field = self._appearance.palette, self._fields[at]
        problem = bool(self._problem(at))
        if self._marked[at] is problem:
            return
        self._marked[at] = problem
        annotation = f": {literal(field.annotation)}" if field.annotation else ""
        words = end_cut(f"{'✗' if problem else ' '} {literal(field.name)}{annotation}", _LABEL)
        self._labels[at].update(self._text(words, palette.error if problem else palette.base))

    def _tell(self) -> None:
        """What the line with the keys means, or why it means nothing; what may stand at its cursor; the origin."""
        self._say("origin", self._origin(), self._appearance.palette.dim)
        if not self._lines:
            return
        palette, line = self._appearance.palette, self._lines[self._last]
        if problem := self._problem(self._last):
            self._say("meaning", literal(problem), palette.error)
        else:
            self._say("meaning", literal(read(self._fields[self._last], line.value)), palette.accent)
        self._say("hint", hint(line.value, line.cursor_position), palette.dim)

    def _say(self, place: str, words: str, style: Style) -> None:
        if self._said.get(place) != (words, style):  # what is said again would be written again
            self._said[place] = (words, style)
            self.query_one(f"#{place}", Static).update(self._text(words, style))

    def _origin(self) -> str:
        """Where what goes in at present comes from, and what becomes of it."""
        inputs = self._inputs
        place = inputs.where if inputs.where and inputs.origin in ("file", "model") else _FROM[inputs.origin]
        words = literal(f"{place}: {inputs.reason}" if inputs.reason else place)
        if inputs.origin in ("file", "model"):
            where = f"from {words}" if inputs.where else words
            return f"changed: nothing is taken {where}" if self._is_changed else where
        return f"changed; was {words}" if self._is_changed else words

    def _problem(self, at: int) -> str:
        try:
            read(self._fields[at], self._lines[at].value)
        except InputTextError as error:
            return str(error)
        return ""

    @property
    def _values(self) -> list[str]:
        return [line.value for line in self._lines]

    @property
    def _is_changed(self) -> bool:
        return changed(self._fields, self._values)

    # --- what is done -------------------------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give what stands here, unless some line means nothing: then go to it."""
        event.stop()
        broken = next((at for at in range(len(self._lines)) if self._problem(at)), None)
        hole = gap(self._fields, self._values)
        if broken is not None:
            self._lines[broken].focus()
        elif hole is not None:
            self._lines[hole].focus()
            words = f"{literal(self._fields[hole].name)} is needed before one of *args, such as 2x3x32x32"
            self.call_after_refresh(self._say, "meaning", words, self._appearance.palette.error)
        else:
            self.dismiss(texts_of(self._fields, self._values, self._inputs))

    def action_kind(self) -> None:
        """The next kind of values."""
        self._replace(next_kind)

    def action_dtype(self) -> None:
        """The next dtype."""
        self._replace(next_dtype)

    def _replace(self, change: Callable[[str], str]) -> None:
        if self._lines:
            line = self._lines[self._last]
            line.value = change(line.value)
            line.cursor_position = len(line.value)

    def action_copy(self) -> None:
        """The command line that repeats what stands here."""
        command = command_line(self._command, self._fields, self._values)
        self._copy(command)
        self._say("meaning", f"sent to the clipboard: {literal(command)}", self._appearance.palette.good)

    def action_restore(self) -> None:
        """What stood here at first."""
        for line, text in zip(self._lines, self._first, strict=True):
            line.value = text
            line.cursor_position = len(text)

    def action_guess(self) -> None:
        """Say nothing: what the file or the model holds is taken, else a guess."""
        if self.query("#guess"):
            self.dismiss(())
