"""What is noticed of a model that runs: of a program's file, or of a module that a test has made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from inspector.engine import structure
from inspector.engine.backward.answering import Backward
from inspector.engine.forward.running import Runner
from inspector.engine.inputs.sample import Sample
from inspector.engine.probing import Prober
from inspector.engine.target import Built
from inspector.gradient_schema import BackwardRecord
from inspector.messages import BackwardFinished, EngineEvent, FindingsReported, Probe, Run, RunBackward, RunFinished
from inspector.run_schema import Finding, InputSet, RunRecord, SampleArgument
from inspector.schema import Target
from inspector.wire import pack


class Noticed:
    """Everything that a run, and the probes, have to say of one model."""

    def __init__(self, built: Built, sample: Sample | None = None) -> None:
        self._built, self._sample = built, sample
        self._structure = structure.read(built.model)
        self.events: list[EngineEvent] = []

    def run(self, request: Run | None = None) -> tuple[Finding, ...]:
        """What a run noticed. No rule may have failed on the way."""
        torch.default_generator.manual_seed(0)
        Runner(self._built.model, self._structure, self._built, self._sample).run(request or Run(), self._hear)
        assert self.record.changed == ()
        assert not [note for note in self.record.notes if "could not" in note], self.record.notes
        return self._findings("run")

    def probe(self) -> tuple[Finding, ...]:
        """What the probes noticed."""
        Prober(self._built.model, self._structure, self._built, self._sample).answer(Probe(), self._hear)
        (told,) = [event for event in self.events if isinstance(event, FindingsReported) and event.of == "probes"]
        assert (told.guard[:15], told.changed) == ("left as found: ", ())
        return told.findings

    def backward(self, ran: Callable[[int], bool] = lambda row: False) -> BackwardRecord:
        """What came of forward and backward. The model is as before, and no rule may have failed on the way."""
        torch.default_generator.manual_seed(0)
        asked = Backward(self._built.model, self._structure, self._built, self._sample, ran)
        asked.answer(RunBackward(), self._hear)
        (record,) = [event.backward for event in self.events if isinstance(event, BackwardFinished)]
        assert (record.guard[:15], record.changed) == ("left as found: ", ())
        assert not [note for note in record.notes if "could not" in note], record.notes
        return record

    def path(self, row: int) -> str:
        """The dotted path of a row."""
        return self._structure.path(row)

    @property
    def record(self) -> RunRecord:
        """Of the last run."""
        return [event.run for event in self.events if isinstance(event, RunFinished)][-1]

    def _hear(self, event: EngineEvent) -> None:
        assert pack(event)
        self.events.append(event)

    def _findings(self, of: str) -> tuple[Finding, ...]:
        return [event.findings for event in self.events if isinstance(event, FindingsReported) and event.of == of][-1]


def noticed(model: nn.Module, *args: Any, **kwargs: Any) -> Noticed:
    """Of a module and the arguments of its forward."""
    names = [*(f"args[{index}]" for index in range(len(args))), *kwargs]
    record = InputSet("given", tuple(SampleArgument(name, name in kwargs, "", ()) for name in names))
    target = Target(file="", name=type(model).__name__, line=1, call="", device="cpu")
    return Noticed(Built(model, target, (), (), 0.0, ""), Sample(args, kwargs, record))


def found(model: nn.Module, *args: Any, **kwargs: Any) -> list[str]:
    """The ids that a run of a module notices, in their order."""
    return [finding.id for finding in noticed(model, *args, **kwargs).run()]


def probed(model: nn.Module, *args: Any, **kwargs: Any) -> list[str]:
    """The ids that the probes notice."""
    return [finding.id for finding in noticed(model, *args, **kwargs).probe()]
