"""What a dry run may leave outside of the model: fake tensors in caches, in globals and in attributes of classes.

A function that remembers its results, or a module that keeps a mask for the next time, would hand a tensor without
values to the next real run. What is looked at is what belongs to the model's code: the modules (in Python's sense) that
its classes come from, the user's own, and the classes in them, and of their functions also what those close over. The
model's own attributes are the guard's business.
"""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes, is_library, module_file

_Cached = type(functools.lru_cache(lambda: None))
_ABSENT = object()
_DEEPEST = 4
_CLOSEST = 3
"""How many functions within functions are looked at."""
LEFT = "something keeps tensors of the dry run, which have no values: load the model again before a real run"


class Surroundings:
    """What surrounds a model, as it is found."""

    def __init__(self, model: nn.Module) -> None:
        owners = list(_owners(model))
        self._attributes = [(owner, dict(_held(owner))) for owner in owners]
        kept = {id(thing): thing for _, found in self._attributes for value in found.values() for thing in _kept(value)}
        self._containers = [(thing, thing.copy()) for thing in kept.values() if type(thing) is not _Cached]
        self._caches = [thing for thing in kept.values() if type(thing) is _Cached]
        self._misses = [_Cached.cache_info(cache).misses for cache in self._caches]

    def clean(self) -> None:
        """Take out what is fake and was not there before."""
        for number, cache in enumerate(self._caches):
            if _Cached.cache_info(cache).misses != self._misses[number]:
                _Cached.cache_clear(cache)
                self._misses[number] = 0
        for owner, before in self._attributes:
            for name, value in list(_held(owner).items()):
                if _is_fake(value) and value is not (old := before.get(name, _ABSENT)) and not _is_fake(old):
                    type.__delattr__(owner, name) if is_a(owner, type) else _held(owner).pop(name)
                    if old is not _ABSENT:
                        type.__setattr__(owner, name, old) if is_a(owner, type) else _held(owner).update({name: old})
        for container, before_ in self._containers:
            if _is_fake(container):
                container.clear()
                container.extend(before_) if type(container) is list else container.update(before_)


def _owners(model: nn.Module) -> Iterator[Any]:
    """Modules of Python and classes whose attributes belong to the model's code."""
    classes = {cls for module in nn.Module.modules(model) for cls in type(module).__mro__}
    homes = {type(module).__module__ for module in nn.Module.modules(model)}
    yield from (cls for cls in classes if cls is not object and not _is_torch(cls.__module__))
    for name, module in list(sys.modules.items()):
        if _is_torch(name):
            continue
        file = module_file(module)
        if name in homes or (file and not is_library(file)):
            yield module
            yield from (value for value in _held(module).values() if is_a(value, type) and value.__module__ == name)


def _is_torch(name: str) -> bool:
    return name == "torch" or name.startswith("torch.")


def _held(owner: Any) -> Any:
    """The attributes of a module of Python, to be written to, or of a class."""
    return type.__dict__["__dict__"].__get__(owner) if is_a(owner, type) else attributes(owner)


def _kept(value: Any, depth: int = 0) -> Iterator[Any]:
    """Functions that remember their results, and containers: the value itself, or what a function keeps."""
    if is_a(value, staticmethod, classmethod):
        value = value.__func__
    elif is_a(value, property):
        value = value.fget
    if type(value) in (_Cached, dict, list, set):
        yield value
    elif is_a(value, FunctionType) and depth < _CLOSEST:
        for part in _parts(value):
            yield from _kept(part, depth + 1)


def _parts(function: FunctionType) -> Iterator[Any]:
    """What a function wraps, closes over, and has for its defaults."""
    yield attributes(function).get("__wrapped__")
    yield from function.__defaults__ or ()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # It is empty.
            continue


def _is_fake(value: Any, depth: int = 0) -> bool:
    """Whether a fake tensor is in it."""
    kind = type(value)
    if kind is FakeTensor:
        return True
    if depth == _DEEPEST or kind not in (dict, list, tuple, set):
        return False
    parts = value.values() if kind is dict else value
    return any(_is_fake(part, depth + 1) for part in list(parts))


# --- what is kept elsewhere -------------------------------------------------------------------------------------------


def forget_everywhere(mode: FakeTensorMode) -> bool:
    """Whether, after a run that came to its end, nobody keeps a tensor of its mode. To find who does takes a while, and
    is done only when somebody does: functions and containers of any module forget such a tensor then."""
    if not _alive(mode):
        return True
    gc.collect()
    if not _alive(mode):
        return True
    for module in list(sys.modules.values()):
        for value in list(_values(module)):
            for thing in _kept(value):
                _clear(thing)
    gc.collect()
    return not _alive(mode)


def _clear(kept: Any) -> None:
    """Let it forget what is fake; a function cannot forget one result alone."""
    if type(kept) is _Cached:
        if any(map(_is_fake, gc.get_referents(kept))):
            _Cached.cache_clear(kept)
    elif type(kept) is dict:
        for key in [key for key, value in kept.items() if _is_fake(value) or _is_fake(key)]:
            del kept[key]
    elif any(map(_is_fake, kept)):
        real = [value for value in kept if not _is_fake(value)]
        kept.clear()
        kept.extend(real) if type(kept) is list else kept.update(real)


def _values(module: Any) -> Iterator[Any]:
    """The attributes of a module of Python and of its classes."""
    name = getattr(module, "__name__", "")
    for value in list(attributes(module).values()):
        yield value
        if is_a(value, type) and type.__dict__["__dict__"].__get__(value).get("__module__") == name:
            yield from list(_held(value).values())


def _alive(mode: FakeTensorMode) -> bool:
    return any(type(thing) is FakeTensor and thing.fake_mode is mode for thing in gc.get_objects())
