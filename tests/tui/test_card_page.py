"""The card of a layer beside the tree: torch's building block, with this layer's own numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inspector.messages import Load, MeasureFlow, Run, TryLoss
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
        assert text.startswith(
            "Linear linear each of 2 samples: 576 → 120; 69,240 parameters; 138 kFLOP a sample "
            "Makes each output a weighted sum of all inputs"
        )
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
        assert "inputs: 2,048 from" in text
        assert "in this run it got: mean" in text


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


LOSS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 5)
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.fc(x)

example_inputs = torch.linspace(-1, 1, 24).view(4, 6)
"""


async def test_a_loss_that_the_run_did_not_call_is_tried_on_the_output_once_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text(LOSS)
    async with opened(str(file)) as window:
        await window.press("down", "down", "5")
        assert window.cursor() == "loss"
        assert "r runs the model: then it is tried on the output" in text_of(window)
        await window.press("r")
        text = text_of(window)
        assert "tried on the model's output CrossEntropyLoss() gives" in text
        assert "input 4×5 float32, output of fc" in text
        assert "target 4 int64, made: 4 class ids from 0 … 4" in text
        assert "every class equally likely gives 1.609 = ln 5" in text
        asked = [request for request in window.engine.asked if isinstance(request, TryLoss)]
        assert len(asked) == 1
        await window.press("r")
        assert len([request for request in window.engine.asked if isinstance(request, TryLoss)]) == 2


async def test_the_first_values_of_a_layer_stand_beside_what_is_there() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "down", "5")
        text = text_of(window)
        assert "weight U(−√k, √k), k = 1/(1·5·5) → ±0.2 weight measured −0.1" in text
        assert "bias measured" in text


async def test_a_forward_that_takes_long_is_repeated_only_when_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.tui.card_questions.SHORT_SECONDS", 0.0)
    async with opened("conv_block.py") as window:
        await window.press("r", "down", "down", "down", "5")
        text = text_of(window)
        assert "v draws how they lie: a forward of" in text
        assert not [request for request in window.engine.asked if isinstance(request, MeasureFlow)]
        await window.press("v")
        assert "inputs: 2,048 from" in text_of(window)


@pytest.mark.parametrize(
    ("target", "keys"),
    [("lenet.py", ("down",)), ("conv_block.py", ("down", "down", "down")), ("encoder.py", ("down",))],
)
async def test_a_card_in_ascii_spells_its_signs_out(target: str, keys: tuple[str, ...]) -> None:
    async with opened(target, ascii_only=True) as window:
        await window.press("r", *keys, "5")
        text = window.app.detail.text()
        assert "formula" in text
        assert text.isascii()
        assert "?" not in text
        assert all(len(line) <= window.app.detail.text_width for line in text.split("\n"))


async def test_every_loss_can_be_tried_on_the_output_of_a_model_that_has_none() -> None:
    async with opened("lenet.py") as window:
        await window.press("L")
        assert "a loss wants an output, and there is none yet: r runs the model" in window.status()
        await window.press("r", "L")
        screen = " ".join(window.screen().split())
        assert "CrossEntropyLoss() gives 2." in screen
        assert "input 2×10 float32, output of fc3" in screen
        await window.press("down")
        assert "NLLLoss wants logarithms of probabilities" in " ".join(window.screen().replace("│", " ").split())
        await window.press("up")
        names = [request.name for request in window.engine.asked if isinstance(request, TryLoss)]
        assert names == ["CrossEntropyLoss", "NLLLoss"]
        await window.press("escape")
        assert window.cursor() == ""


async def test_a_word_for_a_number_is_refused_in_one_line_and_nothing_old_stands_below_it() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", "down", "b", "down", "down")
        before = len(window.engine.asked)
        await window.press("end", *["backspace"] * 6, *"abc", "enter")
        screen = window.screen()
        assert "kernel_size wants" in screen
        assert "not the text 'abc'" in " ".join(screen.replace("│", " ").split())
        assert "as it is " not in screen.partition("input")[2].partition("F2")[0]
        assert len(window.engine.asked) == before


async def test_a_function_that_a_layer_could_have_been_shows_that_layers_card_with_what_it_was_given() -> None:
    async with opened("lenet.py") as window:
        await window.press("r", *["down"] * 7, "5")
        text = text_of(window)
        assert text.startswith("F.max_pool2d as nn.MaxPool2d each of 2 samples: 6×28×28 → 6×14×14")
        assert "⌊(28 + 2·0 − 2)/2⌋ + 1 = 14" in text
        assert "■ ■ □ □" in text
        await window.press("down")
        assert text_of(window).startswith("F.relu as nn.ReLU")
        assert "in this run it got 4,608 numbers" in text_of(window)
        await window.press("down", "down")
        assert text_of(window).startswith("LeNet()")  # torch.flatten begins at another axis than nn.Flatten


async def test_a_layer_is_tried_with_one_key_also_where_nobody_has_looked_at_its_details() -> None:
    async with opened("lenet.py", (80, 24)) as window:
        await window.press("r", "down", "b")
        assert "try conv1 · Conv2d with other arguments" in window.screen()
