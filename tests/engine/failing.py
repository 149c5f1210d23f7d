"""A model that is run until it fails, and what is found to be the reason; for the tests of findings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from inspector.engine.findings.explanation import explain
from inspector.engine.forward.calls import Halt
from inspector.engine.forward.recorder import Recorder
from inspector.run_schema import Finding, InputSet, SampleArgument


def halt_of(model: nn.Module, *args: Any, training: bool = False, **kwargs: Any) -> Halt:
    """Run a model that raises, and give where it stopped."""
    rows = {id(module): row for row, module in enumerate(model.modules())}
    recorder = Recorder(lambda module: rows.get(id(module)), training=training)
    model.train(training)
    try:
        with torch.no_grad():
            recorder.run(model, args, kwargs)
    except Exception:
        assert recorder.halt is not None
        return recorder.halt
    raise AssertionError("it ran")


def finding_of(model: nn.Module, *args: Any, training: bool = False, **kwargs: Any) -> Finding:
    """Run a model that raises, and give the finding."""
    return found(halt_of(model, *args, training=training, **kwargs), model)


def found(halt: Halt, model: nn.Module, origin: Any = "file") -> Finding:
    """What is found of a halt."""
    paths = [name for name, _ in model.named_modules()]
    return explain(halt, paths.__getitem__, input_set(model, halt, origin))


def input_set(model: nn.Module, halt: Halt, origin: Any) -> InputSet:
    """The arguments that the model got, by forward's names."""
    names = list(inspect.signature(type(model).forward).parameters)[1:]
    args = halt.open[0].args
    told = [
        SampleArgument(names[index] if index < len(names) else f"args[{index}]", False, "", ())
        for index in range(len(args))
    ]
    return InputSet(origin, tuple(told))


class Applied(nn.Module):
    """A model whose forward is one function."""

    def __init__(self, function: Callable[..., Any], **held: Any) -> None:
        super().__init__()
        for name, value in held.items():
            setattr(self, name, value)
        self.function = function

    def forward(self, x: Any, *others: Any) -> Any:
        return self.function(self, x, *others)


class Called(NamedTuple):
    """A module (or a function of one) that raises for these arguments, and what is found."""

    what: Any
    args: tuple[Any, ...]
    id: str
    message: str
    fix: str | None = None
    keywords: dict[str, Any] = {}  # noqa: RUF012 - nothing is written to it


def tells(case: Called) -> None:
    """Run the case, and expect what it says."""
    if isinstance(case.what, nn.Module):
        model = Applied(lambda self, *args: self.layer(*args, **case.keywords), layer=case.what)
    else:
        model = Applied(lambda self, *args: case.what(*args))
    finding = finding_of(model, *case.args)
    assert finding.id == case.id
    assert case.message in finding.message
    if case.fix is not None:
        assert finding.fix == case.fix
