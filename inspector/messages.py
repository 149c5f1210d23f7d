"""The verbs: everything that crosses between the processes, in closed unions. Orders are imperative, news past tense.

Two conversations, both over Unix sockets, both framed by `inspector.wire`:

  front end ⇄ warm server   fork an engine, kill one, hear how it ended. One server for each front end.
  front end ⇄ engine        the user's model. One engine for each loaded model; it answers one request at a time.

What the user's code prints never travels here: descriptors 1 and 2 of every process but the front end are pipes that
the client reads (`Printed`). A request that cannot be stopped by asking is stopped by killing its engine.
"""

from __future__ import annotations

import signal
from typing import Literal

from inspector.mode_schema import Comparison, StatisticsStepped, TrainingSampled
from inspector.run_schema import Finding, InputSet, LayerTrial, Picture, RunRecord, Trace
from inspector.schema import (
    Candidate,
    Failure,
    ModuleDetail,
    Outline,
    Record,
    Source,
    Target,
    TensorStats,
)

# --- front end → warm server ------------------------------------------------------------------------------------------


class ForkEngine(Record, frozen=True, tag="fork-engine"):
    """Fork an engine. Four descriptors travel with it: its wire, its stdout, its stderr, and its crash report."""

    engine: int


class KillEngine(Record, frozen=True, tag="kill-engine"):
    """End this engine and every process it started, now."""

    engine: int


class Farewell(Record, frozen=True, tag="farewell"):
    """The front end leaves in order: the terminal is its own business. End every engine, then yourself."""


ServerRequest = ForkEngine | KillEngine | Farewell


# --- warm server → front end ------------------------------------------------------------------------------------------


class TorchImported(Record, frozen=True, tag="torch-imported"):
    """The server is warm."""

    version: str
    seconds: float


class TorchMissing(Record, frozen=True, tag="torch-missing"):
    """Importing torch raised; nothing can be loaded."""

    failure: Failure


class EngineForked(Record, frozen=True, tag="engine-forked"):
    engine: int
    pid: int


class EngineEnded(Record, frozen=True, tag="engine-ended"):
    """An engine process is gone."""

    engine: int
    status: int
    """As subprocess gives it: the exit code, or minus the signal's number."""
    out_of_memory: bool = False
    """The kernel's count of out-of-memory kills rose while this engine lived, and it died of SIGKILL."""


ServerEvent = TorchImported | TorchMissing | EngineForked | EngineEnded


# --- front end → engine -----------------------------------------------------------------------------------------------


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
    | TryLayer
)

INTERRUPT = signal.SIGUSR2
"""What no request can do either: sent to an engine, it ends the run that goes on, which puts the model back."""

LOCATE = signal.SIGQUIT
"""What no request can do: sent to an engine, it has it write to its crash report where it is, even in a hang."""


# --- engine → front end -----------------------------------------------------------------------------------------------


class EngineStarted(Record, frozen=True, tag="engine-started"):
    """The forked process is alive and listens."""

    pid: int
    main_thread: int
    """Identifier of the thread that runs the user's code, as faulthandler prints it."""
    foreign: tuple[str, ...]
    """Folders whose files are not the user's own: the standard library, site-packages, this package."""


class StageStarted(Record, frozen=True, tag="stage-started"):
    """What goes on now, in words that need no more: `importing mymodel.py`, `building ResNet()`."""

    what: str
    user_code: bool = False
    """Whether the user's own code runs in this stage."""


class ModelBuilt(Record, frozen=True, tag="model-built"):
    """There is a model; its structure follows."""

    target: Target
    files: tuple[str, ...]
    """The user's own files that were imported: a change to one of them makes the model stale."""
    others: tuple[Candidate, ...] = ()
    """What else the file could have given."""
    seconds: float = 0.0
    """Import and construction together."""
    note: str = ""
    """What must be said about how it was built: `moved to meta after building`."""


class StructureOutlined(Record, frozen=True, tag="structure-outlined"):
    """Every row of the model. A large model sends a first outline of its upper rows (`Flag.CUT`), then the whole."""

    outline: Outline
    seconds: float = 0.0
    """Time spent on walking, since the model was built."""
    preview: bool = False
    """Whether it is such a first one. Its rows have other numbers in the whole: nothing is asked about them yet."""


CHUNK_ROWS = 512
"""Rows in one `RowsDescribed` but the last; its `first` is a multiple of it. Rows sent ahead come in other numbers."""


class RowsDescribed(Record, frozen=True, tag="rows-described"):
    """The records of some consecutive rows of the last outline."""

    first: int
    rows: bytes
    """A MessagePack array of Row, left packed: a front end decodes what it shows."""
    count: int


class StructureFinished(Record, frozen=True, tag="structure-finished"):
    """All rows have been described."""

    guard: str = ""
    """What was compared and found as before: `left as found: 161 tensors, 54 modes, hooks, RNG`."""
    changed: tuple[str, ...] = ()
    """What was not as before, if anything."""


class ModuleDescribed(Record, frozen=True, tag="module-described"):
    row: int
    detail: ModuleDetail


class TensorMeasured(Record, frozen=True, tag="tensor-measured"):
    row: int
    stats: TensorStats
    seconds: float


class Summarized(Record, frozen=True, tag="summarized"):
    text: str
    notes: tuple[str, ...]
    """Where torchinfo's numbers differ from the exact ones, and by how much."""


class InputsChosen(Record, frozen=True, tag="inputs-chosen"):
    """What will go into the model; of `origin` none, nothing runs and this is the answer to the request."""

    inputs: InputSet


class RunProgressed(Record, frozen=True, tag="run-progressed"):
    """A long run is under way; told a few times a second."""

    row: int
    """The module that it is in."""
    calls: int
    """Calls of modules until now."""
    expected: int
    """Calls of modules in the last run of the same inputs; 0 when there was none."""


class RunTraced(Record, frozen=True, tag="run-traced"):
    """Every call of the run; the records follow."""

    trace: Trace


class CallsDescribed(Record, frozen=True, tag="calls-described"):
    """The records of consecutive calls of the last trace, as in RowsDescribed."""

    first: int
    calls: bytes
    """A MessagePack array of CallRecord, left packed."""
    count: int


class RunFinished(Record, frozen=True, tag="run-finished"):
    """The run is over and the model as before; also of one whose forward raised."""

    run: RunRecord


class RunCancelled(Record, frozen=True, tag="run-cancelled"):
    """The run was interrupted; nothing of it is kept."""

    guard: str
    changed: tuple[str, ...] = ()


class TensorDrawn(Record, frozen=True, tag="tensor-drawn"):
    request: DrawTensor
    picture: Picture


class ModesSet(Record, frozen=True, tag="modes-set"):
    """The training flags of the model are others now."""

    flags: bytes
    """H · the flags of every row, as in `Outline`."""
    as_found: bool
    """Whether they are all as they were when the model was loaded."""
    notes: tuple[str, ...] = ()
    """What `train()` would have done beside setting flags."""


class ModesCompared(Record, frozen=True, tag="modes-compared"):
    """Also of a comparison in which forward raised."""

    comparison: Comparison


class LayerTried(Record, frozen=True, tag="layer-tried"):
    """Also of a trial in which constructor or forward raised."""

    trial: LayerTrial


class FindingsReported(Record, frozen=True, tag="findings-reported"):
    """What was noticed; takes the place of what was told of the same before."""

    of: Literal["structure", "run", "probes"]
    """structure: known without a run. run: of the last run, told after every RunFinished. probes: of further
    forwards, the answer to Probe."""
    findings: tuple[Finding, ...]
    whole: bool = True
    """False of a first part, which is told because the rest takes long: more of the same follows by itself."""
    guard: str = ""
    """Of probes: the proof that the model was left as found."""
    changed: tuple[str, ...] = ()


class Failed(Record, frozen=True, tag="failed"):
    """The request before this event came to nothing."""

    failure: Failure
    row: int | None = None
    """The row that it was about, if it was about one."""


EngineEvent = (
    EngineStarted
    | StageStarted
    | ModelBuilt
    | StructureOutlined
    | RowsDescribed
    | StructureFinished
    | ModuleDescribed
    | TensorMeasured
    | Summarized
    | InputsChosen
    | RunProgressed
    | RunTraced
    | CallsDescribed
    | RunFinished
    | RunCancelled
    | TensorDrawn
    | ModesSet
    | ModesCompared
    | StatisticsStepped
    | TrainingSampled
    | LayerTried
    | FindingsReported
    | Failed
)


# --- what the client itself has to tell -------------------------------------------------------------------------------


class Printed(Record, frozen=True, tag="printed"):
    """The user's code (or a library below it) wrote to descriptor 1 or 2. Control characters are still in it."""

    stream: str
    """stdout or stderr"""
    text: str
    dropped: int = 0
    """Bytes lost before this text, because there were too many to keep."""


class StillRunning(Record, frozen=True, tag="still-running"):
    """The user's code has not come back for some seconds: this is the line it is in."""

    function: str
    source: Source


class EngineDied(Record, frozen=True, tag="engine-died"):
    """The engine ended without being asked to."""

    failure: Failure


Event = TorchImported | TorchMissing | EngineForked | EngineEvent | Printed | StillRunning | EngineDied
"""What a front end hears."""
