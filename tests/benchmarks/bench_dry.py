"""How long a dry run takes, against the plain forward of the same model: `python -m tests.benchmarks.bench_dry`.

One thread, everything turn about in one process, and a ratio, because machines are noisy. The first dry run of a model
is told apart, for nothing is remembered yet, and what torch imports for the first one of all.
"""

from __future__ import annotations

import argparse
import gc
import runpy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import inspector
from inspector.engine.forward import dry
from inspector.engine.forward.fake_mode import prepare

SAMPLES = Path(inspector.__file__).parents[1] / "sample_models"
AT_MOST = 2.0
"""Times the plain forward."""
MODELS = {"resnet50": "ResNet50", "gpt2_small": "GPT2Small"}


class Sample(NamedTuple):
    """What forward gets."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def load(name: str) -> tuple[nn.Module, torch.Tensor]:
    """A sample model and its input."""
    scope = runpy.run_path(str(SAMPLES / f"{name}.py"), run_name=name)
    return scope[MODELS[name]]().eval(), scope["example_inputs"]()


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def measures(name: str) -> dict[str, Callable[[], object]]:
    """What is done turn about."""
    model, x = load(name)
    rows = {id(module): row for row, module in enumerate(model.modules())}

    def plain() -> None:
        with torch.no_grad():
            model(x)

    def dry_run() -> dry.DryRun:
        result = dry.run(model, Sample((x,), {}), mode="eval", row_of=lambda m: rows.get(id(m)), restore=lambda: None)
        assert result.error is None
        assert not result.notes
        return result

    def torchs() -> None:
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        with torch.no_grad(), mode:
            model(mode.from_tensor(x))

    return {"plain": plain, "torch's own FakeTensorMode, nothing recorded": torchs, "dry run": dry_run}


def report(name: str, runs: int) -> None:
    """One model: the first dry run, and then the medians."""
    actions = measures(name)
    gc.freeze()  # As in an engine: a model that stays needs no looking for garbage.
    plain = min(seconds(actions["plain"]) for _ in range(3))
    first = seconds(actions["dry run"])
    taken: dict[str, list[float]] = {what: [] for what in actions}
    for _ in range(runs):
        for what, action in actions.items():
            taken[what].append(seconds(action))
    medians = {what: statistics.median(times) for what, times in taken.items()}
    print(f"| {name}: first dry run | {first / plain:.2f} × ({first:.3f} s) | |")
    for what in list(actions)[1:]:
        most = f"{AT_MOST} ×" if what == "dry run" else ""
        print(f"| {name}: {what} | {medians[what] / medians['plain']:.2f} × ({medians[what]:.3f} s) | {most} |")


def imports() -> None:
    """What the first dry run imports, each time in a process of its own."""
    code = "import torch, time; import inspector.engine.forward.fake_mode as m; b = time.perf_counter(); m.prepare()"
    for what, script in (
        ("import torch", "import time; b = time.perf_counter(); import torch"),
        ("what a first dry run imports after that", code),
    ):
        times = []
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, "-c", f"{script}; print(time.perf_counter() - b)"], check=True, capture_output=True
            )
            times.append(float(done.stdout))
        print(f"| {what} | {statistics.median(times):.2f} s | |")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=7)
    runs = arguments.parse_args().runs
    torch.set_num_threads(1)
    print("| what | measured, × its plain forward | at most |\n|:--|:--|:--|")
    imports()
    prepare()
    for name in MODELS:
        report(name, runs)


if __name__ == "__main__":
    main()
