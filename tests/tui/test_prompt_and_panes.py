"""Keys typed ahead, and which pane has the keys."""

from __future__ import annotations

from textual import events

from tests.fake_model import lenet, transformer
from tests.tui.driving import driven


async def test_a_search_typed_in_one_go_loses_no_letter() -> None:
    async with driven() as window:
        for key, character in (("slash", "/"), ("f", "f"), ("c", "c"), ("2", "2"), ("enter", "\r")):
            window.app.post_message(events.Key(key, character))
        await window.settle()
        assert window.cursor() == "fc2"
        assert window.status().startswith("match 1 of 1")


async def test_the_keys_of_search_and_filter_are_letters_where_one_is_typing() -> None:
    async with driven() as window:
        await window.press("slash", *"a/b\\", "enter")
        assert window.status() == "nothing is called a/b\\"
        await window.press("question_mark", "slash", "escape")
        assert not window.app.prompt.display


async def test_an_impossible_search_says_what_is_possible() -> None:
    async with driven() as window:
        await window.press("slash", *"is:purple", "enter")
        assert "there is no is:purple" in window.status()


async def test_tab_goes_round_the_panes_that_there_are() -> None:
    async with driven(transformer(3), size=(200, 30)) as window:
        for pane in (window.app.detail, window.app.source, window.app.model_tree):
            await window.press("tab")
            assert window.app.focused is pane
        assert not window.app.source_divider.heavy
    async with driven(lenet(), size=(80, 24)) as window:
        await window.press("down", "tab")
        assert "conv1 · Conv2d" in window.screen()
        await window.press("tab")
        assert "fc3" in window.screen()


async def test_a_click_or_a_turn_of_the_wheel_ends_what_was_said() -> None:
    async with driven() as window:
        assert "the only class in the file" in window.status()
        await window.pilot.click(window.app.model_tree, offset=(5, 3))
        await window.settle()
        assert window.status() == "LeNet › conv2"


async def test_a_pane_that_comes_into_sight_is_written_for_its_width_whoever_brought_it() -> None:
    async with driven(size=(80, 24)) as window:
        window.app.show_detail()
        assert "(the model itself)" in window.app.detail.text()
        window.app.body.add_class("detail-open")
        await window.settle()
        assert "(the model itself)" in window.screen()
        await window.pilot.resize_terminal(60, 24)
        await window.settle()
        assert "(the model itself)" in window.screen()
