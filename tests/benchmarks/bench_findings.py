"""What noticing costs, against walking the model: `python -m tests.benchmarks.bench_findings`.

Two models: 250,000 small rows, and ResNet-50, whose values are what takes time. The walk is one loop over
`named_modules()` and one over `named_parameters()`; the pass is one `sum()` of every tensor.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.structure_rules import RULES, Rule, noticed, noticing_values
from inspector.engine.structure import Structure, read
from tests.benchmarks.bench_structure import Stack, fastest, walk

SAMPLES = Path(__file__).parents[2] / "sample_models"


def resnet50() -> nn.Module:
    """The sample model."""
    spec: Any = importlib.util.spec_from_file_location("resnet50", SAMPLES / "resnet50.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["resnet50"] = module
    spec.loader.exec_module(module)
    built: nn.Module = module.ResNet50()
    return built


def add_up(model: nn.Module) -> None:
    """Read every value once, as plainly as can be."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.detach().sum().item()


def main() -> None:
    """Print the ratios."""
    for model in (Stack(), resnet50()):
        structure = read(model)
        walking, adding = fastest(partial(walk, model)), fastest(partial(add_up, model), 3)
        print(f"{structure.outline.count:,} rows; a walk takes {walking:.4f} s, adding their values {adding:.4f} s")
        quick, slow = fastest(partial(look, model, structure)), fastest(partial(sweep, model, structure), 3)
        print(f"without values     {quick:8.4f} s   {quick / walking:6.2f} × the walk")
        print(f"values             {slow:8.4f} s   {slow / adding:6.2f} × the pass")
        anatomy = Anatomy(model, structure)
        noticed(anatomy)
        for rule in RULES:
            print(f"  {rule.__name__:16} {fastest(partial(run, rule, anatomy)):8.4f} s")


def look(model: nn.Module, structure: Structure) -> None:
    """Notice what needs no value."""
    noticed(Anatomy(model, structure))


def sweep(model: nn.Module, structure: Structure) -> None:
    """Notice what needs them."""
    deque(noticing_values(Anatomy(model, structure)), maxlen=0)


def run(rule: Rule, anatomy: Anatomy) -> None:
    """One rule alone."""
    deque(rule(anatomy), maxlen=0)


if __name__ == "__main__":
    main()
