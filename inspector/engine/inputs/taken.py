"""A sample of values that are there already: what a call from Python passes, as it is and where it is."""

from __future__ import annotations

from typing import Any

from torch import nn

from inspector.engine.failure import sendable
from inspector.engine.inputs.sample import Sample, finish, see
from inspector.engine.inputs.signature import Signature
from inspector.run_schema import InputSet, SampleArgument


def taken(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sample:
    """The sample of these arguments. Nothing of it is moved or converted: a tensor on the wrong device is a fault that
    is to be seen."""
    signature = Signature(model)
    names = signature.by_place
    placed = [names[index] if index < len(names) else f"args[{index - len(names)}]" for index in range(len(args))]
    values = [*zip(placed, args, strict=True), *kwargs.items()]
    records = tuple(
        SampleArgument(sendable(name), index >= len(args), "", tuple(see(value, name))[:256])
        for index, (name, value) in enumerate(values)
    )
    return finish(Sample(args, kwargs, InputSet("given", records)), signature, None, 0)
