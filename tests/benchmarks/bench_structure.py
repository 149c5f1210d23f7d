"""How long reading 250,000 rows takes, against walking them: `python -m tests.benchmarks.bench_structure`.

The walk is what anybody would write: one loop over `named_modules()` and one over `named_parameters()`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from torch import nn

from inspector.engine.structure import preview, read

BLOCKS = 22_727
"""Eleven rows each: with the root, the list and the run, 250,000 rows."""


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.act = nn.ReLU()
        self.second = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))


def walk(model: nn.Module) -> None:
    """Visit everything as torch does."""
    for _ in model.named_modules():
        pass
    for _ in model.named_parameters():
        pass


def fastest(action: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of several calls."""
    best = float("inf")
    for _ in range(times):
        gc.collect()
        start = time.perf_counter()
        result = action()
        best = min(best, time.perf_counter() - start)
        del result
    return best


def main() -> None:
    """Print the ratios."""
    model = Stack()
    walking = fastest(lambda: walk(model))
    structure = read(model)
    rows = structure.outline.count
    print(f"{rows:,} rows; walking them takes {walking:.3f} s")
    for name, seconds in (
        ("the first rows", fastest(lambda: preview(model))),
        ("all rows", fastest(lambda: read(model))),
        ("512 records", fastest(lambda: structure.rows(rows // 2, 512))),
    ):
        print(f"{name:16} {seconds:8.4f} s   {seconds / walking:6.2f} ×")


if __name__ == "__main__":
    main()
