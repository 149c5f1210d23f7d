"""The card of a layer beside the tree: torch's building block, with this layer's own numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inspector.messages import Load, Run
from inspector.tui import palette
from inspector.tui.app import InspectorApp
from inspector.tui.appearance import Appearance
from tests.process_state import put_back
from tests.recording import RecordedEngine
from tests.tui.driving import Driven


@asynccontextmanager
async def opened(target: str, size: tuple[int, int] = (120, 60), *, ascii_only: bool = False) -> AsyncIterator[Driven]:
    """A window over the real engine, in this process."""
    engines: list[RecordedEngine] = []

    def connect(hear: object) -> RecordedEngine:
        engines.append(RecordedEngine(hear, target))  # type: ignore[arg-type]
        return engines[-1]

    look = Appearance(palette.of_the_terminal(), watch=False, ascii_only=ascii_only)
    app = InspectorApp(connect, Load(target), look, Run())
    with put_back():
        async with app.run_test(size=size) as pilot:
            window = Driven(app, engines[0], pilot)
            await window.settle()
            yield window


def text_of(window: Driven) -> str:
    return " ".join(window.app.detail.text().split())


async def test_a_linear_layer_says_where_its_features_come_from() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "down", "down", "down", "5")
        text = text_of(window)
        assert text.startswith("Linear linear Makes each output a weighted sum of all inputs")
        assert "576 = 16·6·6 of max_pool2d, flattened at :22" in text
        assert "weight 120·576 = 69,120" in text
        assert "together 69,240" in text
        assert "±0.04167" in text


async def test_a_convolution_works_its_output_size_out_with_its_own_numbers_and_draws_its_window() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "down", "5")
        text = text_of(window)
        assert "⌊(32 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1 = 28" in text
        assert "■" in text


async def test_an_activation_is_drawn_with_its_slope_and_what_it_got() -> None:
    async with opened("conv_block.py") as window:
        await window.press("r", "down", "down", "down", "5")
        text = text_of(window)
        assert text.startswith("ReLU activation")
        assert "line: the function dots: its slope" in text
        assert "in this run it got" in text


async def test_a_terminal_of_ascii_gets_drawings_in_ascii() -> None:
    async with opened("conv_block.py", ascii_only=True) as window:
        await window.press("r", "down", "down", "down", "5")
        drawn = window.app.detail.text().partition("formula")[2].partition("line: the function")[0]
        assert not [sign for sign in drawn if "⠀" <= sign <= "⣿"]


async def test_a_class_of_the_users_own_tells_what_it_holds_and_what_its_forward_called() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "5")
        text = text_of(window)
        assert text.startswith("LeNet()")
        assert "Ten classes from a grey image of 32×32." in text
        assert "holds 5 children" in text
        assert "F.max_pool2d :20" in text


async def test_a_tensor_shows_the_card_of_its_module() -> None:
    async with opened("lenet.py") as window:
        await window.press("down", "right", "right", "5")
        assert window.cursor() == "conv1.weight"
        assert text_of(window).startswith("Conv2d convolution")


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_a_card_fits_every_width(width: int) -> None:
    async with opened("lenet.py", (width, 40)) as window:
        await window.press("r", "down", "5")
        assert all(len(line) <= width for line in window.screen().split("\n"))
        assert "Conv2d" in window.app.detail.text()


async def test_a_layer_is_tried_with_other_arguments_and_the_model_stays_as_it_is() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "down", "b")
        assert "try conv1 · Conv2d with other arguments" in window.screen()
        assert "470 k" in window.screen()
        await window.press("down", "end", "2", "enter")  # out_channels 6 → 62
        screen = window.screen()
        assert "2×62×28×28" in screen
        assert "1,612" in screen
        await window.press("escape")
        assert "2×6×28×28" in window.screen()


async def test_an_argument_that_torch_refuses_is_told_in_words() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "down", "b", "down", "down", "end", *["backspace"] * 6, *"99", "enter")
        assert "kernel" in window.screen().partition("in   2×1×32×32")[2].lower()
