"""What watching a run costs, against the plain forward, on one thread: `python -m tests.benchmarks.bench_run`.

Everything is a ratio against the plain forward measured in the same run, turn about, because machines are noisy, in
CPU time, which other processes do not lengthen; memory is absolute. Prints a table.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import inspector
from inspector.engine.forward.output_stats import OutputStats
from inspector.engine.forward.recorder import Recorder
from inspector.engine.forward.timing import timed
from inspector.engine.tensor_stats import measure

SAMPLES = Path(inspector.__file__).parents[1] / "sample_models"
Rows = list[tuple[str, str, str]]


def model_of(name: str, factory: str) -> nn.Module:
    """A sample model, in eval mode."""
    spec = importlib.util.spec_from_file_location(name, SAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    model: nn.Module = getattr(module, factory)()
    return model.eval()


def in_turn(runs: int, *actions: Callable[[], object]) -> list[float]:
    """Medians of the durations of several actions, taken one after the other so often."""
    taken: list[list[float]] = [[] for _ in actions]
    for action in actions:
        action()
    for _ in range(runs):
        for action, durations in zip(actions, taken, strict=True):
            began = time.process_time()
            action()
            durations.append(time.process_time() - began)
    return [statistics.median(durations) for durations in taken]


def watched(model: nn.Module, sample: Tensor, statistics: bool, operations: bool) -> Recorder:
    """A run that is recorded."""
    recorder = Recorder(lambda module: 0, statistics=statistics, operations=operations)
    recorder.run(model, (sample,), {})
    return recorder


def costs(runs: int, name: str, model: nn.Module, sample: Tensor) -> Rows:
    """The ratios of one model."""
    plain, timing, calls, values, everything = in_turn(
        runs,
        lambda: model(sample),
        lambda: timed(model, (sample,), {}, True, False),
        lambda: watched(model, sample, statistics=False, operations=False),
        lambda: watched(model, sample, statistics=True, operations=False),
        lambda: watched(model, sample, statistics=True, operations=True),
    )
    return [
        (f"{name}: timed calls", ratio(timing, plain), "1.05 ×"),
        (f"{name}: calls, shapes, time", ratio(calls, plain), "1.05 ×"),
        (f"{name}: and statistics of every output", ratio(values, plain), "1.5 ×"),
        (f"{name}: and operations with their lines", ratio(everything, plain), "2 ×"),
        (f"{name}: memory kept after the run", f"{kept(model, sample):.1f} MB", "20 MB"),
    ]


def kept(model: nn.Module, sample: Tensor) -> float:
    """Megabytes of the process that a recorder keeps, after everything that a first run leaves behind anyway."""
    for _ in range(2):
        watched(model, sample, statistics=True, operations=True)
    gc.collect()
    before = resident()
    recorders = [watched(model, sample, statistics=True, operations=True) for _ in range(3)]
    gc.collect()
    return max(resident() - before, 0.0) / len(recorders)


def resident() -> float:
    """Megabytes that this process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status does not say")


def large_tensor(runs: int) -> Rows:
    """Statistics of 256 MB."""
    tensor = torch.randn(64 * 1024 * 1024, generator=torch.Generator().manual_seed(0))
    stats = OutputStats()
    total, output, whole = in_turn(runs, tensor.sum, lambda: stats.measure(tensor), lambda: measure(tensor))
    return [
        ("256 MB float32: statistics of an output, against t.sum()", ratio(output, total), "8 ×"),
        ("256 MB float32: with the histogram, against t.sum()", ratio(whole, total), "8 ×"),
    ]


def ratio(measured: float, reference: float) -> str:
    return f"{measured / reference:.2f} × ({measured * 1e3:.1f} / {reference * 1e3:.1f} ms)"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=15)
    runs = arguments.parse_args().runs
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 224, 224, generator=generator)
    ids = torch.randint(0, 50257, (2, 128), generator=generator)
    resnet, gpt = model_of("resnet50", "ResNet50"), model_of("gpt2_small", "GPT2Small")
    gc.freeze()  # As in an engine: a model that stays needs no looking for garbage.
    with torch.no_grad():
        rows = [
            *costs(runs, "ResNet-50, 2×3×224×224", resnet, images),
            *costs(runs, "GPT-2 small, 2×128", gpt, ids),
            *large_tensor(max(runs // 2, 3)),
        ]
    print("| what | measured | at most |\n|:--|:--|:--|")
    for what, measured, most in rows:
        print(f"| {what} | {measured} | {most} |")


if __name__ == "__main__":
    main()
