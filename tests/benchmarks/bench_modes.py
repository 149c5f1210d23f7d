"""What comparing the modes costs, against a recorded run: `python -m tests.benchmarks.bench_modes`.

A recorded run is one forward with statistics and operations, as `r` makes it. In turn, in CPU time, on one thread.
Prints a table.
"""

from __future__ import annotations

import argparse
import gc

import torch
from torch import Tensor, nn

from inspector.engine import structure
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.modes.comparing import ModeComparison
from inspector.engine.modes.passes import Rows
from inspector.run_schema import InputSet
from tests.benchmarks.bench_run import Rows as Table
from tests.benchmarks.bench_run import in_turn, model_of, ratio, watched


def costs(runs: int, name: str, model: nn.Module, value: Tensor) -> Table:
    """The ratios of one model."""
    known = structure.read(model)
    sample, rows = Sample((value,), {}, InputSet("given")), Rows(known.row_of, known.path)
    guard = Guard(model, values=True)

    def compared() -> None:
        ModeComparison(model, sample, rows, 0, "cpu", guard, lambda row: None).run()

    def recorded() -> None:
        with torch.no_grad():
            watched(model, value, statistics=True, operations=True)

    def plain() -> None:
        with torch.no_grad():
            model(value)

    def guarded() -> None:
        Guard(model, values=True).check()

    forward, once, both, guarding = in_turn(runs, plain, recorded, compared, guarded)
    guard.check()
    return [
        (f"{name}: comparing the modes, against a recorded run", ratio(both, once), "6 ×"),
        (f"{name}: the same against a plain forward", ratio(both, forward), ""),
        (f"{name}: the guard around it, against a recorded run", ratio(guarding, once), ""),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=7)
    runs = arguments.parse_args().runs
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 224, 224, generator=generator)
    ids = torch.randint(0, 50257, (2, 128), generator=generator)
    resnet, gpt = model_of("resnet50", "ResNet50"), model_of("gpt2_small", "GPT2Small")
    gc.freeze()  # As in an engine: a model that stays needs no looking for garbage.
    table = [*costs(runs, "ResNet-50, 2×3×224×224", resnet, images), *costs(runs, "GPT-2 small, 2×128", gpt, ids)]
    print("| what | measured | at most |\n|:--|:--|:--|")
    for what, measured, most in table:
        print(f"| {what} | {measured} | {most} |")


if __name__ == "__main__":
    main()
