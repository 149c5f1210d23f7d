"""Build the chosen nn.Module, and see that it is one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from inspector.engine import arguments, device
from inspector.engine.arguments import Given
from inspector.engine.candidates import Offer
from inspector.engine.command import spell
from inspector.engine.failure import LoadFailed, describe, place, refuse
from inspector.engine.fitting import fit
from inspector.engine.kinds import is_a, is_instance
from inspector.engine.mends import how_to_initialize
from inspector.engine.no_module import held_modules
from inspector.messages import Load, StageStarted

Announce = Callable[[StageStarted], None]


class Construction(NamedTuple):
    """A model, and how it came about."""

    model: nn.Module
    call: str
    note: str = ""


def construct(offer: Offer, given: Given, called: bool, request: Load, where: str, announce: Announce) -> Construction:
    """The nn.Module of an offer, on its device. Raises LoadFailed when it cannot be built."""
    if offer.candidate.kind == "instance":
        if given or called:
            raise _built_already(offer, request, where)
        model, call = offer.value, offer.candidate.call
    else:
        model, call = _call(offer, given, request, where, announce)
    _check_initialized(model)
    if request.device.startswith("cuda"):
        announce(StageStarted(f"moving {offer.candidate.name} to {request.device}"))
    try:
        return Construction(model, call, device.move(model, request.device))
    except Exception as error:
        raise LoadFailed(describe(error, "construct", request)) from None


def _call(offer: Offer, given: Given, request: Load, where: str, announce: Announce) -> tuple[nn.Module, str]:
    args, kwargs = fit(offer, given, request, where)
    call = arguments.spell_call(offer.candidate.name, args, kwargs)
    announce(StageStarted(f"building {call}", user_code=True))
    try:
        with device.building(request.device):
            built = offer.value(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        about = place(offer.file, offer.candidate.line)
        raise LoadFailed(describe(error, "construct", request, about)) from None
    if not is_instance(built):
        raise _not_a_module(offer, call, built)
    return built, call


# --- what came of it --------------------------------------------------------------------------------------------------


def _built_already(offer: Offer, request: Load, where: str) -> LoadFailed:
    name, kind = offer.candidate.name, type(offer.value).__name__
    file = where.rpartition(":")[0] if where.endswith(f":{name}") else where
    return refuse(
        "target",
        "BuiltAlready",
        f"{name} is an instance of {kind}, built when the file is imported: no arguments can be given to it",
        mend=f"Name the class instead of the instance: {kind}",
        command=spell(request, f"{file}:{kind}"),
        source=place(offer.file, offer.candidate.line),
    )


def _not_a_module(offer: Offer, call: str, built: Any) -> LoadFailed:
    kind = type(built).__name__
    what = f"{kind} of {', '.join(type(part).__name__ for part in built[:6])}" if is_a(built, tuple, list) else kind
    mend = "Write a function that returns the model alone"
    if built is None:
        what, mend = "None", "The function has no return, or one without a value: return the model"
    elif inspect.iscoroutine(built):
        built.close()
        mend = "An async function cannot be called here: write a plain one"
    elif held_modules(built):
        mend = f"What it returned holds Modules in {', '.join(held_modules(built)[:4])}: return one of them"
    source = place(offer.file, offer.candidate.line)
    return refuse("construct", "NotAModule", f"{call} returned {what}, not an nn.Module", mend=mend, source=source)


def _check_initialized(model: nn.Module) -> None:
    """A Module whose nn.Module.__init__ never ran has no places for its parts. Raises LoadFailed."""
    try:
        model._modules, model._parameters, model._buffers  # noqa: B018 - asking is the test
    except AttributeError:
        kind = type(model)
        code = getattr(vars(kind).get("__init__"), "__code__", None)
        source = place(code.co_filename, code.co_firstlineno) if code is not None else None
        message = f"{kind.__name__}.__init__ never called super().__init__()"
        raise refuse("construct", "NotInitialized", message, mend=how_to_initialize(kind), source=source) from None
