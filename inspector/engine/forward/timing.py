"""How long calls take: passes in which nothing is recorded but when each call of a module began and ended.

On the CPU a clock is read, and the reading's own time is taken out of the calls around; on a GPU an event is recorded
on the stream before and after, and all are read after one synchronisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import get_ident
from time import perf_counter_ns
from typing import Any

import torch
from torch import nn

from inspector.engine.forward.calls import Call
from inspector.engine.forward.recorder import CREATED
from inspector.run_schema import CallKind


@dataclass(slots=True)
class Pass:
    """One pass: every call of a module in the order in which they began."""

    modules: list[nn.Module]
    seconds: list[float]


def timed(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], inside: bool, cuda: bool) -> Pass:
    """Run the model once. `inside`: time the calls in it too, not only the model's own."""
    watch: Clock | Events = Events() if cuda else Clock()
    original, thread = nn.Module.__call__, get_ident()
    if not inside:
        watch.call(original, model, args, kwargs)
        return watch.result()

    def __call__(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        if get_ident() != thread:
            return original(module, *args, **kwargs)
        return watch.call(original, module, args, kwargs)

    nn.Module.__call__ = __call__  # type: ignore[method-assign]
    try:
        model(*args, **kwargs)
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]
    return watch.result()


class Clock:
    """Times calls by the clock of the CPU."""

    def __init__(self) -> None:
        self._modules: list[nn.Module] = []
        self._nanoseconds: list[int] = []
        self._lost = 0

    def call(
        self, original: Callable[..., Any], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call a module and time it."""
        entered = perf_counter_ns()
        index = len(self._modules)
        self._modules.append(module)
        self._nanoseconds.append(0)
        lost, began = self._lost, perf_counter_ns()
        try:
            return original(module, *args, **kwargs)
        finally:
            ended = perf_counter_ns()
            self._nanoseconds[index] = ended - began - (self._lost - lost)
            self._lost += began - entered + perf_counter_ns() - ended

    def result(self) -> Pass:
        """What was timed."""
        return Pass(self._modules, [nanoseconds / 1e9 for nanoseconds in self._nanoseconds])


class Events:
    """Times calls by events on the current CUDA stream."""

    def __init__(self) -> None:
        torch.cuda.synchronize()
        self._modules: list[nn.Module] = []
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def call(
        self, original: Callable[..., Any], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call a module and time it."""
        began, ended = _event(), _event()
        self._modules.append(module)
        self._events.append((began, ended))
        began.record()
        try:
            return original(module, *args, **kwargs)
        finally:
            ended.record()

    def result(self) -> Pass:
        """What was timed, once the GPU is done."""
        torch.cuda.synchronize()
        seconds = [began.elapsed_time(ended) / 1e3 for began, ended in self._events]
        return Pass(self._modules, seconds)


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def settle(calls: Sequence[Call], passes: Sequence[Pass]) -> bool:
    """Give the calls of a recorded run the medians of some passes; False when the passes called other modules.

    An operation is not timed in the passes: it keeps the time that was recorded for it alone, or less where all of its
    siblings together find no room in their module.
    """
    modules = [call for call in calls if call.kind == CallKind.MODULE]
    if not passes or not all(_called(modules, each) for each in passes):
        return False
    for index, call in enumerate(modules):
        measured = sorted(each.seconds[index] for each in passes)
        call.seconds = _quantile(measured, 0.5)
        call.spread = (_quantile(measured, 0.75) - _quantile(measured, 0.25)) / 2 if len(measured) > 1 else call.spread
    _add_up(calls)
    return True


def _called(calls: Sequence[Call], timed: Pass) -> bool:
    """Whether a pass called the same modules; of one that forward itself makes, one of the same class."""
    return len(calls) == len(timed.modules) and all(
        call.module is module or (CREATED in call.notes and type(call.module) is type(module))
        for call, module in zip(calls, timed.modules, strict=True)
    )


def _add_up(calls: Sequence[Call]) -> None:
    """Let no call last shorter than what it called: medians of parts may add up to more than the median of a whole."""
    inner, operations = [0.0] * len(calls), [0.0] * len(calls)
    for call in reversed(calls):
        if call.kind == CallKind.MODULE:
            call.seconds = max(call.seconds, inner[call.index])
        if call.parent is not None:
            (inner if call.kind == CallKind.MODULE else operations)[call.parent.index] += call.seconds
    for call in calls:
        if call.kind == CallKind.OPERATION and call.parent is not None and call.parent.kind == CallKind.MODULE:
            around = call.parent
            room, wanted = max(around.seconds - inner[around.index], 0.0), operations[around.index]
            call.seconds *= min(room / wanted, 1.0) if wanted > 0 else 0.0


def _quantile(ascending: list[float], share: float) -> float:
    """By linear interpolation, as NumPy's."""
    place = (len(ascending) - 1) * share
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)
