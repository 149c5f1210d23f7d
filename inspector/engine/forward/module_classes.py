"""What a recorder must know of a module's class, found once for each: the names of forward's parameters, and whose
forward it is."""

from __future__ import annotations

from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import nn

from inspector.engine.kinds import home, is_a, unwrapped
from inspector.engine.source_files import attributes

_VARARGS = 0x04


class ModuleClass(NamedTuple):
    """How calls of a class of modules are to be recorded."""

    names: tuple[str, ...]
    """Of forward's positional parameters, without self."""
    rest: str
    """The name of *args; of a forward that nobody can read, `args`."""
    users: bool
    """Whether its forward was written by somebody else than torch."""
    compiled: bool = False
    """By torch.compile, which must find every module as it is without a recorder, unless it is held back."""
    note: str = ""


class ModuleClasses:
    """The classes met so far."""

    def __init__(self) -> None:
        self._known: dict[type, ModuleClass] = {}

    def of(self, module: nn.Module) -> ModuleClass:
        """What is known of a module's class, or of the module, where it has a forward of its own."""
        held = attributes(module)
        if "forward" in held or held.get("_compiled_call_impl") is not None:
            return _read(type(module), held)
        known = self._known.get(type(module))
        if known is None:
            known = self._known[type(module)] = _read(type(module), held)
        return known


def _read(cls: type[nn.Module], held: dict[str, Any]) -> ModuleClass:
    if issubclass(cls, torch.jit.ScriptModule):
        return ModuleClass((), "args", False, note="compiled by TorchScript: its inside is not visible")
    inner = (held.get("_modules") or {}).get("_orig_mod")
    if inner is not None and cls.__name__ == "OptimizedModule":
        return ModuleClass(*parameters_of(type(inner).forward), False, compiled=True)
    function = held.get("forward", cls.forward)
    compiled = held.get("_compiled_call_impl") is not None or hasattr(function, "_torchdynamo_orig_callable")
    users = "forward" in held or not home(function).startswith("torch.") or issubclass(cls, torch.fx.GraphModule)
    return ModuleClass(*parameters_of(function), users, compiled)


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody's code runs before or after its forward."""
    held = attributes(module)
    return bool(held.get("_forward_pre_hooks") or held.get("_forward_hooks"))


CLOSED = "compiled by torch.compile: its inside is not visible"


def parameters_of(function: Any) -> tuple[tuple[str, ...], str]:
    """The names of a method's positional parameters without self, and that of its *args."""
    plain = unwrapped(function)
    if not is_a(plain, FunctionType):
        return (), "args"
    code = plain.__code__
    named = code.co_varnames[: code.co_argcount]
    rest = "args"
    if code.co_flags & _VARARGS:
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
    return named[1:], rest
