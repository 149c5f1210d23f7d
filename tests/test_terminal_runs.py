"""Runs of real models in a real (pseudo-)terminal: what a person sees of them, and what they cannot break."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.recording import SAMPLES
from tests.terminal import Terminal

PROGRAM = (sys.executable, "-m", "inspector", "--no-probes")
MODEL = """\
import ctypes, os, sys, time
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x):
        x = self.first(x)
        if {dry} or "Fake" not in type(x).__name__:
            {then}
        return self.second(x)


example_inputs = torch.ones(3, 4)
"""


def written(folder: Path, then: str, *, dry: bool = False) -> str:
    """A model whose forward does something between its two layers, in a dry run only when that is wanted."""
    path = folder / "model.py"
    path.write_text(MODEL.format(then=then, dry=dry))
    return str(path)


def test_shapes_come_by_themselves_and_a_run_adds_times_and_functions() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py")) as terminal:
        terminal.wait_for("2×6×28×28", "x 2×1×32×32 guessed", "F.max_pool2d")
        assert "µs" not in terminal.text()
        terminal.press("r")
        terminal.wait_for("eval forward", "left as found", "µs")
        terminal.press("t", "s")
        terminal.wait_for("call, by time of its own")


def test_after_a_run_nothing_is_written_while_nothing_changes_and_little_for_a_key() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py")) as terminal:
        terminal.wait_for("2×6×28×28")
        terminal.press("r")
        terminal.wait_for("eval forward")
        terminal.fall_silent()
        before = len(terminal.raw)
        terminal.pump(3.0, lambda: len(terminal.raw) > before)
        assert len(terminal.raw) == before
        costs = sorted(terminal.cost_of(key)[1] for key in ["down", "up"] * 8)
        assert costs[len(costs) // 2] <= 2_500


def test_a_forward_that_sleeps_can_be_looked_around_in_and_stopped(tmp_path: Path) -> None:
    with Terminal(*PROGRAM, written(tmp_path, "time.sleep(600)")) as terminal:
        terminal.wait_for("3×2")
        terminal.press("r")
        terminal.wait_for("running forward", "ctrl+c cancels")
        terminal.press("down")
        terminal.wait_for("first · Linear")
        terminal.press("ctrl+c")
        terminal.wait_for("run cancelled; left as found")
        terminal.press("ctrl+c")
        terminal.wait_for("nothing runs")


def test_a_dry_run_that_never_ends_is_told_of_and_can_be_stopped(tmp_path: Path) -> None:
    with Terminal(*PROGRAM, written(tmp_path, "time.sleep(600)", dry=True)) as terminal:
        terminal.wait_for("looking for shapes")
        terminal.press("ctrl+c")
        terminal.wait_for("run cancelled; left as found")


def test_a_forward_that_lets_nothing_stop_it_ends_with_its_engine(tmp_path: Path) -> None:
    then = "\n            ".join(
        ("while True:", "    try:", "        time.sleep(600)", "    except BaseException:", "        pass")
    )
    with Terminal(*PROGRAM, written(tmp_path, then)) as terminal:
        terminal.wait_for("3×2")
        terminal.press("r")
        terminal.wait_for("running forward")
        terminal.press("ctrl+c")
        terminal.wait_for("stopping; ctrl+c again loads the model anew")
        terminal.press("ctrl+c")
        terminal.wait_for("reloaded in", "same structure", "3×2")


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("os._exit(3)", "exit code 3"),
        ("ctypes.string_at(0)", "segmentation fault"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
def test_a_forward_that_takes_its_process_along_is_told_and_the_window_lives(
    tmp_path: Path, then: str, said: str
) -> None:
    with Terminal(*PROGRAM, written(tmp_path, then)) as terminal:
        terminal.wait_for("3×2")
        terminal.press("r")
        terminal.wait_for("The process that holds the model ended", said, "R loads the model again", "THE ENGINE ENDED")
        terminal.press("R")
        terminal.wait_until_gone("THE ENGINE ENDED")
        terminal.press("q")
        assert terminal.finish() == 0


@pytest.mark.parametrize(
    ("then", "said"),
    [("sys.exit(4)", "SystemExit"), ("input()", "EOFError"), ("raise KeyboardInterrupt", "KeyboardInterrupt")],
)
def test_a_forward_that_raises_whatever_it_likes_has_failed_at_its_line(tmp_path: Path, then: str, said: str) -> None:
    with Terminal(*PROGRAM, written(tmp_path, then)) as terminal:
        terminal.wait_for("3×2")
        terminal.press("r")
        terminal.wait_for("forward failed here", "model.py:15", said, "not reached")


def test_what_forward_prints_is_kept_for_the_log_and_never_reaches_the_screen(tmp_path: Path) -> None:
    with Terminal(
        *PROGRAM, written(tmp_path, "os.write(1, b'\\x1b[2Jred \\x07\\n'); print('x' * 10_000_000)")
    ) as terminal:
        terminal.wait_for("3×2")
        terminal.press("r")
        terminal.wait_for("eval forward", "first", "second")
        assert b"\x1b[2Jred" not in terminal.raw
        terminal.press("o")
        terminal.wait_for("what the code printed", "bytes were printed too fast to be kept")


def test_a_suspended_window_comes_back_with_its_run_still_going_on(tmp_path: Path) -> None:
    script = f"{sys.executable} -m inspector {written(tmp_path, 'time.sleep(600)')}"
    with Terminal("bash", "--norc", "-i", environment={"PS1": "prompt> "}) as terminal:
        terminal.wait_for("prompt>")
        terminal.press(script, "enter")
        terminal.wait_for("3×2")
        terminal.press("r")
        terminal.wait_for("running forward")
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.screen.reset()  # what a terminal's other screen is when it is entered again: empty
        terminal.press("fg", "enter")
        terminal.wait_for("running forward", "3×2")
        terminal.press("ctrl+c")
        terminal.wait_for("run cancelled")
        terminal.press("q")
        terminal.wait_for("prompt>")
