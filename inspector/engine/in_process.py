"""A model that is there already, in the user's own process: described and run as in an engine of its own."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from torch import nn

from inspector.engine.classes import source_of
from inspector.engine.failure import sendable
from inspector.engine.inputs.sample import device_of
from inspector.engine.inputs.taken import taken
from inspector.engine.session import Session
from inspector.engine.target import Built
from inspector.messages import EngineEvent, Request
from inspector.schema import Source, Target


def look(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    send: Callable[[EngineEvent], None],
    asked: deque[Request],
) -> None:
    """Tell of its structure, and answer what is asked on the way: whoever hears of a model puts it into `asked`.

    What runs gets these arguments; without any, inputs that are chosen as always.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"inspect takes an nn.Module, not {type(model).__name__}")
    session = Session(send)
    session.take(_built(model), taken(model, args, kwargs) if args or kwargs else None)
    while session.busy or asked:
        if session.busy:
            session.step()
        else:
            session.answer(asked.popleft())


def _built(model: nn.Module) -> Built:
    cls = type(model)
    source = source_of(cls) or Source(sendable(cls.__module__), 0)  # What is typed at a prompt has no file.
    name = sendable(cls.__qualname__)
    target = Target(source.file, name, source.line, name, str(device_of(model, None)))
    return Built(model, target, (), (), 0.0, "", sys.modules.get(cls.__module__))
