"""The pictures of the README: real models through the real engine, at the sizes that people work at.

`pytest tests/test_pictures.py --renew-goldens` draws them anew; only with the pinned Textual, whose drawing they hold.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from inspector.messages import Load, Run
from inspector.tui import palette
from inspector.tui.app import InspectorApp
from inspector.tui.appearance import Appearance
from inspector.tui.window import SETTLE
from tests.process_state import put_back
from tests.recording import RecordedEngine

PICTURES = Path(__file__).parent / "pictures"
DRAWN_WITH = "8.2.8"

SCENES = {
    "lenet-120x40": ("lenet.py", (120, 40), ["r", "down", "down", "down"]),
    "lenet-80x24": ("lenet.py", (80, 24), ["r", "down", "down", "down"]),
    "failed-120x40": ("broken/linear_features.py", (120, 40), ["r"]),
    "trace-120x40": ("lenet.py", (120, 40), ["r", "t", "s"]),
    "inputs-80x24": ("module_dict.py", (80, 24), ["r", "i"]),
    "feature-map-80x24": ("lenet.py", (80, 24), ["r", "down", "p"]),
    "modes-120x40": ("conv_block.py", (120, 40), ["d"]),
    "modes-80x24": ("conv_block.py", (80, 24), ["d"]),
    "card-120x40": ("lenet.py", (120, 40), ["r", "down", "down", "down", "5"]),
    "try-120x40": ("lenet.py", (120, 40), ["r", "down", "b"]),
    "problems-120x40": ("unregistered.py", (120, 40), ["x"]),
    "encoder-80x24": ("encoder.py", (80, 24), ["down", "right", "right"]),
    "values-120x40": ("conv_block.py", (120, 40), ["down", "right", "down"]),
    "unregistered-120x40": ("unregistered.py", (120, 40), ["down"]),
    "broken-120x40": ("broken/raises_in_init.py", (120, 40), []),
    "several-80x24": ("several_models.py", (80, 24), []),
}


@pytest.mark.skipif(version("textual") != DRAWN_WITH, reason=f"drawn with Textual {DRAWN_WITH}")
@pytest.mark.parametrize("name", SCENES)
async def test_the_picture_is_what_the_window_shows(name: str, renew: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    target, size, keys = SCENES[name]
    monkeypatch.setenv("COLORTERM", "truecolor")
    look = Appearance(palette.of_the_terminal(), watch=False)
    app = InspectorApp(lambda hear: RecordedEngine(hear, target), Load(target), look, Run())
    with put_back():
        torch.manual_seed(0)  # the values of fresh weights are in the picture
        async with app.run_test(size=size) as pilot:
            await pilot.pause(SETTLE)
            for key in keys:
                await pilot.press(key)
            await pilot.pause(SETTLE * 3)
            drawn = app.export_screenshot(title=f"nn-inspect {target}")
    file = PICTURES / f"{name}.svg"
    if renew:
        file.write_text(drawn)
    assert file.read_text() == drawn, "the screen has changed: look at it, then --renew-goldens"
