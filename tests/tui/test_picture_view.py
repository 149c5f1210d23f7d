"""The screen with a picture: what it asks for, when, and what it shows until the answer is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from textual.app import App
from textual.pilot import Pilot

from inspector.tui import palette
from inspector.tui.appearance import Appearance
from inspector.tui.picture_view import PictureScreen
from tests.tui.drawn import picture_of, wave

Request = tuple[tuple[int, ...], int, int]


@dataclass
class Drawn:
    """A screen over a small app, and what it asked for."""

    screen: PictureScreen
    pilot: Pilot[None]
    asked: list[Request] = field(default_factory=list)

    def answer(self) -> None:
        """Draw what was asked for last."""
        index, height, width = self.asked[-1]
        size = (min(height, 28), min(width, 28))
        self.screen.show(picture_of(wave, (2, 64, 28, 28), index or (0, 0), size=size))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def text(self) -> str:
        strips = self.pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@asynccontextmanager
async def drawn(size: tuple[int, int] = (80, 24), *, colours: bool | None = True) -> AsyncIterator[Drawn]:
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        asked: list[Request] = []
        look = Appearance(palette.of_the_terminal())
        screen = PictureScreen("conv1", lambda *request: asked.append(request), look, colours=colours)
        app.push_screen(screen)
        await pilot.pause()
        await pilot.pause()
        yield Drawn(screen, pilot, asked)


async def test_it_asks_once_for_the_room_that_there_is_and_says_that_it_waits() -> None:
    async with drawn() as view:
        assert view.asked == [((), 36, 46)]
        assert "drawing conv1 …" in view.text()
        view.answer()
        await view.pilot.pause()
        assert "sample 0 of 2 · channel 0 of 64" in view.text()
        assert len(view.asked) == 1


async def test_the_arrows_go_channel_by_channel_and_end_at_the_ends() -> None:
    async with drawn() as view:
        view.answer()
        await view.press("left")
        assert len(view.asked) == 1
        await view.press("right")
        assert view.asked[-1] == ((0, 1), 28, 28)
        view.answer()
        await view.press("greater_than_sign")
        assert view.asked[-1] == ((0, 11), 28, 28)
        view.answer()
        await view.press("right_curly_bracket")
        assert view.asked[-1][0] == (1, 11)
        view.answer()
        await view.pilot.pause()
        assert "sample 1 of 2 · channel 11 of 64" in view.text()
        await view.press("right_curly_bracket", "right_parenthesis")
        assert view.asked[-1][0] == (1, 11)


async def test_keys_pressed_while_a_picture_is_on_its_way_ask_for_the_last_of_them_alone() -> None:
    async with drawn() as view:
        view.answer()
        await view.press("right", "right", "right")
        assert [index for index, _, _ in view.asked] == [(), (0, 1)]
        view.answer()
        assert view.asked[-1][0] == (0, 3)
        view.answer()
        assert [index for index, _, _ in view.asked] == [(), (0, 1), (0, 3)]


async def test_a_picture_of_other_proportions_is_asked_for_again_in_its_own() -> None:
    async with drawn() as view:
        view.screen.show(picture_of(wave, (120, 576), size=(36, 46)))
        assert view.asked == [((), 36, 46), ((), 16, 78)]
        view.screen.show(picture_of(wave, (120, 576), size=(16, 78)))
        assert len(view.asked) == 2


async def test_another_size_of_the_window_asks_for_another_size_of_the_picture() -> None:
    async with drawn() as view:
        view.screen.show(picture_of(wave, (2, 1, 512, 512), (0, 0), size=(36, 36)))
        assert len(view.asked) == 1
        await view.pilot.resize_terminal(120, 40)
        await view.pilot.pause()
        await view.pilot.pause()
        assert view.asked[-1] == ((0, 0), 68, 68)


async def test_a_failure_is_said_and_not_asked_for_again() -> None:
    async with drawn() as view:
        view.screen.fail("forward raised RuntimeError before conv1 was called")
        await view.pilot.pause()
        assert "This cannot be drawn." in view.text()
        assert "RuntimeError" in view.text()
        assert len(view.asked) == 1


async def test_after_a_failed_slice_the_next_one_may_still_be_drawn() -> None:
    async with drawn() as view:
        view.answer()
        await view.press("right")
        view.screen.fail("no memory")
        await view.press("right")
        assert view.asked[-1][0] == (0, 2)
        view.answer()
        await view.pilot.pause()
        assert "channel 2 of 64" in view.text()


async def test_without_colours_there_are_no_half_blocks() -> None:
    async with drawn(colours=False) as view:
        assert view.asked == [((), 18, 23)]
        view.answer()
        await view.pilot.pause()
        assert "@@" in view.text()
        assert "▀" not in view.text()


async def test_escape_goes_back() -> None:
    async with drawn() as view:
        await view.press("escape")
        assert view.pilot.app.screen is not view.screen
