"""The editor of inputs, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.app import App
from textual.pilot import Pilot

from inspector.run_schema import InputSet
from inspector.tui import palette
from inspector.tui.appearance import Appearance
from inspector.tui.input_editor import InputEditor
from tests.tui.typed_inputs import from_the_file, guessed, several, starred

_NOTHING_YET: tuple[str, ...] = ("nothing yet",)


@dataclass
class Edited:
    """An editor over a small app, and what came of it."""

    pilot: Pilot[None]
    copied: list[str]
    results: list[tuple[str, ...] | None]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Replace what stands in the line."""
        await self.press("end", "ctrl+u", *text)

    def text(self) -> str:
        strips = self.pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def result(self) -> tuple[str, ...] | None:
        return self.results[0] if self.results else _NOTHING_YET


@asynccontextmanager
async def edited(
    inputs: InputSet,
    *,
    size: tuple[int, int] = (80, 24),
    ascii_only: bool = False,
    typed: tuple[str, ...] = (),
    refusal: str = "",
) -> AsyncIterator[Edited]:
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        view = Edited(pilot, [], [])
        look = Appearance(palette.of_the_terminal(), ascii_only=ascii_only)
        screen = InputEditor(
            inputs,
            look,
            model="LeNet",
            command="nn-inspect lenet.py",
            copy=view.copied.append,
            typed=typed,
            refusal=refusal,
        )
        app.push_screen(screen, view.results.append)
        await pilot.pause()
        await pilot.pause()
        yield view


async def test_it_says_what_goes_in_where_that_comes_from_and_what_it_means() -> None:
    async with edited(guessed()) as editor:
        for words in (
            "what goes into LeNet",
            "guessed: conv1 takes 1 channel, fc1 wants 576",
            "x: Tensor",
            "2x1x32x32:float32",
            "a tensor of shape 2×1×32×32, float32, random normal · 8.00 KiB",
            "dtype: float32 float16",
        ):
            assert words in editor.text()


async def test_enter_without_a_change_lets_the_guess_be_made_again() -> None:
    async with edited(guessed()) as editor:
        await editor.press("enter")
        assert editor.result == ()


async def test_what_was_typed_is_the_result() -> None:
    async with edited(guessed()) as editor:
        await editor.type("4x1x28x28")
        assert "changed; was guessed" in editor.text()
        await editor.press("enter")
        assert editor.result == ("x=4x1x28x28",)


async def test_escape_leaves_everything_as_it_was() -> None:
    async with edited(guessed()) as editor:
        await editor.type("4x1x28x28")
        await editor.press("escape")
        assert editor.result is None


async def test_a_mistake_is_marked_at_its_line_and_explained_while_it_is_typed() -> None:
    async with edited(several()) as editor:
        await editor.type("2x16:flot16")
        assert "✗ ids: torch.LongTensor" in editor.text()
        assert "there is no dtype 'flot16' (was float16 meant?)" in editor.text()
        await editor.press("tab", "tab", "enter")
        assert editor.result is _NOTHING_YET
        assert "there is no dtype 'flot16'" in editor.text()
        await editor.type("2x16:int64")
        assert "✗" not in editor.text()
        await editor.press("enter")
        assert editor.result == ("ids=2x16:int64", "choice='conv'")


async def test_the_help_follows_the_cursor() -> None:
    async with edited(guessed()) as editor:
        assert "dtype: float32" in editor.text()
        await editor.press("home")
        assert "shape: sizes with x between them" in editor.text()
        await editor.press("end", *"::")
        await editor.press("backspace")
        assert "range: 0-999" in editor.text()


async def test_function_keys_change_values_and_dtype_of_the_line() -> None:
    async with edited(guessed()) as editor:
        await editor.press("f2", "f3")
        assert "uniform:2x1x32x32:float16" in editor.text()
        assert "evenly random from 0 to 1" in editor.text()
        await editor.press("f5")
        assert "2x1x32x32:float32" in editor.text()
        assert "changed" not in editor.text()


async def test_the_command_line_is_copied_and_shown() -> None:
    async with edited(guessed()) as editor:
        await editor.press("f4")
        assert editor.copied == ["nn-inspect lenet.py --input x=2x1x32x32:float32"]
        assert "sent to the clipboard: nn-inspect lenet.py --input x=2x1x32x32:float32" in editor.text()


async def test_without_function_keys_the_same_is_reached_with_tab() -> None:
    async with edited(guessed()) as editor:
        await editor.press("down", "enter")
        assert "uniform:2x1x32x32:float32" in editor.text()
        await editor.press("right", "y")
        assert editor.copied == ["nn-inspect lenet.py --input x=uniform:2x1x32x32:float32"]


async def test_what_was_given_can_be_found_or_guessed_again() -> None:
    async with edited(several()) as editor:
        await editor.press("f6")
        assert editor.result == ()
    async with edited(guessed()) as editor:
        assert "F6" not in editor.text()
        await editor.press("f6")
        assert editor.result is _NOTHING_YET


async def test_a_refusal_of_the_engine_stands_over_what_was_typed() -> None:
    async with edited(guessed(), typed=("x=2x3x32",), refusal="--input x=2x3x32: conv1 takes 4 dimensions") as editor:
        assert "conv1 takes 4 dimensions" in editor.text()
        assert "2x3x32" in editor.text()
        await editor.press("enter")
        assert editor.result == ("x=2x3x32",)


async def test_what_no_text_says_stays_until_it_is_typed_over() -> None:
    async with edited(from_the_file()) as editor:
        assert "from example_inputs, net.py:40" in editor.text()
        assert "2×3×8×8 float32, unless a line is changed" in editor.text()
        await editor.press(*"1x3x8x8")
        assert "changed: nothing is taken from example_inputs, net.py:40" in editor.text()
        await editor.press("enter")
        assert editor.result == ("batch=1x3x8x8",)


async def test_a_gap_before_more_arguments_is_said_and_not_run() -> None:
    async with edited(starred()) as editor:
        await editor.type("")
        await editor.press("enter")
        assert editor.result is _NOTHING_YET
        assert "x is needed before one of *args" in editor.text()


async def test_a_forward_without_arguments_says_so() -> None:
    async with edited(InputSet("none", reason="LeNet has no forward")) as editor:
        assert "forward takes no arguments" in editor.text()
        assert "none yet: LeNet has no forward" in editor.text()
        await editor.press("escape")
        assert editor.result is None


async def test_in_ascii_nothing_else_is_written() -> None:
    async with edited(guessed(), ascii_only=True) as editor:
        await editor.type("two words")
        assert editor.text().isascii()
        assert "! x: Tensor" in editor.text()


async def test_many_arguments_fit_into_the_smallest_terminal() -> None:
    arguments = tuple(several().signature[1].__class__(f"argument_{n}", "torch.Tensor", "None") for n in range(30))
    async with edited(InputSet("none", signature=arguments), refusal="no") as editor:
        await editor.press(*["down"] * 29)
        assert "argument_29" in editor.text()
        assert "Enter: shapes, then r runs" in editor.text()
        assert "what goes into LeNet" in editor.text()
