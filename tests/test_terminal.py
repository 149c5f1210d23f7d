"""The real program in a real (pseudo-)terminal, as a stranger would drive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recording import SAMPLES
from tests.terminal import Terminal

PROGRAM = (sys.executable, "-m", "inspector")
SAYS_ITSELF = ("raises_at_import.py", "raises_in_init.py", "segfault.py", "syntax_error.py")
"""Broken files of which the error and its line are all that can be said."""
OPENING = sorted(p.name for p in SAMPLES.glob("*.py") if p.name not in ("needs_arguments.py", "several_models.py"))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
@pytest.mark.parametrize("name", OPENING)
def test_every_sample_opens_and_closes(name: str, columns: int, rows: int) -> None:
    with Terminal(*PROGRAM, str(SAMPLES / name), columns=columns, rows=rows) as terminal:
        screen = terminal.wait_for(f"{name}:", "params", "q quit")
        if columns == 120:
            screen = terminal.wait_for("1 overview", "path ")
        assert len(screen.split("\n")) <= rows
        terminal.press("q")
        assert terminal.finish() == 0


@pytest.mark.parametrize(
    ("name", "said", "line", "code"),
    [
        ("argparse_at_import.py", "The file cannot be imported", 9, 3),
        ("asks_at_import.py", "The file cannot be imported", 5, 3),
        ("exits_at_import.py", "The file cannot be imported", 20, 3),
        ("import_error.py", "The file cannot be imported", 3, 3),
        ("no_module.py", "There is no such model", 16, 2),
        ("no_super_init.py", "The model cannot be built", 8, 3),
        ("raises_at_import.py", "The file cannot be imported", 9, 3),
        ("raises_in_init.py", "The model cannot be built", 11, 3),
        ("segfault.py", "segmentation fault", 12, 4),
        ("syntax_error.py", "The file cannot be imported", 7, 3),
        ("wants_cuda.py", "The file cannot be imported", 5, 3),
    ],
)
def test_a_broken_file_shows_its_line_and_says_it_again_after_the_window(
    name: str, said: str, line: int, code: int
) -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "broken" / name), columns=100, rows=30) as terminal:
        terminal.wait_for(said, f"{name}:{line}", "▸1 what happened")
        terminal.pump(0.3)
        screen = terminal.text()
        text = (SAMPLES / "broken" / name).read_text().splitlines()[line - 1]
        assert f"▸{line:>5}  {text[:70]}".rstrip() in screen
        assert ("mend" in screen) == (name not in SAYS_ITSELF)
        terminal.press("q")
        assert terminal.finish() == code
        after = terminal.raw.decode("utf-8", "replace").rpartition("\x1b[?1049l")[2]
        assert f"{name}:{line}" in after
        assert text.strip() in after


def test_arguments_that_are_not_given_are_exit_2() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "broken" / "missing_arguments.py"), columns=100, rows=30) as terminal:
        terminal.wait_for("needs arguments", "missing_arguments.py:7")
        terminal.press("escape")
        terminal.pump(3.0, lambda: "Python literals" not in terminal.text())
        terminal.wait_for("The model needs arguments", "mend")
        terminal.press("q")
        assert terminal.finish() == 2


def test_a_slow_import_tells_its_line_and_can_be_cancelled() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "broken" / "slow_import.py")) as terminal:
        terminal.wait_for("importing slow_import.py")
        terminal.wait_for("in slow_import.py:")
        terminal.press("ctrl+c")
        terminal.wait_for("cancelled")
        terminal.press("q")
        assert terminal.finish() == 0


def test_a_flood_of_prints_does_not_slow_the_window() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "broken" / "prints_flood.py")) as terminal:
        terminal.wait_for("importing prints_flood.py")
        terminal.pump(1.0)
        began = time.perf_counter()
        terminal.press("?")
        terminal.wait_for("open the row, then step into it")
        assert time.perf_counter() - began < 5.0
        terminal.press("escape")
        terminal.wait_until_gone("open the row, then step into it")
        terminal.press("ctrl+c")
        terminal.wait_for("cancelled")


def test_several_models_are_offered_and_one_opens() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "several_models.py"), columns=80, rows=24) as terminal:
        terminal.wait_for("models in this file. Which one?")
        terminal.press("enter")
        terminal.wait_for("params", "q quit", "cpu")


def test_missing_arguments_are_asked_for_again_until_the_model_opens() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "needs_arguments.py"), columns=80, rows=24) as terminal:
        terminal.wait_for("needs arguments", "in_features", "widths", "num_classes")
        terminal.press_in_turn("8", "tab", "7", "tab", "3", "enter")
        terminal.wait_for("Value after * must be an iterable", "a asks for the arguments again")
        terminal.press("a")
        terminal.wait_for("needs arguments")
        terminal.press_in_turn("tab", "\x15", "[8, 8]", "enter")
        terminal.wait_for("params", "cpu", "hidden")


def test_saving_the_file_shows_what_changed_and_keeps_the_cursor(tmp_path: Path) -> None:
    model = tmp_path / "net.py"
    text = (SAMPLES / "lenet.py").read_text()
    model.write_text(text)
    with Terminal(*PROGRAM, str(model)) as terminal:
        terminal.wait_for("conv1", "fc3")
        terminal.press("down", "down", "down")
        terminal.wait_for("LeNet › fc1")
        terminal.pump(1.0)
        model.write_text(
            text.replace("super().__init__()", "super().__init__()\n        self.extra = nn.Linear(3, 3)", 1)
        )
        terminal.wait_for("1 added (extra)", "▸extra")
        terminal.press("down")
        terminal.wait_for("LeNet › fc2")
        model.write_text("this is not python\n")
        terminal.wait_for("The file cannot be imported", "conv1")
        model.write_text(text)
        terminal.wait_for("1 removed (extra)")
        terminal.press("up")
        terminal.wait_for("LeNet › fc1")
        terminal.press("q")
        assert terminal.finish() == 0


def test_saving_a_file_that_the_model_file_imports_reloads_too(tmp_path: Path) -> None:
    part, whole = tmp_path / "part.py", tmp_path / "whole.py"
    part.write_text("WIDTH = 4\n")
    whole.write_text(
        "import part\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.fc = nn.Linear(part.WIDTH, 2)\n"
    )
    with Terminal(*PROGRAM, str(whole)) as terminal:
        terminal.wait_for("Linear 4→2")
        terminal.pump(0.5)
        part.write_text("WIDTH = 8\n")
        terminal.wait_for("Linear 8→2", "1 changed (fc.weight)")
        part.write_text("WIDTH = 1 / 0\n")
        terminal.wait_for("part.py:1", "ZeroDivisionError", "OUT OF DATE")
        part.write_text("WIDTH = 16\n")
        terminal.wait_for("Linear 16→2")
        assert "OUT OF DATE" not in terminal.text()


def test_a_file_that_is_deleted_and_comes_back_is_opened_again(tmp_path: Path) -> None:
    model = tmp_path / "net.py"
    model.write_text((SAMPLES / "lenet.py").read_text())
    with Terminal(*PROGRAM, str(model)) as terminal:
        terminal.wait_for("fc3")
        terminal.pump(0.5)
        model.unlink()
        terminal.wait_for("There is no such model", "OUT OF DATE", "fc3")
        model.write_text((SAMPLES / "tiny_model.py").read_text())
        terminal.wait_until_gone("OUT OF DATE")
        terminal.wait_until_gone("fc3")
        terminal.wait_for("net.py:TinyModel()", "linear1")


def test_the_mouse_is_left_to_the_terminal_when_asked() -> None:
    for arguments, environment in ((("--no-mouse",), {}), ((), {"NN_INSPECT_MOUSE": "0"})):
        with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), *arguments, environment=environment) as terminal:
            terminal.wait_for("conv1")
            for mode in (1000, 1002, 1003, 1006, 1015):
                assert f"\x1b[?{mode}h".encode() not in terminal.raw


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("no-such-editor-here", "No such file or directory"),
        ("'unbalanced", "No closing quotation"),
        ("false", "ended with 1"),
        ("sh -c 'kill -INT $PPID'", "LeNet"),
    ],
)
def test_however_the_editor_ends_the_window_comes_back(editor: str, said: str) -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), environment={"EDITOR": editor, "VISUAL": ""}) as terminal:
        terminal.wait_for("conv1", "1 overview")
        terminal.press("e")
        terminal.wait_for(said)
        terminal.press("down")
        terminal.wait_for("LeNet › conv1")
        terminal.press("q")
        assert terminal.finish() == 0


def test_an_editor_that_draws_a_screen_gets_the_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "\\033[2J\\033[Hediting $1 $2"\nread answer\n')
    editor.chmod(0o700)
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), environment={"EDITOR": str(editor), "VISUAL": ""}) as terminal:
        terminal.wait_for("conv1", "1 overview")
        terminal.press("e")
        terminal.wait_for("editing +8 ", "lenet.py")
        terminal.press("enter")
        terminal.wait_for("conv1", "1 overview", "q quit")
        assert "editing" not in terminal.text()


def test_a_search_typed_in_one_go_arrives_whole_and_costs_little() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py")) as terminal:
        terminal.wait_for("conv1", "1 overview", "2×84")  # the dry run has been shown
        terminal.fall_silent()
        before = len(terminal.raw)
        terminal.press("/fc2\r")
        terminal.wait_for("match 1 of 1", "fc2 · Linear")
        terminal.fall_silent()
        assert len(terminal.raw) - before < 6_000  # the whole screen is 12,000
        before = len(terminal.raw)
        terminal.press("tab")
        terminal.wait_for("┃")
        terminal.pump(0.3)
        assert len(terminal.raw) - before < 3_000


def test_resizing_rearranges_the_panes() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), columns=120, rows=40) as terminal:
        terminal.wait_for("conv1", "1 overview")
        terminal.resize(80, 24)
        terminal.wait_until_gone("1 overview")
        terminal.resize(130, 30)
        terminal.wait_for("1 overview")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_however_the_window_dies_the_terminal_is_sane_and_no_process_stays(ending: signal.Signals) -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py")) as terminal:
        before = terminal.attributes()
        terminal.wait_for("conv1")
        terminal.pump(0.5)
        family = processes_of(terminal.pid)
        assert len(family) >= 3  # the window, the warm server, the engine
        assert terminal.attributes() != before
        os.kill(terminal.pid, ending)
        terminal.finish()
        terminal.pump(30.0, lambda: b"\x1b[?1049l" in terminal.raw and terminal.attributes()[3] == before[3])
        assert terminal.attributes() == before
        tail = bytes(terminal.raw).rpartition(b"\x1b[?1049h")[2]
        for left in (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?1003l", b"\x1b[?25h"):
            assert left in tail
        wait_until_gone(family - {terminal.pid})


def test_a_killed_engine_is_told_and_the_window_lives() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py")) as terminal:
        terminal.wait_for("conv1")
        terminal.pump(0.5)
        os.kill(newest(processes_of(terminal.pid)), signal.SIGKILL)
        terminal.wait_for("SIGKILL")
        terminal.press("R")
        terminal.wait_for("reloaded")


def test_suspending_gives_the_terminal_back() -> None:
    script = f"{sys.executable} -m inspector {SAMPLES / 'lenet.py'}"
    with Terminal("bash", "--norc", "-i", environment={"PS1": "prompt> "}) as terminal:
        terminal.wait_for("prompt>")
        terminal.press(script, "enter")
        terminal.wait_for("conv1")
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.screen.reset()  # what a terminal's other screen is when it is entered again: empty
        terminal.press("fg", "enter")
        terminal.wait_for("params", "conv1", "q quit")
        terminal.press("q")
        terminal.wait_for("prompt>")


def test_colours_can_be_few_or_none() -> None:
    for environment in ({"TERM": "xterm-16color"}, {"NO_COLOR": "1"}, {"TERM": "screen"}):
        with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), environment=environment) as terminal:
            terminal.wait_for("conv1")
            assert b"\x1b[38;2;" not in terminal.raw
            if "NO_COLOR" in environment:
                assert b"\x1b[36m" not in terminal.raw


def test_a_dumb_terminal_gets_the_plain_tree() -> None:
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), environment={"TERM": "dumb"}) as terminal:
        assert terminal.finish(30) == 0
        assert "├ conv1" in terminal.text()
        assert b"\x1b" not in terminal.raw


def processes_of(pid: int) -> set[int]:
    """A process and everything below it, also what has a session of its own."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def newest(pids: set[int]) -> int:
    """The process that was started last."""
    return max(pids, key=lambda pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]))


def wait_until_gone(pids: set[int], seconds: float = 60) -> None:
    end = time.perf_counter() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.perf_counter() < end, f"still there: {[p for p in pids if Path(f'/proc/{p}').exists()]}"
        time.sleep(0.02)


def test_a_checkpoint_is_compared_and_another_one_asked_for_by_name(tmp_path: Path) -> None:
    write = "import sys, torch; from sample_models.lenet import LeNet; state = LeNet().state_dict(); "
    write += "torch.save(state, sys.argv[1]); del state['fc3.bias']; torch.save(state, sys.argv[2])"
    good, lacking = tmp_path / "good.pt", tmp_path / "lacking.pt"
    subprocess.run([sys.executable, "-c", write, str(good), str(lacking)], check=True, cwd=SAMPLES.parent)
    with Terminal(*PROGRAM, str(SAMPLES / "lenet.py"), "--no-run", "--checkpoint", str(lacking)) as terminal:
        terminal.wait_for("lacking.pt: 9 of 10 tensors fit; x tells all", "x: 1 error")
        terminal.press(":")
        terminal.wait_for("Search")
        terminal.press(*"checkpoint")
        terminal.wait_for("compare with a checkpoint: does the file fit?")
        terminal.press("enter")
        terminal.wait_for("=")
        terminal.wait_until_gone("asks for its path")
        terminal.press(*str(good), "enter")
        terminal.wait_for("good.pt: all 10 tensors fit")
        terminal.press("q")
        assert terminal.finish() == 0
