"""Backward passes made by hand, so that window and reports can be tested without torch."""

from __future__ import annotations

from typing import Any

from inspector.gradient_schema import BackwardRecord, LayerGradient, ParameterGradient
from inspector.messages import BackwardFinished
from inspector.run_schema import Finding, InputSet
from inspector.schema import Failure, Source, TensorStats
from inspector.table import ModelTable
from tests.run_events import FILE

WORDS = "no loss in the model: gradients are those of a random projection of the output"
GUARD = "left as found: 10 tensors, 6 modes, hooks, RNG"
OVERWRITTEN = Failure(
    stage="backward",
    type="RuntimeError",
    message="one of the variables needed for gradient computation has been modified by an inplace operation",
    source=Source(FILE, 21, "x += 1"),
    context=((20, "x = torch.sigmoid(x)"), (21, "x += 1")),
    traceback="Traceback (most recent call last):\n  …\nRuntimeError: one of the variables\n",
)


def row_at(table: ModelTable, path: str) -> int:
    return next(row for row in range(table.count) if table.path(row) == path)


def measured(table: ModelTable, path: str, norm: float, **more: Any) -> ParameterGradient:
    """The gradient of the parameter at a path."""
    row = row_at(table, path)
    stats = TensorStats(elements=table.elements[row], minimum=-norm / 2, maximum=norm / 4, **more)
    return ParameterGradient(row, "measured", norm, norm / 2, stats)


def lenet_gradients(table: ModelTable) -> tuple[ParameterGradient, ...]:
    """One with zeros, one that is nothing but zeros, one with NaN, one that got none, one that was not called."""
    return (
        measured(table, "conv1.weight", 0.25, zeros=15),
        measured(table, "conv1.bias", 0.0, zeros=6),
        measured(table, "fc1.weight", 1.5, nan=3, positive_infinity=1),
        ParameterGradient(row_at(table, "fc1.bias"), "none"),
        ParameterGradient(row_at(table, "fc2.weight"), "uncalled"),
    )


def backward(table: ModelTable, inputs: InputSet, **more: Any) -> BackwardRecord:
    """What came of it."""
    facts: dict[str, Any] = {
        "objective": "projection",
        "words": WORDS,
        "parameters": lenet_gradients(table),
        "layers": (LayerGradient(row_at(table, "conv1"), 1, 0.125, 1),),
        "frozen": 2,
        "forward_seconds": 0.0012,
        "backward_seconds": 0.0034,
        "guard": GUARD,
    }
    return BackwardRecord(inputs=inputs, seed=0, device="cpu", **{**facts, **more})


def failed(table: ModelTable, inputs: InputSet) -> BackwardRecord:
    """One that raised, because forward had written over what it needs."""
    message = "a 2×84 tensor that sigmoid in fc2 at model.py:20 saved for backward was changed in place by += in LeNet"
    found = Finding("NN502", "error", row_at(table, "fc2"), "fc2", message, "x = x + y", OVERWRITTEN.source)
    raised = {"failed_in": "backward", "finding": found, "findings": (found,), "failure": OVERWRITTEN}
    return backward(table, inputs, parameters=(), layers=(), **raised)


def finished(record: BackwardRecord) -> BackwardFinished:
    return BackwardFinished(record)
