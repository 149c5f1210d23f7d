"""The keys that the window shows are the keys that it has."""

from __future__ import annotations

from inspector.tui import palette
from inspector.tui.appearance import Appearance
from inspector.tui.detail.pane import DetailPane
from inspector.tui.keys import KEYS
from tests.tui.driving import driven


async def test_a_key_that_was_given_to_another_is_shown_as_it_is() -> None:
    look = Appearance(palette.of_the_terminal(), watch=False, keymap=(("quit", "x"), ("search", "f3,slash")))
    async with driven(appearance=look, size=(120, 120)) as window:
        line = window.screen().split("\n")[-1]
        assert " x quit " in line
        assert " f3 search " in line
        await window.press("question_mark")
        assert "           x  quit\n" in window.screen()


async def test_in_a_narrow_window_the_way_out_and_the_help_are_still_shown() -> None:
    async with driven(size=(40, 10)) as window:
        line = window.screen().split("\n")[-1]
        assert "q quit" in line
        assert "? help" in line


async def test_at_80_columns_no_line_of_the_help_is_cut() -> None:
    async with driven(size=(80, 24)) as window:
        await window.press("question_mark")
        assert [line for line in window.app.screen.query_one(DetailPane).text().split("\n") if "…" in line] == []
        seen = ""
        for _ in range(8):
            seen += window.screen()
            await window.press("pagedown")
        assert "difference, name, type" in seen
        assert "…\n" not in seen


async def test_the_help_has_every_key() -> None:
    async with driven() as window:
        await window.press("question_mark")
        text = window.app.screen.query_one(DetailPane).text()
        assert [key.id for key in KEYS if key.does not in text] == []
