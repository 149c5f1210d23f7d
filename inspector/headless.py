"""One load and one run without a window: what the plain reports are made from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TextIO

import msgspec

from inspector import crash
from inspector.client import EngineClient, Server, start_server
from inspector.messages import (
    CallsDescribed,
    EngineDied,
    Event,
    Failed,
    InputsChosen,
    Load,
    ModelBuilt,
    Printed,
    Request,
    RowsDescribed,
    Run,
    RunFinished,
    RunTraced,
    StageStarted,
    StillRunning,
    StructureFinished,
    StructureOutlined,
    Summarize,
    Summarized,
    TorchImported,
    TorchMissing,
)
from inspector.run_rows import RunRows
from inspector.run_schema import InputSet, RunRecord, Trace
from inspector.run_table import RunTable
from inspector.schema import Failure, Outline
from inspector.table import ModelTable

PRINTED_BYTES = 64 * 1024
"""How much of what the user's code prints is kept, of each stream."""

LOCATE_SECONDS = 1.0
"""How long a hung engine has to say in which line it is."""


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one load and its run, as far as they got."""

    request: Load
    run_request: Run | None = None
    torch: str = ""
    """Version; empty while torch has not been imported."""
    built: ModelBuilt | None = None
    outline: Outline | None = None
    """The whole one, never the preview of a large model."""
    rows: list[RowsDescribed] = []
    """The records of all rows, in chunks as they came; some rows may come twice."""
    finished: StructureFinished | None = None
    summary: Summarized | None = None
    inputs: InputSet | None = None
    """What went into the model, or why nothing did."""
    trace: Trace | None = None
    calls: list[CallsDescribed] = []
    """The records of all calls, in chunks as they came."""
    ran: RunRecord | None = None
    """What came of the run; one whose forward raised too."""
    stdout: str = ""
    """What the user's code printed, control characters included: the first of it, if it was too much."""
    stderr: str = ""
    dropped: int = 0
    """Bytes of both that are not here."""
    failure: Failure | None = None
    died: bool = False
    """Whether the engine died or was given up, rather than having said itself what went wrong."""

    def table(self) -> ModelTable | None:
        """The model's rows, as far as they came."""
        if self.outline is None:
            return None
        table = ModelTable(self.outline)
        for event in self.rows:
            table.add(event)
        return table

    def run_rows(self) -> RunRows | None:
        """The calls of a finished run, joined to those rows."""
        table = self.table()
        if table is None or self.trace is None or self.ran is None:
            return None
        run = RunTable(self.trace)
        for event in self.calls:
            run.add(event)
        return RunRows(table, run, self.ran)


def run(
    request: Load,
    *,
    run_request: Run | None = None,
    timeout: float | None = None,
    summary_depth: int | None = None,
    log: TextIO | None = None,
    server: Server | None = None,
) -> Outcome:
    """Load a model, hear everything about its structure and about one run of it, and end the engine.

    After `timeout` seconds, torch's import included, the engine is ended and the failure names the line it was in.
    Without a `run_request` nothing runs; with a `summary_depth` torchinfo's table is asked for too. A `server` that
    was started earlier is taken over; none outlives this call, whatever ends it.
    """
    load = HeadlessLoad(request, run_request, summary_depth)
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

    def __init__(self, request: Load, run_request: Run | None, summary_depth: int | None) -> None:
        self.outcome = Outcome(request=request, run_request=run_request)
        self.ask: Callable[[Request], object] = lambda _: None
        """Sends a request to the engine of this load; whoever made the client sets it."""
        self.done = asyncio.Event()
        self.located = asyncio.Event()
        """Whether a hung engine has said where it is."""
        self._left: list[tuple[Request, str]] = []
        """What is to be asked once the structure is known, and how to say that it goes on."""
        if summary_depth is not None:
            self._left.append((Summarize(summary_depth), "writing the summary"))
        if run_request is not None:
            self._left.append((run_request, "running the model"))
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
            case Summarized():
                outcome.summary = event
                self._ask()
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
                self._ask()
            case Printed():
                self._keep(event)
            case StillRunning():
                self._where = event
                self.located.set()
            case Failed(failure=failure) | TorchMissing(failure=failure) | EngineDied(failure=failure):
                outcome.failure = failure
                outcome.died = isinstance(event, EngineDied)
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
        if not self._left:
            self.done.set()
            return
        request, self.doing = self._left.pop(0)
        self.ask(request)

    def _keep(self, printed: Printed) -> None:
        """Keep the first of what is printed."""
        before = getattr(self.outcome, printed.stream)
        text = printed.text.encode()
        room = max(0, PRINTED_BYTES - len(before.encode()))
        setattr(self.outcome, printed.stream, before + text[:room].decode("utf-8", "ignore"))
        self.outcome.dropped += printed.dropped + max(0, len(text) - room)
