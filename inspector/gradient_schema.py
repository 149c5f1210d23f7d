"""The nouns of a backward pass: what was propagated, and the gradient that each parameter got. Records like those of
`run_schema`.
"""

from __future__ import annotations

from typing import Literal

from inspector.run_schema import Finding, InputSet
from inspector.schema import Failure, Record, TensorStats

Objective = Literal["loss", "losses", "projection", ""]
"""What was propagated. loss: a scalar that the model gives. losses: the sum of several such scalars. projection: there
is no loss in the model, and every output was weighted with fixed random numbers instead. Empty: nothing was."""

GradientState = Literal["measured", "none", "uncalled"]
"""none: the backward pass gave it no gradient. uncalled: the same, because forward neither called its module nor used
it in another way."""


class ParameterGradient(Record, frozen=True, array_like=True):
    """The gradient of one parameter that requires one."""

    row: int
    """Of the first place of a tied parameter."""
    state: GradientState
    norm: float = 0.0
    """Euclidean, over the finite values; NaN where there is none."""
    largest: float = 0.0
    """The largest absolute value that is finite; NaN where there is none."""
    stats: TensorStats | None = None
    """Of its values; None where there is no gradient."""


class LayerGradient(Record, frozen=True, array_like=True):
    """The gradient with respect to what one call of a layer with weights gave."""

    row: int
    number: int
    """Which call of this module, from 1."""
    norm: float
    """Euclidean, over all of the output; NaN where a value is."""
    call: int = -1
    """The call's index in the pass."""


class BackwardRecord(Record, frozen=True):
    """One forward and one backward, in train mode."""

    inputs: InputSet
    seed: int
    device: str
    mode: Literal["train", "kept"] = "train"
    """kept: a model in train mode with parts in eval mode is trained so, and ran so."""
    objective: Objective = ""
    words: str = ""
    """What was propagated, in words; of an empty `objective` why nothing was."""
    value: float | None = None
    """Of a loss."""
    parameters: tuple[ParameterGradient, ...] = ()
    """Of every parameter that requires grad, in the order of rows."""
    frozen: int = 0
    """Parameters that require none."""
    layers: tuple[LayerGradient, ...] = ()
    """In the order of the calls."""
    forward_seconds: float = 0.0
    """Watched, so longer than without."""
    backward_seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    failed_in: Literal["", "forward", "backward"] = ""
    finding: Finding | None = None
    """Where and why forward or backward raised."""
    failure: Failure | None = None
    guard: str = ""
    changed: tuple[str, ...] = ()
