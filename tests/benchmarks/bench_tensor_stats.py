"""How long the statistics of a large tensor take, against one `t.sum()` of it, on one thread.

python -m tests.benchmarks.bench_tensor_stats
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from inspector.engine.tensor_stats import measure

ELEMENTS = 64 * 1024 * 1024
TARGET = 8.0
TIMES = 7


def seconds(action: Callable[[], object]) -> float:
    """The median duration of an action, after one that warms the memory up."""
    action()
    durations = []
    for _ in range(TIMES):
        start = time.perf_counter()
        action()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def report(name: str, tensor: torch.Tensor, target: float | None = None) -> float:
    """Print and return how many times as long as the sum the statistics take."""
    base, taken = seconds(tensor.sum), seconds(lambda: measure(tensor))
    verdict = "" if target is None else f"  target {target:.1f} ×: {'met' if taken / base <= target else 'missed'}"
    print(f"{name:32} sum {base * 1e3:8.2f} ms   statistics {taken * 1e3:8.2f} ms   {taken / base:6.2f} ×{verdict}")
    return taken / base


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(ELEMENTS, generator=generator)
    report("256 MB float32, normal", normal, TARGET)
    report("256 MB float32, around 1", normal * 0.01 + 1)
    report("256 MB float32, with one NaN", torch.cat([normal[:-1], torch.tensor([float("nan")])]))
    report("256 MB float32, transposed", normal.view(8192, 8192).t())
    report("128 MB bfloat16, normal", normal.bfloat16())
    report("16 MB float32 (in float64)", normal[: 4 * 1024 * 1024].clone())


if __name__ == "__main__":
    main()
