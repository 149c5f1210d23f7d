"""What a front end asks of an engine. It answers one request at a time, with events."""

from __future__ import annotations

import signal
from typing import Literal

from inspector.schema import Record


class Load(Record, frozen=True, tag="load"):
    """Import the user's file, choose and build one nn.Module, and describe its structure. Once for each engine."""

    target: str
    """As typed: `model.py`, `model.py:Net(num_classes=10)`, `pkg.mod:Net`."""
    arguments: tuple[str, ...] = ()
    """Each `name=literal`, as after --arg; text that is no literal is a string."""
    config: str = ""
    """Path of a JSON, TOML or YAML file with constructor arguments."""
    device: str = "cpu"
    """cpu, cuda, cuda:N or meta"""


class DescribeModule(Record, frozen=True, tag="describe-module"):
    """Source, docstring and constructor arguments of one module."""

    row: int


class MeasureTensor(Record, frozen=True, tag="measure-tensor"):
    """Statistics over all values of one parameter, buffer, made tensor or unregistered tensor."""

    row: int
    bins: int = 40


class Summarize(Record, frozen=True, tag="summarize"):
    """torchinfo's table of the model, without running it."""

    depth: int


class Run(Record, frozen=True, tag="run"):
    """One forward of the model, guarded."""

    inputs: tuple[str, ...] = ()
    """Each as after --input; none: what the file or the model holds, or a guess."""
    mode: Literal["train", "eval", "kept"] = "eval"
    dry: bool = False
    """Shapes alone, under FakeTensorMode."""
    seed: int = 0
    statistics: bool = True
    """Statistics of every output."""
    operations: bool = True
    """Calls of functions beside those of modules."""
    untouched: bool = False
    """Nothing is watched but the whole: what the run is like when nobody looks."""
    unless_larger: int = 0
    """Run dry in place of real when more bytes than that would be needed; 0: run whatever it takes."""


class DrawTensor(Record, frozen=True, tag="draw-tensor"):
    """A picture of a weight, or of a value that flowed in the last run; the forward is repeated up to that call."""

    height: int
    width: int
    row: int = -1
    """A tensor's row; -1: what flowed is wanted."""
    call: int = -1
    leaf: int = 0
    """Which of the call's outputs, by its place in `CallRecord.outputs`."""
    index: tuple[int, ...] = ()
    """Sample and channel, as far as they are chosen; 0 for the rest."""


class SetModes(Record, frozen=True, tag="set-modes"):
    """Set the training flags of a module, or give it those back with which it was found."""

    row: int
    mode: Literal["train", "eval", "found"]
    below: bool = True
    """Whether the flags of everything below it go with it."""


class CompareModes(Record, frozen=True, tag="compare-modes"):
    """The same input in train and in eval mode, each twice, guarded."""

    inputs: tuple[str, ...] = ()
    seed: int = 0


class StepStatistics(Record, frozen=True, tag="step-statistics"):
    """Some train-mode forwards on fresh samples of the inputs; what becomes of the running statistics."""

    inputs: tuple[str, ...] = ()
    steps: int = 20
    seed: int = 0
    keep: bool = False
    """Whether the model in this engine keeps what became of them; never anything on disk."""


class SampleTraining(Record, frozen=True, tag="sample-training"):
    """Many train-mode forwards on one input with different random numbers."""

    inputs: tuple[str, ...] = ()
    runs: int = 20
    seed: int = 0


class Probe(Record, frozen=True, tag="probe"):
    """The checks that need further forwards: eval twice, one sample of the batch changed, a gradient from the output.

    Guarded; what they find comes as FindingsReported.
    """

    inputs: tuple[str, ...] = ()
    seed: int = 0


class CompareCheckpoint(Record, frozen=True, tag="compare-checkpoint"):
    """Say how a file's state dict fits the model: names and shapes. Nothing is loaded into it."""

    file: str
    unsafe: bool = False
    """Whether code of the file's own may run, where it cannot be read without."""


class RunBackward(Record, frozen=True, tag="run-backward"):
    """One forward and one backward, guarded, in train mode, as training has it."""

    inputs: tuple[str, ...] = ()
    seed: int = 0


class TryLayer(Record, frozen=True, tag="try-layer"):
    """Build a layer like one of the model's with some other arguments, and run it by itself; never the model's own."""

    row: int
    arguments: tuple[str, ...] = ()
    """Those that are changed, each `name=literal`."""
    inputs: tuple[str, ...] = ()
    """Each as after --input; none: the like of what the layer got in its last recorded call."""
    mode: Literal["train", "eval", "kept"] = "eval"
    """kept: that in which the model's layer is."""
    dry: bool = True
    seed: int = 0


class MeasureFlow(Record, frozen=True, tag="measure-flow"):
    """Statistics, histogram included, of the first tensor that went into a module's call of the last run.

    A run measures its outputs without histograms, which would make every run dearer: forward is repeated up to there.
    """

    call: int
    bins: int = 120


class TryLoss(Record, frozen=True, tag="try-loss"):
    """A loss on the output of the last run and a target that is made for it; the forward is repeated for the output."""

    row: int = -1
    """The model's own loss, of which a copy is called; -1: a class of torch.nn with its defaults."""
    name: str = ""
    """That class: `CrossEntropyLoss`."""
    seed: int = 0


Request = (
    Load
    | DescribeModule
    | MeasureTensor
    | Summarize
    | Run
    | DrawTensor
    | SetModes
    | CompareModes
    | StepStatistics
    | SampleTraining
    | Probe
    | CompareCheckpoint
    | RunBackward
    | TryLayer
    | MeasureFlow
    | TryLoss
)

INTERRUPT = signal.SIGUSR2
"""What no request can do either: sent to an engine, it ends the run that goes on, which puts the model back."""

LOCATE = signal.SIGQUIT
"""What no request can do: sent to an engine, it has it write to its crash report where it is, even in a hang."""
