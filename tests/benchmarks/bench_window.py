"""How long a person waits, measured from outside through a pseudo-terminal: `python -m tests.benchmarks.bench_window`.

Everything is a ratio against something measured in the same run, turn about, because machines are noisy; bytes and
memory are absolute. Prints the table that stands in the README.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import inspector
from tests.terminal import Terminal

ROOT = Path(inspector.__file__).parents[1]
COMMAND = (sys.executable, "-m", "inspector")

MINIMAL = """\
from textual.app import App
from textual.widgets import Label
class Minimal(App):
    BINDINGS = [("q", "quit", "quit")]
    def compose(self):
        yield Label("a label that shows more than forty cells of text, so that it counts as a frame")
Minimal().run()
"""
PLAIN = """\
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("lenet", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.LeNet()
"""
BIG = """\
import time
import torch
from torch import nn

BLOCKS = {blocks}
STAMP = {stamp!r}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(4, 4)
        self.down = nn.Linear(4, 4)
        self.act = nn.ReLU()
        self.norm = nn.LayerNorm(4)


class Big(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.head = nn.Linear(4, 4)


def build_model() -> nn.Module:
    model = Big()
    began = time.perf_counter()
    for name, module in model.named_modules():
        pass
    for name, parameter in model.named_parameters():
        pass
    walk = time.perf_counter() - began
    with open(STAMP, "w") as file:
        file.write(f"{{walk}} {{time.time()}}")
    return model
"""
ROWS_OF_A_BLOCK = 11
BIG_ROWS = 250_000


def first_frame(*command: str) -> float:
    """Seconds from the start of a program to its first frame of at least forty cells."""
    with Terminal(*command) as terminal:
        shown = terminal.pump(30, lambda: terminal.cells() >= 40)
        assert shown is not None, terminal.text()
        return shown - terminal.began


def until(text: str, *command: str) -> float:
    """Seconds from the start of a program to a screen with this text."""
    with Terminal(*command) as terminal:
        shown = terminal.pump(60, lambda: text in terminal.text())
        assert shown is not None, terminal.text()
        return shown - terminal.began


def script(*command: str) -> float:
    """Seconds that a program takes to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def in_turn(runs: int, *measures: Callable[[], float]) -> list[float]:
    """Medians of several measures, taken one after the other so often."""
    taken = [[measure() for measure in measures] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def start_up(folder: Path, runs: int) -> list[tuple[str, str, str]]:
    """First frame and first tree."""
    minimal, plain = folder / "minimal.py", folder / "plain.py"
    minimal.write_text(MINIMAL)
    plain.write_text(PLAIN)
    lenet = str(ROOT / "sample_models" / "lenet.py")
    frame, label, torch, tree, script_ = in_turn(
        runs,
        lambda: first_frame(*COMMAND, lenet),
        lambda: first_frame(sys.executable, str(minimal)),
        lambda: script(sys.executable, "-c", "import torch"),
        lambda: until("conv1", *COMMAND, lenet),
        lambda: script(sys.executable, str(plain), lenet),
    )
    return [
        ("first frame, against a minimal Textual app", ratio(frame, label), "1.5 ×"),
        ("first frame, against `import torch`", ratio(frame, torch), "0.30 ×"),
        ("LeNet's tree, against a plain script that builds LeNet", ratio(tree, script_), "1.15 ×"),
    ]


def reload(folder: Path, runs: int) -> list[tuple[str, str, str]]:
    """From a save to the new tree, against the first load."""
    model = folder / "lenet.py"
    text = (ROOT / "sample_models" / "lenet.py").read_text()
    firsts, again = [], []
    for _ in range(runs):
        model.write_text(text)
        with Terminal(*COMMAND, str(model)) as terminal:
            terminal.wait_for("conv1")
            firsts.append(time.perf_counter() - terminal.began)
            terminal.pump(1.0)
            for number in range(5):
                name = f"extra{number}"
                added = f"super().__init__()\n        self.{name} = nn.Linear(3, 3)"
                changed = text.replace("super().__init__()", added, 1)
                began = time.perf_counter()
                model.write_text(changed)
                shown = terminal.pump(10, lambda name=name: f"▸{name}" in terminal.text())  # type: ignore[misc]
                assert shown is not None, terminal.text()
                again.append(shown - began)
                terminal.pump(0.3)
    first, second = statistics.median(firsts), statistics.median(again)
    return [("reload after a save, against the first load", ratio(second, first), "0.10 ×")]


def keys(model: str, ready: str, opened: str = "*") -> tuple[list[float], list[int], float, int]:
    """Sixty single cursor moves, a burst of twenty, and five idle seconds: latencies (s), bytes, burst, idle bytes."""
    with Terminal(*COMMAND, model) as terminal:
        terminal.wait_for(ready, seconds=120)
        terminal.pump(4.0)
        terminal.press(opened)
        terminal.pump(2.0)
        moves = [terminal.cost_of("down", settle=0.2) for _ in range(60)]
        _, burst = terminal.cost_of(*["down"] * 20, settle=0.6)
        before = len(terminal.raw)
        terminal.pump(5.0)
        latencies = sorted(latency for latency, _ in moves if latency is not None)
        assert len(latencies) == len(moves), "a key was not answered"
        return latencies, sorted(written for _, written in moves), burst / 20, len(terminal.raw) - before


def small_keys() -> list[tuple[str, str, str]]:
    """What a key costs on the screen of a small model."""
    latencies, written, burst, idle = keys(str(ROOT / "sample_models" / "encoder.py"), "params")
    return [
        ("cursor move, 120x40: latency p50 / p99", f"{ms(latencies, 50)} / {ms(latencies, 99)} ms", "16 / 50 ms"),
        ("cursor move, 120x40: bytes p50 / p99", f"{at(written, 50)} / {at(written, 99)}", "2,500 / 8,000"),
        ("twenty moves in a burst: bytes for each", f"{burst:.0f}", "900"),
        ("idle for 5 s", f"{idle} bytes", "0 bytes"),
    ]


def big_model(folder: Path) -> list[tuple[str, str, str]]:
    """A quarter of a million rows."""
    stamp = folder / "stamp"
    model = folder / "big.py"
    model.write_text(BIG.format(blocks=BIG_ROWS // ROWS_OF_A_BLOCK, stamp=str(stamp)))
    small = folder / "small.py"
    small.write_text(BIG.format(blocks=5, stamp=str(stamp)))
    small_latencies, *_ = keys(str(small), "params")
    with Terminal(*COMMAND, str(model)) as terminal:
        terminal.wait_for("blocks", seconds=120)
        shown = time.time()
        walk, built = map(float, stamp.read_text().split())
        terminal.pump(6.0)
        terminal.press("*")
        terminal.pump(5.0)
        latencies = sorted(t for t, _ in (terminal.cost_of("down", settle=0.2) for _ in range(60)) if t is not None)
        resident = peak_resident(terminal.pid)
    return [
        (
            "250,000 rows: key latency p50, against 60 rows",
            ratio(statistics.median(latencies), statistics.median(small_latencies)),
            "1.5 ×",
        ),
        ("250,000 rows: built to tree on screen, against walking it", ratio(shown - built, walk), "3 ×"),
        ("250,000 rows, all open: peak memory of the front end", f"{resident:.0f} MB", "250 MB"),
    ]


def peak_resident(pid: int) -> float:
    """Megabytes that a process has held at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/status does not say")


def ratio(measured: float, reference: float) -> str:
    return f"{measured / reference:.2f} × ({seconds(measured)} / {seconds(reference)})"


def seconds(value: float) -> str:
    return f"{value * 1e3:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def at(values: list[int], percentile: int) -> str:
    return f"{values[min(len(values) * percentile // 100, len(values) - 1)]:,}"


def ms(values: list[float], percentile: int) -> str:
    return f"{values[min(len(values) * percentile // 100, len(values) - 1)] * 1e3:.1f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=7)
    runs = arguments.parse_args().runs
    # As an installed package is: compiled. And not as this machine happens to be: over SSH or not.
    compileall.compile_dir(str(Path(inspector.__file__).parent), quiet=1)
    for name in ("PYTHONDONTWRITEBYTECODE", "SSH_CONNECTION", "SSH_TTY"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*start_up(folder, runs), *reload(folder, max(runs // 2, 1)), *small_keys(), *big_model(folder)]
    print("| what | measured | at most |\n|:--|:--|:--|")
    for what, measured, most in rows:
        print(f"| {what} | {measured} | {most} |")


if __name__ == "__main__":
    main()
