"""torch.compile, held back: what it was to compile runs as it was written.

A run is there to be looked into, and compiled code lets nobody in: it would be traced anew for whoever watches, take
seconds or minutes for that, and show a whole model as one call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes

_COMPILER = "torch._dynamo.eval_frame"
HELD_BACK = "torch.compile was held back: what it compiles ran as it was written, and took as long as that takes"


@contextmanager
def held_back(model: nn.Module) -> Iterator[None]:
    """Let nothing be compiled, and every wrapper of torch.compile's call what it wraps."""
    wrappers = [wrapper for module in nn.Module.modules(model) if (wrapper := _wrapper(module)) is not None]
    forwards = [held.get("forward") for held, _ in wrappers]
    with _eagerly():
        held_back_now = is_held_back()
        try:
            for held, inside in wrappers:
                if held_back_now:
                    held["forward"] = _call_of(inside)
            yield
        finally:
            for (held, _), forward in zip(wrappers, forwards, strict=True):
                if held_back_now:
                    held["forward"] = forward


def is_held_back() -> bool:
    """Whether torch.compile leaves everything alone now."""
    compiler: Any = sys.modules.get(_COMPILER)
    stance = getattr(compiler, "_stance", None)
    return getattr(stance, "stance", "") == "force_eager" or getattr(compiler, "set_eval_frame", None) is _stay_off


def _eagerly() -> Any:
    """Nothing has to be done where nobody has imported the compiler: then nothing is compiled."""
    compiler = sys.modules.get(_COMPILER)
    if compiler is None:
        return nullcontext()
    set_stance: Any = getattr(torch.compiler, "set_stance", None)
    return _switched_off(compiler) if set_stance is None else set_stance("force_eager")


@contextmanager
def _switched_off(compiler: Any) -> Iterator[None]:
    """torch before 2.6 cannot be told to hold back: what switches its compiler on for a call does nothing meanwhile."""
    switch = compiler.set_eval_frame
    compiler.set_eval_frame = _stay_off
    try:
        yield
    finally:
        compiler.set_eval_frame = switch


def _stay_off(callback: Any) -> None:
    """What was on before this call: nothing."""


def _wrapper(module: nn.Module) -> tuple[dict[str, Any], nn.Module] | None:
    """The attributes of what torch.compile put around a module, and that module; torch has bound its call already."""
    held = attributes(module)
    inside: Any = (held.get("_modules") or {}).get("_orig_mod") if type(module).__name__ == "OptimizedModule" else None
    return (held, inside) if is_a(inside, nn.Module) and "forward" in held else None


def _call_of(module: nn.Module) -> Callable[..., Any]:
    return lambda *args, **kwargs: module(*args, **kwargs)
