"""Values as source text of a few words, whatever their classes do when asked for theirs."""

from __future__ import annotations

import enum
import reprlib
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from inspector.engine.failure import sendable
from inspector.engine.kinds import home

LONGEST = 80
_FEW = 12
"""Entries that a container may have to count as plain."""
_SCALARS = (bool, int, float, complex, str, bytes, enum.Enum, torch.dtype, torch.device, torch.Size, torch.layout)
_CALLABLES = (type, FunctionType, BuiltinFunctionType)
_NAMED = (*_CALLABLES, enum.Enum, ModuleType, Tensor, nn.Module)
"""What is not written out but named, also where it stands in a container."""


class _Short(reprlib.Repr):
    """Representations with bounds; of what raises, and of what has only an address to tell, the class."""

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, _NAMED):
            return _named(x)
        name = type(x).__name__
        if getattr(type(x), "__repr__", None) is object.__repr__:
            return f"<{name}>"
        try:
            return " ".join(repr(x).split())
        except Exception as error:
            return f"<{name}: __repr__ raised {type(error).__name__}>"


_short = _Short()
_short.maxstring = _short.maxlong = LONGEST
_short.maxtuple = _short.maxlist = _short.maxset = _short.maxfrozenset = _short.maxdict = 8
_short.maxlevel = 3


def spelled(value: Any) -> str:
    """A value in at most LONGEST characters: as source where it is short, else as what kind of thing it is."""
    try:
        text = _named(value) if isinstance(value, _NAMED) else _short.repr(value)
    except Exception as error:  # a container that is not what its class says
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    return sendable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")


def is_plain(value: Any, depth: int = 2) -> bool:
    """Whether a value is a number, a text, a name of something, or a few of these together."""
    kind = type(value)
    if value is None or issubclass(kind, (*_SCALARS, *_CALLABLES)):
        return True
    if kind in (tuple, list, set, frozenset, dict) and len(value) <= _FEW and depth:
        entries = [*value, *value.values()] if kind is dict else [*value]
        return all(is_plain(entry, depth - 1) for entry in entries)
    return False


def _named(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, _CALLABLES):
        return f"{home(value)}.{value.__qualname__}".removeprefix("builtins.").removeprefix(".")
    if isinstance(value, ModuleType):
        return value.__name__
    return _tensor(value) if isinstance(value, Tensor) else type(value).__name__


def _tensor(tensor: Tensor) -> str:
    """`Tensor 64×3`: a kind and a shape, and no values."""
    with torch._C.DisableTorchFunctionSubclass():
        name = type(tensor).__name__
        if is_lazy(tensor):
            return f"{name} of unknown shape"
        if tensor.is_nested:
            return f"{name}, nested"
        return f"{name} {'×'.join(map(str, tensor.shape)) or 'scalar'}"
