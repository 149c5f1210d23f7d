"""Sample values as a dry run takes them: every tensor in them without its values, everything else as it is."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from inspector.engine.forward.fake_mode import ShapesOnly


def fake_values(value: Any, mode: ShapesOnly) -> Any:
    """The same value with fake tensors, in the same containers; a tensor that stands in it twice is one tensor still.

    Only the built-in containers are made anew, and tuples with names; what an object of another class holds is turned
    when an operation gets it.
    """
    kind = type(value)
    if isinstance(value, PackedSequence):  # Recurrent layers read how many steps it has without asking anybody.
        return PackedSequence(mode.fake(value.data), value.batch_sizes, value.sorted_indices, value.unsorted_indices)
    if issubclass(kind, Tensor):
        return mode.fake(value)
    if kind is dict:
        return {name: fake_values(part, mode) for name, part in value.items()}
    if kind is list or kind is tuple:
        return kind(fake_values(part, mode) for part in value)
    if issubclass(kind, tuple) and hasattr(kind, "_make"):
        return kind._make(fake_values(part, mode) for part in value)
    return value
