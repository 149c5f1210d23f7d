"""A tensor as a picture over the whole window, channel by channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from inspector.format import literal
from inspector.run_schema import Picture
from inspector.tui.appearance import Appearance
from inspector.tui.bars import KeyLine, TitleBar
from inspector.tui.detail.page import Page
from inspector.tui.detail.pane import DetailPane
from inspector.tui.detail.picture_page import (
    VALUE_AXES,
    Look,
    axis_name,
    sheet_of,
    write_failure,
    write_picture,
    write_waiting,
)

Draw = Callable[[tuple[int, ...], int, int], None]
"""Asks for a slice by its leading indices, at most so many pixels high and wide."""

_AROUND = 3
"""Lines of the page around a picture: which slice it is, a blank, the scale."""
_PATIENCE = 0.3
"""Seconds after which it is said that a slice is still being drawn."""
_FIRST_SHARE = 0.6
"""Of the page's width, for a picture of unknown proportions: the facts stand beside it."""


class PictureScreen(ModalScreen[None]):
    """Asks for one slice after another; what is wanted while one is on its way is asked for when that has come.

    Whoever opens it draws what it asks for and answers with `show` or `fail`, whichever comes of it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("right,l", "turn(-1, 1)", show=False),
        Binding("left,h", "turn(-1, -1)", show=False),
        Binding("greater_than_sign,full_stop", "turn(-1, 10)", show=False),
        Binding("less_than_sign,comma", "turn(-1, -10)", show=False),
        Binding("right_curly_bracket", "turn(-2, 1)", show=False),
        Binding("left_curly_bracket", "turn(-2, -1)", show=False),
        Binding("right_parenthesis", "turn(-3, 1)", show=False),
        Binding("left_parenthesis", "turn(-3, -1)", show=False),
    ]
    DEFAULT_CSS = "PictureScreen { layout: vertical; background: $background; }"

    def __init__(
        self,
        title: str,
        draw: Draw,
        appearance: Appearance,
        *,
        axes: tuple[str, ...] = VALUE_AXES,
        colours: bool | None = None,
    ) -> None:
        super().__init__()
        self._title_text = title
        self._draw = draw
        self._appearance = appearance
        self._axes = axes
        self._colours = colours
        self._picture: Picture | None = None
        self._failure = ""
        self._wanted: tuple[int, ...] = ()
        self._asked: tuple[tuple[int, ...], int, int] | None = None
        """What is on its way."""
        self._answered: tuple[tuple[int, ...], int, int] | None = None
        """What the last answer was to."""

    def compose(self) -> ComposeResult:
        palette, ascii_only = self._appearance.palette, self._appearance.ascii_only
        self._title_bar = TitleBar(palette, ascii_only=ascii_only)
        self._title_bar.name_text = literal(self._title_text)
        self.pane = DetailPane(palette, ascii_only=ascii_only, id="picture")
        self._key_line = KeyLine(palette, ascii_only=ascii_only)
        self._key_line.keys = self._keys()
        yield self._title_bar
        yield self.pane
        yield self._key_line

    def on_mount(self) -> None:
        self.pane.focus()
        self._write()
        self.call_after_refresh(self._ask)

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    # --- answers ------------------------------------------------------------------------------------------------------

    def show(self, picture: Picture) -> None:
        """What was asked for last."""
        if self._picture is None:
            self._wanted = picture.index
        self._picture, self._failure = picture, ""
        self._answered, self._asked = self._asked, None
        self._write()
        self._key_line.tell(self._keys())
        self._ask()
        if self._asked is None:
            self._tell_progress()

    def fail(self, words: str) -> None:
        """Nothing came of what was asked for last; another slice may still do."""
        self._answered, self._asked = self._asked, None
        self._failure = words
        self._write()
        if self._answered is not None and self._answered[0] != self._wanted:
            self._ask()

    # --- asking -------------------------------------------------------------------------------------------------------

    def action_turn(self, axis: int, steps: int) -> None:
        """Another slice along one of the leading dimensions, counted from the last of them; it ends at its ends."""
        picture = self._picture
        if picture is None or len(self._wanted) < -axis:
            return
        at = len(self._wanted) + axis
        chosen = min(max(self._wanted[at] + steps, 0), max(picture.shape[at] - 1, 0))
        if chosen != self._wanted[at]:
            self._wanted = (*self._wanted[:at], chosen, *self._wanted[at + 1 :])
            self._ask()

    def _resized(self) -> None:
        self._write()
        self._ask()

    def _ask(self) -> None:
        """Ask for what is wanted, unless it is here or something else is on its way."""
        if not self.is_mounted or not self.pane.size.width or self._asked is not None:
            return
        request = (self._wanted, *self._pixels())
        if request == self._answered or request == self._here():
            return
        self._asked = request
        self.set_timer(_PATIENCE, self._tell_progress)
        self._draw(*request)

    def _here(self) -> tuple[tuple[int, ...], int, int] | None:
        """What stands on the screen, in the words of a request."""
        picture = self._picture
        return None if picture is None or self._failure else (picture.index, picture.height, picture.width)

    def _pixels(self) -> tuple[int, int]:
        """Height and width to ask for: in proportion, once it is known what the slice is like."""
        sheet = sheet_of(self.pane.text_width, self._look())
        if self._picture is not None:
            return sheet.fit(*self._picture.scaled)
        height, width = sheet.pixels
        return height, max(int(width * _FIRST_SHARE), 1)

    # --- what is seen -------------------------------------------------------------------------------------------------

    def _look(self) -> Look:
        rows = max(self.pane.size.height - 1 - _AROUND, 4)
        return Look(rows, self._in_colours(), self._axes)

    def _in_colours(self) -> bool:
        """Whether the terminal has 256 colours and half blocks, and they are wanted."""
        if self._colours is not None:
            return self._colours
        if self._appearance.ascii_only or self._appearance.palette.error.color is None:
            return False
        return self.app.console.color_system in ("256", "truecolor")

    def _write(self) -> None:
        self.pane.show(self._page, self)

    def _page(self, page: Page) -> None:
        if self._failure:
            write_failure(page, self._failure)
        elif self._picture is None:
            write_waiting(page, literal(self._title_text))
        else:
            write_picture(page, self._picture, self._look())

    def _tell_progress(self) -> None:
        """Say which slice is on its way, when it takes long; what stands on the screen is still the one before."""
        slow = self._asked is not None and self._picture is not None
        chosen = (f"{axis_name(self._axes, at)} {index}" for at, index in enumerate(self._wanted))
        facts = (f"drawing {' · '.join(chosen)} …",) if slow else ()
        if facts != self._title_bar.facts:
            self._title_bar.tell(self._title_bar.name_text, facts)

    def _keys(self) -> tuple[tuple[str, str], ...]:
        """Only those that do something here."""
        arrows = "Left Right" if self._appearance.ascii_only else "← →"
        turns = ((arrows, -1), ("{ }", -2), ("( )", -3))
        count = len(self._wanted)
        keys = [(key, axis_name(self._axes, count + axis)) for key, axis in turns if count + axis >= 0]
        if count:
            keys.insert(1, ("< >", "by ten"))
        return (("Esc", "back"), *keys, ("↑ ↓", "scroll"))
