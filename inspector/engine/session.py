"""The loaded model: one match from a Request to what is done about it and the events that tell of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Generator, Iterator

import msgspec
from torch import Tensor, nn

from inspector.engine import detail, picture, structure, summary, target, tensor_stats
from inspector.engine.backward.answering import Backward
from inspector.engine.checkpoint.comparing import CheckpointReader
from inspector.engine.failure import LoadFailed, describe
from inspector.engine.findings import structure_rules, uninitialized
from inspector.engine.forward.running import Runner
from inspector.engine.guard import Guard
from inspector.engine.inputs.sample import Sample
from inspector.engine.loss_trying import LossTrials
from inspector.engine.modes.answering import ModeRequests
from inspector.engine.probing import Prober
from inspector.engine.structure import Structure
from inspector.engine.target import Built
from inspector.engine.trying import LayerTrials
from inspector.messages import (
    CHUNK_ROWS,
    CompareCheckpoint,
    CompareModes,
    DescribeModule,
    DrawTensor,
    EngineEvent,
    Failed,
    FindingsReported,
    Load,
    MeasureFlow,
    MeasureTensor,
    ModelBuilt,
    ModuleDescribed,
    Probe,
    Request,
    RowsDescribed,
    Run,
    RunBackward,
    SampleTraining,
    SetModes,
    StageStarted,
    StepStatistics,
    StructureFinished,
    StructureOutlined,
    Summarize,
    TensorDrawn,
    TensorMeasured,
    TryLayer,
    TryLoss,
)
from inspector.schema import Source, Stage

_pack_rows = msgspec.msgpack.Encoder().encode

Chore = Generator[None, None, None]
"""Work that takes long and can wait between any two of its steps."""


_STAGES: dict[type[Request], Stage] = {
    Load: "structure",
    Run: "forward",
    CompareModes: "forward",
    StepStatistics: "forward",
    SampleTraining: "forward",
    Probe: "forward",
    RunBackward: "backward",
    TryLayer: "forward",
    CompareCheckpoint: "checkpoint",
}
"""What an exception that nobody expects is put down to."""


class NotLoadedError(Exception):
    """Something was asked about a model that is not there."""


class RowError(Exception):
    """Something was asked about a row that stands for something else."""


class Session:
    """One model, from its load to the end of its engine.

    A request is answered at once; what would keep the next one waiting is left as a chore, which `step` takes further
    whenever there is nothing to answer. Whatever is raised on the way becomes an event.
    """

    def __init__(self, send: Callable[[EngineEvent], None]) -> None:
        self._send = send
        self._model: nn.Module | None = None
        self._structure: Structure | None = None
        self._runner: Runner | None = None
        self._mode_requests: ModeRequests | None = None
        self._layer_trials: LayerTrials | None = None
        self._prober: Prober | None = None
        self._telling: structure_rules.Telling | None = None
        self._checkpoints: CheckpointReader | None = None
        self._backward: Backward | None = None
        self._chores: dict[type[Request], tuple[Request, Chore]] = {}

    @property
    def busy(self) -> bool:
        """Whether there are chores left."""
        return bool(self._chores)

    def answer(self, request: Request) -> None:
        """Do what is asked, or begin it."""
        try:
            self._obey(request)
        except BaseException as error:  # User code runs in all of these, and may even call sys.exit.
            self._fail(error, request)

    def step(self) -> None:
        """Take the newest chore one step further."""
        kind, (request, chore) = next(reversed(self._chores.items()))
        try:
            next(chore)
        except StopIteration:
            del self._chores[kind]
        except BaseException as error:
            del self._chores[kind]
            self._fail(error, request)

    def _obey(self, request: Request) -> None:
        match request:
            case Load():
                self._load(request)
            case DescribeModule(row=row):
                self._send(ModuleDescribed(row, detail.describe_module(self._module(row))))
            case MeasureTensor():
                # Only the newest is still looked at: it takes the place of an unfinished one.
                self._chores.pop(MeasureTensor, None)
                self._chores[MeasureTensor] = (request, self._measure(request))
            case Run():
                self._runs().run(request, self._send)
            case DrawTensor(row=row, index=index, height=height, width=width) if row >= 0:
                self._send(TensorDrawn(request, picture.draw(self._tensor(row), index, height, width)))
            case DrawTensor():
                self._runs().draw(request, self._send)
            case MeasureFlow():
                self._runs().measure(request, self._send)
            case TryLoss():
                LossTrials(self._built(), self._known(), self._runs()).answer(request, self._send)
            case SetModes():
                self._set_modes(request)
            case CompareModes() | StepStatistics() | SampleTraining():
                self._modes().answer(request, self._send)
            case Probe():
                self._probes().answer(request, self._send)
            case CompareCheckpoint():
                self._files().answer(request, self._send)
            case RunBackward():
                self._backwards().answer(request, self._send)
            case TryLayer(row=row):
                self._trials().answer(request, self._module(row), self._send)
            case Summarize(depth=depth):
                self._send(summary.summarize(self._built(), depth))

    def _fail(self, error: BaseException, request: Request) -> None:
        if isinstance(error, LoadFailed):
            if (finding := uninitialized.of_failure(error.failure)) is not None:
                self._send(FindingsReported("structure", (finding,)))
            self._send(Failed(error.failure))
        else:
            failure = describe(error, _STAGES.get(type(request), "engine"))
            self._send(Failed(failure, getattr(request, "row", None)))

    # --- the model --------------------------------------------------------------------------------------------------

    def _load(self, request: Load) -> None:
        built = target.load(request, self._send)
        gc.freeze()  # The model stays for as long as this process: no collection needs to look at it.
        self.take(built)

    def take(self, built: Built, given: Sample | None = None) -> None:
        """Describe a model that is there. A `given` sample is what its runs get, whatever a request says of inputs."""
        self._model = built.model
        self._send(ModelBuilt(built.target, built.files, built.others, built.seconds, built.note))
        self._read(built)
        self._runner = Runner(built.model, self._known(), built, given)
        self._mode_requests = ModeRequests(built.model, self._known(), built, given)
        self._layer_trials = LayerTrials(built.model, self._known(), built.target.device, self._runner.got)
        self._prober = Prober(built.model, self._known(), built, given)
        self._checkpoints = CheckpointReader(built.model, self._known(), built)
        got = self._runner.got
        self._backward = Backward(built.model, self._known(), built, given, lambda row: got(row) is not None)

    def _read(self, built: Built) -> None:
        model, started = built.model, time.perf_counter()
        self._send(StageStarted("reading the structure"))
        if (preview := structure.preview(model)) is not None:
            self._send(StructureOutlined(preview.outline, time.perf_counter() - started, preview=True))
            for first in range(0, preview.outline.count, CHUNK_ROWS):
                self._tell(preview, first, CHUNK_ROWS)
        # Not before the preview, which somebody waits for: it does nothing to a model that the reading does not do.
        guard = Guard(model)
        self._structure = structure.read(model)
        self._send(StructureOutlined(self._structure.outline, time.perf_counter() - started))
        origin = Source(built.target.file, built.target.line) if built.target.line else None
        self._telling = structure_rules.Telling(model, self._structure, self._send, built.request.device, origin)
        self._chores[Load] = (built.request, self._tell_all(self._structure, guard, self._telling))

    def _tell_all(self, known: Structure, guard: Guard, noticed: structure_rules.Telling) -> Chore:
        """Describe every row, what a front end shows first before the rest; then what is noticed of all of them."""
        for first, count in spans(known.opening_rows()):
            self._tell(known, first, count)
        for first in range(0, known.outline.count, CHUNK_ROWS):
            yield
            self._tell(known, first, CHUNK_ROWS)
        yield
        self._send(StructureFinished(*guard.check()))
        yield
        yield from noticed.reporting()

    def _tell(self, known: Structure, first: int, count: int) -> None:
        count = min(count, known.outline.count - first)
        self._send(RowsDescribed(first, _pack_rows(known.rows(first, count)), count))

    def _set_modes(self, request: SetModes) -> None:
        self._module(request.row)
        answer = self._modes().set(request)
        self._send(answer)
        if self._telling is not None:
            self._telling.modes_set(answer.flags)

    def _measure(self, request: MeasureTensor) -> Chore:
        started = time.perf_counter()
        stats = yield from tensor_stats.measuring(self._tensor(request.row), request.bins)
        self._send(TensorMeasured(request.row, stats, time.perf_counter() - started))

    def _module(self, row: int) -> nn.Module:
        if (module := self._known().module(row)) is None:
            raise RowError(f"row {row} is no module")
        return module

    def _tensor(self, row: int) -> Tensor:
        if (tensor := self._known().tensor(row)) is None:
            raise RowError(f"row {row} is no tensor")
        return tensor

    def _runs(self) -> Runner:
        if self._runner is None:
            raise NotLoadedError("no model has been read in this engine")
        return self._runner

    def _trials(self) -> LayerTrials:
        if self._layer_trials is None:
            raise NotLoadedError("no model has been read in this engine")
        return self._layer_trials

    def _modes(self) -> ModeRequests:
        if self._mode_requests is None:
            raise NotLoadedError("no model has been read in this engine")
        return self._mode_requests

    def _probes(self) -> Prober:
        if self._prober is None:
            raise NotLoadedError("no model has been read in this engine")
        return self._prober

    def _files(self) -> CheckpointReader:
        if self._checkpoints is None:
            raise NotLoadedError("no model has been read in this engine")
        return self._checkpoints

    def _backwards(self) -> Backward:
        if self._backward is None:
            raise NotLoadedError("no model has been read in this engine")
        return self._backward

    def _known(self) -> Structure:
        if self._structure is None:
            raise NotLoadedError("no structure has been read in this engine")
        return self._structure

    def _built(self) -> nn.Module:
        if self._model is None:
            raise NotLoadedError("no model has been built in this engine")
        return self._model


def spans(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring rows of an ascending list, as (first, count)."""
    first = count = 0
    for row in rows:
        if count and row == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = row, 1
    if count:
        yield first, count
