"""What looking for silent faults costs beside recording, on one thread: `python -m tests.benchmarks.bench_observation`.

Ratios of a recorded run that the rules watch against one that they do not, turn about, in CPU time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inspector.engine.findings.run_rules import RunRules
from inspector.engine.forward.recorder import Recorder
from tests.benchmarks.bench_run import in_turn, model_of


def recorded(model: nn.Module, sample: Tensor, rows: dict[int, int], watched: bool) -> None:
    """A recorded run, with or without the rules."""
    rules = RunRules(model)
    recorder = Recorder(lambda module: rows.get(id(module)), on_return=rules.observation if watched else None)
    rules.observation.calls = recorder.calls
    with torch.no_grad(), rules.observation:
        recorder.run(model, (sample,), {})


def main() -> None:
    torch.set_num_threads(1)
    samples = {
        ("resnet50", "ResNet50"): torch.randn(2, 3, 224, 224),
        ("gpt2_small", "GPT2Small"): torch.randint(0, 50000, (2, 16)),
        ("thousand_layers", "ThousandLayers"): torch.randn(2, 16),
    }
    for (name, factory), sample in samples.items():
        model = model_of(name, factory)
        rows = {id(module): row for row, module in enumerate(model.modules())}
        plain, bare, watched = in_turn(
            9,
            lambda model=model, sample=sample: forward(model, sample),  # type: ignore[misc]
            lambda model=model, sample=sample, rows=rows: recorded(model, sample, rows, False),  # type: ignore[misc]
            lambda model=model, sample=sample, rows=rows: recorded(model, sample, rows, True),  # type: ignore[misc]
        )
        print(
            f"{name:16} forward {1000 * plain:7.1f} ms   recorded {bare / plain:5.2f}×   "
            f"watched {watched / plain:5.2f}×   watched/recorded {watched / bare:5.3f}"
        )


def forward(model: nn.Module, sample: Tensor) -> None:
    """The model by itself."""
    with torch.no_grad():
        model(sample)


if __name__ == "__main__":
    main()
