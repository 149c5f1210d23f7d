"""One load without a window, and what follows it: its run, what is noticed, train against eval, a checkpoint."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import TextIO

from inspector import crash
from inspector.card_flow import questions
from inspector.cards import card_of
from inspector.client import EngineClient, Server, start_server
from inspector.messages import (
    BackwardFinished,
    CallsDescribed,
    CheckpointCompared,
    CompareCheckpoint,
    CompareModes,
    DescribeModule,
    EngineDied,
    Event,
    Failed,
    FindingsReported,
    FlowMeasured,
    InputsChosen,
    Load,
    LossTried,
    ModelBuilt,
    ModesCompared,
    ModuleDescribed,
    Printed,
    Probe,
    Request,
    RowsDescribed,
    Run,
    RunBackward,
    RunFinished,
    RunTraced,
    StageStarted,
    StillRunning,
    StructureFinished,
    StructureOutlined,
    Summarize,
    Summarized,
    TensorMeasured,
    TorchImported,
    TorchMissing,
    TryLoss,
)
from inspector.outcome import Outcome
from inspector.schema import Failure

PRINTED_BYTES = 64 * 1024
"""How much of what the user's code prints is kept, of each stream."""

LOCATE_SECONDS = 1.0
"""How long a hung engine has to say in which line it is."""


def run(
    request: Load,
    *,
    run_request: Run | None = None,
    checkpoint: CompareCheckpoint | None = None,
    compare: bool = False,
    probe: bool = False,
    backward: bool = False,
    describe: str | None = None,
    timeout: float | None = None,
    summary_depth: int | None = None,
    log: TextIO | None = None,
    server: Server | None = None,
) -> Outcome:
    """Load a model, hear everything about its structure and about one run of it, and end the engine.

    After `timeout` seconds, torch's import included, the engine is ended and the failure names the line it was in.
    A `checkpoint` is compared with the model first. Without a `run_request` nothing runs; with a `summary_depth`
    torchinfo's table is asked for too. A good real run is followed by train against eval (`compare`), by the checks
    that need further forwards (`probe`), and by forward and backward (`backward`). The module at the path `describe` is
    described last, if there is one. A `server` that was started earlier is taken over; none outlives this call,
    whatever ends it.
    """
    load = HeadlessLoad(
        request,
        run_request,
        summary_depth,
        checkpoint=checkpoint,
        compare=compare,
        probe=probe,
        backward=backward,
        describe=describe,
    )
    return asyncio.run(_run(load, timeout, log, server or start_server()))


async def _run(load: HeadlessLoad, timeout: float | None, log: TextIO | None, server: Server) -> Outcome:
    client = EngineClient(server, load.hear, log=log)
    load.ask = client.send
    try:
        client.load(load.outcome.request)
        if not await _within(timeout, load.done):
            doing = load.doing
            if client.locate():
                await _within(LOCATE_SECONDS, load.located)
            load.give_up(doing, timeout or 0.0)
        client.drain()
    finally:
        client.close()
    return load.outcome


async def _within(seconds: float | None, happened: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(happened.wait(), seconds)
    except asyncio.TimeoutError:
        return False
    return True


class HeadlessLoad:
    """Gathers what is heard of one load into an Outcome, and asks for what comes next."""

    def __init__(
        self,
        request: Load,
        run_request: Run | None,
        summary_depth: int | None,
        *,
        checkpoint: CompareCheckpoint | None = None,
        compare: bool = False,
        probe: bool = False,
        backward: bool = False,
        describe: str | None = None,
    ) -> None:
        self.outcome = Outcome(request=request, run_request=run_request)
        self.ask: Callable[[Request], object] = lambda _: None
        """Sends a request to the engine of this load; whoever made the client sets it."""
        self.done = asyncio.Event()
        self.located = asyncio.Event()
        """Whether a hung engine has said where it is."""
        self._compare, self._probe, self._backward, self._describe = compare, probe, backward, describe
        self._left: list[tuple[Request, str]] = []
        """What is to be asked once the structure is known, and how to say that it goes on."""
        if checkpoint is not None:
            self._left.append((checkpoint, "comparing the checkpoint"))
        if summary_depth is not None:
            self._left.append((Summarize(summary_depth), "writing the summary"))
        if run_request is not None:
            self._left.append((run_request, "running the model"))
        self._asked: Request = request
        self._answered = False
        """Whether there is nothing left to ask."""
        self._structure_told = summary_depth is not None
        """Whether everything that is noticed about the structure has been told, or is of no interest."""
        self.doing = "importing torch"
        self._where: StillRunning | None = None

    def hear(self, _: int, event: Event) -> None:
        outcome = self.outcome
        match event:
            case TorchImported(version=version):
                outcome.torch = version
                self.doing = "forking an engine"
            case StageStarted(what=what):
                self.doing = what
            case ModelBuilt():
                outcome.built = event
            case StructureOutlined(outline=outline, preview=False):
                outcome.outline = outline
            case RowsDescribed() if outcome.outline is not None:
                outcome.rows.append(event)
            case StructureFinished():
                outcome.finished = event
                self._ask()
            case CheckpointCompared(comparison=comparison):
                outcome.checkpoint = comparison
                self._ask()
            case Summarized():
                outcome.summary = event
                self._ask()
            case ModuleDescribed():
                outcome.described = event
                self._left += [(request, "measuring") for request in self._of_card(event)]
                self._ask()
            case TensorMeasured():
                outcome.measured[event.row] = event.stats
                self._ask()
            case FlowMeasured():
                outcome.flow_stats = event.stats
                self._ask()
            case LossTried():
                outcome.loss = event.trial
                self._ask()
            case Printed():
                self._keep(event)
            case StillRunning():
                self._where = event
                self.located.set()
            case TorchMissing(failure=failure) | EngineDied(failure=failure):
                self._fail(failure, died=isinstance(event, EngineDied))
            case Failed(failure=failure):
                self._hear_refusal(failure)
            case _:
                self._hear_run(event)

    def _hear_run(self, event: Event) -> None:
        """What is told of the run, and of what follows it."""
        outcome = self.outcome
        match event:
            case InputsChosen(inputs=inputs):
                outcome.inputs = inputs
                if inputs.origin == "none":
                    self._ask()
            case RunTraced(trace=trace):
                outcome.trace, outcome.calls = trace, []
            case CallsDescribed():
                outcome.calls.append(event)
            case RunFinished(run=ran):
                outcome.ran = ran
            case ModesCompared(comparison=comparison):
                outcome.comparison = comparison
                self._ask()
            case BackwardFinished(backward=backward):
                outcome.backward = backward
                self._ask()
            case FindingsReported():
                self._notice(event)

    def _follow(self) -> None:
        """What is to be asked after a run; nothing, when nothing has come out of it."""
        asked, ran = self.outcome.run_request, self.outcome.ran
        if self._backward and ran is not None and ran.dry:
            self.outcome.no_backward = Failure(stage="backward", type="DryRun", message="the run was dry")
        if asked is None or ran is None or not ran.ok or ran.dry:
            return
        if self._compare:
            self._left.append((CompareModes(asked.inputs, asked.seed), "comparing train with eval"))
        if self._probe and ran.mode == "eval":
            self._left.append((Probe(asked.inputs, asked.seed), "checking further"))
        if self._backward:
            self._left.append((RunBackward(asked.inputs, asked.seed), "running forward and backward"))

    def _notice(self, event: FindingsReported) -> None:
        self.outcome.noticed[event.of] = event
        if event.of == "structure":
            self._structure_told |= event.whole
            self._end()
        else:
            # Every run is followed by what was noticed in it, be it nothing.
            if event.of == "run":
                self._follow()
            self._ask()

    def _hear_refusal(self, failure: Failure) -> None:
        """The last request came to nothing; a check that did takes nothing from what is there already."""
        if isinstance(self._asked, Probe):
            self.outcome.unprobed = failure
            self._ask()
        elif isinstance(self._asked, RunBackward):
            self.outcome.no_backward = failure
            self._ask()
        else:
            self._fail(failure)

    def _fail(self, failure: Failure, *, died: bool = False) -> None:
        self.outcome.failure, self.outcome.died = failure, died
        self.done.set()

    def give_up(self, doing: str, timeout: float) -> None:
        """Say what was going on when the time was over, unless it came to an end just now."""
        if self.done.is_set():
            return
        place = self._where.source if self._where else None
        where = f", in {os.path.basename(place.file)}:{place.line} `{place.code}`" if place else ""
        self.outcome.died = True
        self.outcome.failure = Failure(
            stage="engine",
            type="timeout",
            message=f"still {doing} after {timeout:g} s{where}",
            source=place,
            context=crash.context(place) if place else (),
            mend="--timeout with more seconds gives it longer",
        )

    def _ask(self) -> None:
        """Ask for the next thing; when there is none, this is the end."""
        if self._left:
            self._asked, self.doing = self._left.pop(0)
            self.ask(self._asked)
        elif (row := self._undescribed()) is not None:
            self._describe, self._asked = None, DescribeModule(row)
            self.doing = "reading the source"
            self.ask(self._asked)
        elif name := self._loss_by_class():
            self._describe, self._asked = None, TryLoss(name=name)
            self.doing = f"trying {name}"
            self.ask(self._asked)
        else:
            self._answered = True
            self._end()

    def _undescribed(self) -> int | None:
        """The row of the module that is still to be described; None when there is none, or when it is not there."""
        table = self.outcome.table() if self._describe is not None else None
        return table.module_at(self._describe or "") if table is not None else None

    def _of_card(self, described: ModuleDescribed) -> Iterator[Request]:
        """What its card wants to know beyond that."""
        table = self.outcome.table()
        if table is not None:
            yield from questions(table, self.outcome.run_rows(), described.row, described.detail)

    def _loss_by_class(self) -> str:
        """The class of a loss that is to be explained where the model has no module of that name; else nothing."""
        card = card_of(self._describe) if self._describe else None
        ran = self.outcome.ran
        return card.name if card is not None and card.family == "loss" and ran is not None and ran.ok else ""

    def _end(self) -> None:
        """This is the end, when everything has been told."""
        if self._answered and self._structure_told:
            self.done.set()

    def _keep(self, printed: Printed) -> None:
        """Keep the first of what is printed."""
        before = getattr(self.outcome, printed.stream)
        text = printed.text.encode()
        room = max(0, PRINTED_BYTES - len(before.encode()))
        setattr(self.outcome, printed.stream, before + text[:room].decode("utf-8", "ignore"))
        self.outcome.dropped += printed.dropped + max(0, len(text) - room)
