"""NN308: modules and parameters that are created while forward runs."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterable, Iterator
from threading import get_ident
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from inspector.engine.failure import sendable
from inspector.engine.findings.phrases import at, by
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.forward.sources import Sources
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind
from inspector.schema import Source

_TORCH = os.path.join(os.path.dirname(torch.__file__), "")


class _Made(NamedTuple):
    what: str
    call: Call
    source: Source | None
    kept: bool
    """Whether the model holds it when forward is over."""


class MadeInForward(RunRule):
    """To be entered around the run: it hears of every module that is created meanwhile."""

    id = "NN308"
    modes = ("eval", "train")

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._known = {id(parameter) for parameter in nn.Module.parameters(model)}
        self._births: dict[int, Source | None] = {}
        """Where each module and parameter was created, by its identity: the last one that had it."""
        self._modules: dict[int, tuple[Call, Source | None]] = {}
        self._parameters: dict[int, tuple[Call, str, Source | None]] = {}
        self._kept: set[int] = set()
        self._sources = Sources()
        self._before: Any = None

    # --- while it runs ----------------------------------------------------------------------------------------------

    def __enter__(self) -> MadeInForward:
        thread, births = get_ident(), self._births
        init, new = nn.Module.__init__, nn.Parameter.__dict__["__new__"]
        self._before = init, new

        def __init__(module: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            if get_ident() == thread:
                births[id(module)] = _creator()
            init(module, *args, **kwargs)

        def __new__(*args: Any, **kwargs: Any) -> Any:  # noqa: N807
            parameter = new.__func__(*args, **kwargs)
            if get_ident() == thread and (place := _creator()) is not None:
                births[id(parameter)] = place
            return parameter

        nn.Module.__init__ = __init__  # type: ignore[method-assign, assignment]
        nn.Parameter.__new__ = staticmethod(__new__)  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        nn.Module.__init__, nn.Parameter.__new__ = self._before  # type: ignore[method-assign]

    def watch(self, returned: Returned) -> None:
        call = returned.call
        if call.kind == CallKind.MODULE and id(call.module) in self._births:
            self._modules.setdefault(id(call.module), (call, self._births[id(call.module)]))
        if call.kind == CallKind.OPERATION:
            for tensor, _ in returned.given:
                if type(tensor) is nn.Parameter and id(tensor) in self._births and id(tensor) not in self._known:
                    self._parameters.setdefault(id(tensor), (call, by(tensor.shape), self._births[id(tensor)]))
        if call.parent is None:
            modules = list(nn.Module.modules(self._model))
            self._kept = {id(module) for module in modules}
            self._kept |= {id(parameter) for parameter in nn.Module.parameters(self._model)}

    # --- afterwards -------------------------------------------------------------------------------------------------

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        told: set[tuple[str, int]] = set()
        for made in (*self._made_modules(scene), *self._made_parameters(scene)):
            place = (made.source.file, made.source.line) if made.source is not None else ("", made.call.index)
            if place not in told:
                told.add(place)
                yield _noticed(scene, made)

    def _made_modules(self, scene: RunScene) -> Iterator[_Made]:
        for identity, (call, source) in self._modules.items():
            parent = call.parent
            if scene.row_of(call.module) is not None or _elements(call.module) == 0:
                continue
            if parent is not None and id(parent.module) in self._modules:
                continue  # A part of one that was created too.
            source = self._sources.complete(source) if source is not None else scene.line(call)
            yield _Made(_spelled(call.module), call, source, identity in self._kept)

    def _made_parameters(self, scene: RunScene) -> Iterator[_Made]:
        mine = {
            id(parameter)
            for call in scene.calls
            if call.kind == CallKind.MODULE and id(call.module) in self._modules
            for parameter in nn.Module.parameters(call.module)
        }
        for identity, (call, shape, source) in self._parameters.items():
            if identity not in mine:
                source = self._sources.complete(source) if source is not None else scene.line(call)
                yield _Made(f"a parameter {shape}", call, source, identity in self._kept)


def _noticed(scene: RunScene, made: _Made) -> Noticed:
    call = made.call if made.call.kind == CallKind.OPERATION or made.call.parent is None else made.call.parent
    row = scene.row_of(call.module)
    if made.kept:
        return Noticed(
            row,
            f"{made.what} is created{at(made.source)} while forward runs for the first time: an optimizer that was "
            "made before does not know its weights",
            "create it in __init__, or run the model once before the optimizer is made",
            made.source,
            made.call.index,
            "note",
        )
    return Noticed(
        row,
        f"{made.what} is created{at(made.source)} in forward, and the model does not hold it: its weights are new "
        "each time and never trained",
        "create it in __init__",
        made.source,
        made.call.index,
    )


def _creator() -> Source | None:
    """The line that asked for something new: behind the constructors of what it is a part of, and behind torch's own
    code. None of a copy."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and (_constructs(frame) or frame.f_code.co_filename.startswith(_TORCH)):
        if frame.f_code.co_name == "__deepcopy__":
            return None
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename == copy.__file__:
        return None
    return Source(sendable(frame.f_code.co_filename), frame.f_lineno or 1)


def _constructs(frame: FrameType) -> bool:
    """Whether it is the constructor of a module."""
    code = frame.f_code
    if code.co_name in ("<listcomp>", "<genexpr>", "<dictcomp>"):
        return frame.f_back is not None and _constructs(frame.f_back)
    if code.co_name != "__init__" or not code.co_varnames:
        return False
    return is_a(frame.f_locals.get(code.co_varnames[0]), nn.Module)


def _elements(module: nn.Module) -> int:
    return sum(1 if is_lazy(each) else each.numel() for each in nn.Module.parameters(module))


def _spelled(module: nn.Module) -> str:
    """`Linear(128, 10)`, where the numbers are known."""
    held = attributes(module)
    for names in (("in_features", "out_features"), ("in_channels", "out_channels"), ("num_embeddings", "embedding_dim"),
                  ("input_size", "hidden_size"), ("num_features",), ("embed_dim", "num_heads")):  # fmt: skip
        if all(type(held.get(name)) is int for name in names):
            return f"{sendable(type(module).__name__)}({', '.join(str(held[name]) for name in names)})"
    return sendable(type(module).__name__)
