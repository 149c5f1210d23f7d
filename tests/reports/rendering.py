"""A model as the reports get it: loaded and read in this process, its rows packed and unpacked as on the wire."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from inspector.engine.session import Session
from inspector.engine.structure import Structure, read
from inspector.headless import HeadlessLoad
from inspector.messages import (
    CHUNK_ROWS,
    EngineEvent,
    Load,
    Request,
    RowsDescribed,
    Run,
    RunFinished,
    RunTraced,
)
from inspector.reports import json_document, markdown, text_tree
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet
from inspector.schema import Failure, Target
from inspector.table import ModelTable

ROOT = Path(__file__).parents[2]
TORCH = Path(torch.__file__).parent
SAMPLES = ROOT / "sample_models"
TARGETS = {
    "needs_arguments": "needs_arguments.py:Perceptron(in_features=16, widths=[64, 32], num_classes=10)",
    "several_models": "several_models.py:Wide",
}
"""Samples that are not opened by their file alone."""
LARGE = ("gpt2_small", "resnet50")
"""Samples that are opened without allocating them."""


@dataclass
class Rendered:
    """A model, and what the reports are made from."""

    model: nn.Module
    target: Target
    table: ModelTable
    inputs: InputSet | None = None
    rows: RunRows | None = None
    """Of a run, if there was one."""
    findings: Sequence[Finding] = ()
    """What was noticed, without being asked."""

    def _shown(self) -> dict[str, Any]:
        return {"rows": self.rows, "inputs": self.inputs, "findings": self.findings}

    def tree(self, **options: Any) -> str:
        """The plain tree, wherever the project and torch are installed."""
        return anywhere(text_tree.write(self.table, self.target, **self._shown(), **options))

    def markdown(self) -> str:
        return anywhere(markdown.write(self.table, self.target, **self._shown()))

    def json(self, failure: Failure | None = None, printed: tuple[str, str, int] = ("", "", 0)) -> str:
        """The JSON document as it is written."""
        return json_document.write(
            tool={},
            asked=self.target.file,
            target=self.target,
            table=self.table,
            failure=failure,
            printed=printed,
            run=self.rows.record if self.rows is not None else None,
            **self._shown(),
        )

    def document(self) -> dict[str, Any]:
        """The JSON document as it is read."""
        document: dict[str, Any] = json.loads(self.json())
        return document


@cache
def sample(name: str) -> Rendered:
    """A sample model by the name of its file, run once on the inputs that are found for it."""
    target = f"{SAMPLES}/{TARGETS.get(name, f'{name}.py')}"
    large = name in LARGE
    return loaded(Load(target, device="meta" if large else "cpu"), Run(dry=large), probe=not large)


def loaded(request: Load, run: Run | None, *, probe: bool = False) -> Rendered:
    """A model as the program loads it and runs it, in this process."""
    torch.default_generator.manual_seed(0)  # What a file draws when it is imported is the same each time.
    heard = HeadlessLoad(request, run, None, probe=probe)
    session = Session(lambda event: heard.hear(1, _timeless(event)))
    asked: list[Request] = [request]
    heard.ask = asked.append
    while asked:
        session.answer(asked.pop(0))
        while session.busy:
            session.step()
    outcome = heard.outcome
    assert outcome.built is not None, outcome.failure
    table = outcome.table()
    assert table is not None
    assert outcome.unprobed is None
    rows, findings = outcome.run_rows(), outcome.findings()
    return Rendered(session._built(), outcome.built.target, table, outcome.inputs, rows, findings)


def _timeless(event: EngineEvent) -> EngineEvent:
    """The event as it would be told if every call that was timed took a millisecond."""
    if isinstance(event, RunTraced):
        took = array("d", event.trace.seconds)
        seconds = array("d", [each if each != each else 0.001 for each in took]).tobytes()
        return RunTraced(
            msgspec.structs.replace(event.trace, seconds=seconds, spread=array("d", [0.0] * len(took)).tobytes())
        )
    if isinstance(event, RunFinished):
        return RunFinished(msgspec.structs.replace(event.run, seconds=0.001, spread=0.0, repeats=1))
    return event


def rendered(model: nn.Module, target: Target | None = None) -> Rendered:
    """A model that comes from no file."""
    target = target or Target(file="model.py", name="Net", line=1, call="Net()", device="cpu")
    return Rendered(model, target, table_of(read(model)))


def table_of(structure: Structure) -> ModelTable:
    """All rows of a structure as a front end holds them."""
    table = ModelTable(structure.outline)
    for first in range(0, structure.outline.count, CHUNK_ROWS):
        rows = structure.rows(first, CHUNK_ROWS)
        table.add(RowsDescribed(first, msgspec.msgpack.encode(rows), len(rows)))
    return table


def anywhere(text: str) -> str:
    """Text without the folders of this machine, nor lines of torch's own files, which move with every release."""
    # torch first: a virtual environment may lie inside the project.
    text = text.replace(f"{TORCH.parent}/", "").replace(f"{ROOT}/", "")
    return re.sub(r'("file": "torch/[^"]*",\s*"line": )\d+', r"\g<1>0", text)
