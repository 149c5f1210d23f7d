"""The nouns of train against eval: how far each module's output moves between the modes, and why. Records like those of
`run_schema`.

A relative difference is the Euclidean norm of the difference over that of the eval output (over that of the train
output where eval's is zero); it is 0 only when both outputs are equal bit for bit.
"""

from __future__ import annotations

from typing import Literal

from inspector.run_schema import Finding, InputSet, Warned
from inspector.schema import Failure, Record, Source

Role = Literal["source", "passes on", "unchanged", "only in train", "only in eval"]
"""source: its output differs although its input is the same, because of its own training flag; proven by calling it
in both modes on one input. passes on: its output differs because its input does. only in …: not called in the other
mode."""


class Channel(Record, frozen=True, array_like=True):
    """One channel of a normalisation: what train mode uses beside what eval mode uses."""

    batch_mean: float
    running_mean: float
    batch_variance: float
    """Biased, as the normalisation uses it."""
    running_variance: float
    next_mean: float
    """What the running mean would become after this batch."""
    next_variance: float
    distance: float
    """|batch mean - running mean| in standard deviations of the running variance."""


class NormMeasured(Record, frozen=True):
    """A normalisation that keeps running statistics, on the batch that reached it."""

    momentum: float | None
    """None: the plain average over all batches."""
    batches: int | None
    """num_batches_tracked: how often the statistics were updated; None when nobody counts."""
    values: int
    """Values per channel in this batch."""
    tracked: bool
    """Whether there are running statistics; without them both modes use the batch."""
    eps: float
    channels: tuple[Channel, ...] = ()
    """At most the first 512."""
    total: int = 0
    """Channels there are."""
    farthest: int = 0
    """The channel whose normalised values move most from one mode to the other."""


class DropoutMeasured(Record, frozen=True):
    """What a dropout did in train mode, counted."""

    p: float | None
    """As it was built; None where nobody says it."""
    zeroed: int
    """Elements that are zero in the output and not in the input."""
    elements: int
    """Elements that are not zero in the input."""
    scale: float | None
    """Output over input of the elements that stayed: their median; None when none did, or none has a scale."""
    channels: bool = False
    """Whether whole channels went together."""
    samples: bool = False
    """Whether whole samples of the batch went together."""


class ModeDifference(Record, frozen=True):
    """One call of a module, in train and in eval mode."""

    row: int
    number: int
    """Which call of this module, from 1."""
    role: Role
    depth: int
    """Calls around it."""
    difference: float = 0.0
    """Relative difference of its output between the two runs; NaN where none can be told."""
    largest: float = 0.0
    """The largest absolute difference of an element."""
    noise_eval: float = 0.0
    """Relative difference of its output between two eval runs with different seeds."""
    noise_train: float = 0.0
    own: float = 0.0
    """Of a source: relative difference on one and the same input with the same random numbers."""
    shape: tuple[int, ...] | None = None
    """Of its first output."""
    source: Source | None = None
    """The line that called it."""
    reason: str = ""
    """Of a source: why, in words and numbers."""
    looks: Source | None = None
    """Of a source of the user's own: the line that looks at `training`."""
    norm: NormMeasured | None = None
    dropout: DropoutMeasured | None = None
    sampled: bool = False
    """Whether only some elements were compared, because all would not fit into memory."""
    note: str = ""


class OutputDifference(Record, frozen=True):
    """One tensor that the model gives out."""

    path: str
    shape: tuple[int, ...]
    difference: float
    largest: float
    noise_eval: float
    noise_train: float


class Comparison(Record, frozen=True):
    """Train against eval on one input: the same seed in both, and each mode a second time with another seed."""

    inputs: InputSet
    seed: int
    device: str
    seconds: float
    differences: tuple[ModeDifference, ...] = ()
    """In the order of the calls."""
    outputs: tuple[OutputDifference, ...] = ()
    sources: tuple[int, ...] = ()
    """Indices of the sources in `differences`, one for each module, those that matter most first."""
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Warned, ...] = ()
    notes: tuple[str, ...] = ()
    failed_in: Literal["", "train", "eval"] = ""
    """The mode in which forward raised: then there is nothing to compare."""
    finding: Finding | None = None
    """Where and why."""
    failure: Failure | None = None
    guard: str = ""
    changed: tuple[str, ...] = ()


# --- running statistics step by step, and train mode many times -------------------------------------------------------


class NormCurve(Record, frozen=True):
    """The running statistics of one normalisation, before the first batch and after each."""

    row: int
    mean: tuple[float, ...]
    """Root mean square over channels of (running mean - its last value), in the end's standard deviations."""
    variance: tuple[float, ...]
    """Mean over channels of the running variance, over its last value."""


class StatisticsStepped(Record, frozen=True, tag="statistics-stepped"):
    """What some forwards in train mode did to the running statistics; an answer of the engine."""

    steps: int
    curves: tuple[NormCurve, ...]
    before: float
    """Relative difference of the model's outputs, train against eval, before the steps."""
    after: float
    kept: bool
    """Whether the engine's copy of the model keeps the new statistics; else all is as it was."""
    guard: str
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ElementSpread(Record, frozen=True, array_like=True):
    """One element of an output."""

    index: tuple[int, ...]
    eval: float
    mean: float
    std: float


class OutputSpread(Record, frozen=True):
    """One tensor that the model gives out, over many train-mode runs."""

    path: str
    shape: tuple[int, ...]
    spread: float
    """Root mean square of the elements' standard deviations, over that of the eval output."""
    moved: float
    """Relative difference between the mean of the train outputs and the eval output."""
    elements: tuple[ElementSpread, ...] = ()
    """The first 64."""


class TrainingSampled(Record, frozen=True, tag="training-sampled"):
    """What train mode makes of one input, many times with different random numbers; an answer of the engine."""

    runs: int
    outputs: tuple[OutputSpread, ...]
    guard: str
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
