"""Comparisons of train and eval made by hand, so that window and reports can be tested without torch."""

from __future__ import annotations

from typing import Any

from inspector.messages import ModesCompared
from inspector.mode_schema import (
    Channel,
    Comparison,
    DropoutMeasured,
    ModeDifference,
    NormMeasured,
    OutputDifference,
    Role,
)
from inspector.run_schema import InputSet
from inspector.schema import Source
from inspector.table import ModelTable
from tests.fake_model import Node, linear, module, parameter
from tests.run_events import FILE

NORM = NormMeasured(
    momentum=0.1,
    batches=0,
    values=2048,
    tracked=True,
    eps=1e-5,
    channels=tuple(Channel(0.031 * at, 0.0, 0.98, 1.0, 0.0031 * at, 0.998, 0.031 * at) for at in range(16)),
    total=16,
    farthest=15,
)
DROPOUT = DropoutMeasured(p=0.3, zeroed=612, elements=2048, scale=1.4286)


def conv_block() -> Node:
    """A convolution, a normalisation, an activation, a dropout and a head."""
    return module(
        "ConvBlock",
        "ConvBlock",
        module("conv", "Conv2d", parameter("weight", 16, 3, 3, 3), facts="3→16 k3", group="convolution"),
        module("bn", "BatchNorm2d", parameter("weight", 16), parameter("bias", 16), facts="16", group="normalization"),
        module("relu", "ReLU", group="activation"),
        module("drop", "Dropout", facts="p=0.3", group="dropout"),
        linear("fc", 16, 10),
    )


def difference(table: ModelTable, path: str, role: Role, value: float, **more: Any) -> ModeDifference:
    """One call of the module at a path."""
    row = next(row for row in range(table.count) if table.path(row) == path)
    return ModeDifference(row, more.pop("number", 1), role, 1, value, 3 * value, **more)


def conv_block_comparison(table: ModelTable, inputs: InputSet, **more: Any) -> Comparison:
    """What it gives: two sources, two that pass on, the root too, one that is the same."""
    batch = "uses this batch in train, running statistics in eval; they were never updated (num_batches_tracked = 0)"
    differences = (
        difference(table, "", "passes on", 0.44, noise_train=0.40),
        difference(table, "conv", "unchanged", 0.0),
        difference(table, "bn", "source", 0.41, own=0.41, reason=batch, norm=NORM),
        difference(table, "relu", "passes on", 0.36),
        difference(table, "drop", "source", 0.58, noise_train=0.57, own=0.55, reason="p=0.3", dropout=DROPOUT),
        difference(table, "fc", "passes on", 0.44, noise_train=0.40, source=Source(FILE, 20, "return self.fc(x)")),
    )
    facts: dict[str, Any] = {
        "differences": differences,
        "outputs": (OutputDifference("", (2, 10), 0.44, 0.9, 0.0, 0.40),),
        "sources": (4, 2),
        "guard": "left as found: 6 tensors, 6 modes, hooks, RNG",
    }
    return Comparison(inputs, 0, "cpu", 0.1, **{**facts, **more})


def compared(table: ModelTable, inputs: InputSet, **more: Any) -> ModesCompared:
    return ModesCompared(conv_block_comparison(table, inputs, **more))
