"""What a dry run may leave outside of the model: fake tensors in caches, in globals and in attributes of classes.

A function that remembers its results, or a module that keeps a mask for the next time, would hand a tensor without
values to the next real run. What is looked at is what belongs to the model's code: the modules (in Python's sense) that
its classes come from, the user's own, and the classes in them. The model's own attributes are the guard's business.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes, is_library, module_file

_Cached = type(functools.lru_cache(lambda: None))
_ABSENT = object()
_DEEPEST = 4


class Surroundings:
    """What surrounds a model, as it is found."""

    def __init__(self, model: nn.Module) -> None:
        owners = list(_owners(model))
        self._attributes = [(owner, dict(_held(owner))) for owner in owners]
        values = [value for _, found in self._attributes for value in found.values()]
        self._containers = [(value, value.copy()) for value in values if type(value) in (dict, list, set)]
        caches = {id(cache): cache for value in values if (cache := _cache_in(value)) is not None}
        self._caches = list(caches.values())
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
    homes = {type(module).__module__ for module in nn.Module.modules(model)}
    for name, module in list(sys.modules.items()):
        if name == "torch" or name.startswith("torch."):
            continue
        file = module_file(module)
        if name in homes or (file and not is_library(file)):
            yield module
            yield from (value for value in _held(module).values() if is_a(value, type) and value.__module__ == name)


def _held(owner: Any) -> Any:
    """The attributes of a module of Python, to be written to, or of a class."""
    return type.__dict__["__dict__"].__get__(owner) if is_a(owner, type) else attributes(owner)


def _cache_in(value: Any) -> Any:
    """A function that remembers its results, also below what makes a method static or a class's."""
    if is_a(value, staticmethod, classmethod):
        value = value.__func__
    if is_a(value, FunctionType):
        value = attributes(value).get("__wrapped__")
    return value if is_a(value, _Cached) else None


def _is_fake(value: Any, depth: int = 0) -> bool:
    """Whether a fake tensor is in it."""
    kind = type(value)
    if kind is FakeTensor:
        return True
    if depth == _DEEPEST or kind not in (dict, list, tuple, set):
        return False
    parts = value.values() if kind is dict else value
    return any(_is_fake(part, depth + 1) for part in list(parts))
