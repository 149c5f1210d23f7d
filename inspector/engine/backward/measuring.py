"""The gradients of a pass as records: of every parameter that wants one, and of every layer with weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from inspector.engine.backward.flow import norm_of
from inspector.engine.forward.calls import Call
from inspector.engine.forward.output_stats import OutputStats
from inspector.engine.source_files import attributes
from inspector.gradient_schema import GradientState, LayerGradient, ParameterGradient
from inspector.run_schema import CallKind
from inspector.schema import TensorStats


class Place(NamedTuple):
    """A parameter, and where it stands first."""

    parameter: Tensor
    path: str
    module: nn.Module


class Parameters:
    """The parameters of a model, each once."""

    def __init__(self, model: nn.Module, row_at: Callable[[str], int | None]) -> None:
        """`row_at` gives the row of a parameter by its path."""
        self.model, self._row_at = model, row_at

    def __iter__(self) -> Iterator[Place]:
        met: set[int] = set()
        for above, module in nn.Module.named_modules(self.model):
            for name, parameter in (attributes(module).get("_parameters") or {}).items():
                if parameter is not None and id(parameter) not in met:
                    met.add(id(parameter))
                    yield Place(parameter, f"{above}.{name}" if above else name, module)

    def trainable(self) -> Iterator[Place]:
        """Those that require grad and have a size."""
        return (each for each in self if each.parameter.requires_grad and not is_lazy(each.parameter))

    def row(self, place: Place) -> int | None:
        """The row of a parameter; None of one that the structure does not know."""
        return self._row_at(place.path)

    def measure(self) -> dict[str, TensorStats | None]:
        """Statistics of every gradient there is, by the path of its parameter; to be asked while they are there."""
        stats = OutputStats()
        with torch._C.DisableTorchFunction():
            return {
                each.path: stats.measure(each.parameter.grad) if each.parameter.grad is not None else None
                for each in self.trainable()
            }

    def norms(self) -> dict[str, float]:
        """The Euclidean norm of every gradient that is there."""
        grads = ((each.path, each.parameter.grad) for each in self.trainable())
        return {path: _norm(grad) for path, grad in grads if grad is not None}


def _norm(gradient: Tensor) -> float:
    with torch.no_grad():
        values = gradient.detach()
        if values.layout is not torch.strided:
            values = values.coalesce().values() if values.is_sparse else values.to_dense()
        norm = norm_of(values)
        if math.isnan(norm):
            finite = values[values.isfinite()]
            norm = norm_of(finite) if finite.numel() else math.nan
        return norm


class Uncalled:
    """Which parameters forward had nothing to do with."""

    def __init__(self, calls: Sequence[Call], weights: set[int]) -> None:
        """`weights` are the identities of the parameters that operations got."""
        self._weights = weights
        self._called = {id(call.module) for call in calls if call.kind == CallKind.MODULE}
        self._inside = {id(part) for call in calls if _is_opaque(call) for part in nn.Module.modules(call.module)}

    def holds(self, place: Place) -> bool:
        """Whether the module of a parameter was not called, and nothing else was seen to use it."""
        module = id(place.module)
        return not (module in self._called or module in self._inside or id(place.parameter) in self._weights)


def _is_opaque(call: Call) -> bool:
    """Whether what a module's forward calls is not seen, or not called as modules."""
    if call.kind != CallKind.MODULE:
        return False
    return isinstance(call.module, nn.MultiheadAttention) or any("not visible" in note for note in call.notes)


def records(
    parameters: Parameters, stats: dict[str, TensorStats | None], norms: dict[str, float], uncalled: Uncalled
) -> Iterator[ParameterGradient]:
    """One for each parameter that requires grad and has a row."""
    for place in parameters.trainable():
        row = parameters.row(place)
        if row is None:
            continue
        told = stats.get(place.path)
        if told is None:
            state: GradientState = "uncalled" if uncalled.holds(place) else "none"
            yield ParameterGradient(row, state)
        else:
            ends = (told.minimum, told.maximum)
            largest = max((abs(end) for end in ends if end is not None), default=math.nan if told.elements else 0.0)
            yield ParameterGradient(row, "measured", norms.get(place.path, 0.0), largest, told)


def layers(calls: Sequence[Call], norms: dict[int, float]) -> Iterator[LayerGradient]:
    """What reached each call with weights, in the order of the calls; an operation belongs to the module around it."""
    for index in sorted(norms):
        call = calls[index]
        yield LayerGradient(call.row, call.number, norms[index], index)
