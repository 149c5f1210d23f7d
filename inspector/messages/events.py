"""What an engine tells, in the past tense: news of its own accord, and answers to requests."""

from __future__ import annotations

from typing import Literal

from inspector.checkpoint_schema import CheckpointComparison
from inspector.gradient_schema import BackwardRecord
from inspector.messages.requests import DrawTensor, MeasureFlow, TryLoss
from inspector.mode_schema import Comparison, StatisticsStepped, TrainingSampled
from inspector.run_schema import Finding, InputSet, LayerTrial, LossTrial, Picture, RunRecord, Trace
from inspector.schema import Candidate, Failure, ModuleDetail, Outline, Record, Target, TensorStats


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


class BackwardFinished(Record, frozen=True, tag="backward-finished"):
    """Forward and backward are over and the model as before; also of one in which either raised."""

    backward: BackwardRecord


class LayerTried(Record, frozen=True, tag="layer-tried"):
    """Also of a trial in which constructor or forward raised."""

    trial: LayerTrial


class FlowMeasured(Record, frozen=True, tag="flow-measured"):
    """Also of what could not be measured: the note of the statistics says why."""

    request: MeasureFlow
    stats: TensorStats
    changed: tuple[str, ...] = ()
    """What could not be put back, if anything."""


class LossTried(Record, frozen=True, tag="loss-tried"):
    """Also of a loss that raised, or that there was no output for."""

    request: TryLoss
    trial: LossTrial


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


class CheckpointCompared(Record, frozen=True, tag="checkpoint-compared"):
    """Also of a file that was refused because reading it would run code."""

    comparison: CheckpointComparison


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
    | BackwardFinished
    | StatisticsStepped
    | TrainingSampled
    | LayerTried
    | FlowMeasured
    | LossTried
    | FindingsReported
    | CheckpointCompared
    | Failed
)
