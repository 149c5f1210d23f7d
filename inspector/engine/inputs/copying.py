"""A copy of a model to try inputs on: every module anew, every tensor without memory, nothing of the user's touched.

A try may write caches, count batches, or initialise lazy layers: it does so in the copy. The copy's tensors live on
the meta device and take no memory, whatever the size of the model. A small model may be copied with its values, for
forwards that look at values to decide what to do.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from inspector.engine.hooks import HOOK_TABLES
from inspector.engine.kinds import home

_META = torch.device("meta")


class CopyFailed(Exception):  # noqa: N818 - news is told in the past tense here
    """The user's objects do not let themselves be copied."""


def copy_of(model: nn.Module, with_values: bool) -> nn.Module:
    """The model's structure in evaluation mode. Raises CopyFailed."""
    try:
        with _copying_tensors(_valued if with_values else _hollow), _copying_layers(model):
            copied = copy.deepcopy(model)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise CopyFailed(f"{type(model).__name__} cannot be copied ({type(error).__name__})") from None
    if copied is model:
        raise CopyFailed(f"{type(model).__name__} cannot be copied")
    for module in copied.modules():
        _settle(module)
    return copied


class AsMade:
    """What a copy's modules held when it was made, to be put back after each try: a window that shrank with one input
    would be wrong for the next. What lies deeper than in an attribute, and in a container there, is left."""

    def __init__(self, copied: nn.Module) -> None:
        users = [module for module in copied.modules() if not _is_torchs(type(module))]  # The others stay as they are.
        self._held = [(vars(module), dict(vars(module))) for module in users]
        self._inside = [
            (value, value.copy())
            for _, held in self._held
            for value in held.values()
            if type(value) in (dict, list, set, OrderedDict)
        ]

    def put_back(self) -> None:
        """Let every module hold again what it held."""
        for container, before in self._inside:
            if len(container) != len(before) or not all(map(is_, _flat(container), _flat(before))):
                container.clear()
                container.extend(before) if type(container) is list else container.update(before)
        for now, before in self._held:
            if len(now) != len(before) or not all(map(is_, _flat(now), _flat(before))):
                now.clear()
                now.update(before)


def _flat(container: Any) -> list[Any]:
    return [*container, *container.values()] if isinstance(container, dict) else list(container)


def _settle(module: nn.Module) -> None:
    """Evaluation mode, without the user's hooks, which may write to what they know of outside the copy."""
    attributes = vars(module)
    if "training" in attributes:
        attributes["training"] = False
    for _, table in HOOK_TABLES:
        for key, hook in list((attributes.get(table) or {}).items()):
            if not (home(type(hook)).startswith("torch.") or home(hook).startswith("torch.")):
                del attributes[table][key]


def _hollow(tensor: Tensor) -> Tensor:
    """The same tensor without memory."""
    if is_lazy(tensor):
        return _lazy(tensor, _META)
    plain = type(tensor) in _KINDS and tensor.layout is torch.strided and not tensor.is_nested
    if plain and not tensor.is_quantized:  # The other goes through Python for the meta device.
        hollow = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_META)
    else:
        hollow = torch.empty_like(tensor.detach(), device=_META)
    return nn.Parameter(hollow, requires_grad=False) if isinstance(tensor, nn.Parameter) else hollow


def _valued(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        return _lazy(tensor, tensor.data.device)
    copied = tensor.detach().clone()
    return nn.Parameter(copied, requires_grad=False) if isinstance(tensor, nn.Parameter) else copied


def _lazy(tensor: Tensor, device: torch.device) -> Tensor:
    kind: Any = type(tensor)
    made: Tensor = kind(requires_grad=False, device=device)
    return made


def _copied_generator(generator: torch.Generator, memo: dict[int, Any]) -> torch.Generator:
    copied = torch.Generator(device=generator.device)
    copied.set_state(generator.get_state())
    return copied


@contextmanager
def _copying_layers(model: nn.Module) -> Iterator[None]:
    """While it is entered, deepcopy takes torch's own layers for the plain objects that they are: it asks each of them
    twenty questions otherwise, and a model may have a hundred thousand."""
    copiers: dict[type, Any] = vars(copy)["_deepcopy_dispatch"]
    kinds = {type(module) for module in model.modules()}
    added = {kind for kind in kinds if _is_torchs(kind) and _is_plain(kind)} - copiers.keys()
    copiers.update(dict.fromkeys(added, _copied_layer))
    try:
        yield
    finally:
        for kind in added:
            del copiers[kind]


def _is_torchs(kind: type) -> bool:
    return kind.__module__.startswith("torch.nn.modules.")


def _is_plain(kind: Any) -> bool:
    """Whether nothing is done when it is copied but to copy its attributes."""
    special = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    return all(getattr(kind, name, None) is getattr(nn.Module, name, None) for name in special)


def _copied_layer(layer: nn.Module, memo: dict[int, Any]) -> nn.Module:
    copied: nn.Module = object.__new__(type(layer))
    memo[id(layer)] = copied
    held = vars(copied)
    for name, value in vars(layer).items():
        kind = type(value)
        if kind in _UNCHANGING:
            held[name] = value
        else:
            held[name] = copy.deepcopy(value, memo) if kind not in _TABLES or value else kind()
    return copied


_UNCHANGING = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device})
_TABLES = frozenset({dict, list, set, OrderedDict})


@contextmanager
def _copying_tensors(how: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """While it is entered, deepcopy makes of a tensor what `how` makes of it."""

    def deepcopy(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
        if id(tensor) not in memo:
            with torch.no_grad():
                memo[id(tensor)] = how(tensor)
        found: Tensor = memo[id(tensor)]
        return found

    before = [(kind, vars(kind)["__deepcopy__"]) for kind in _KINDS if "__deepcopy__" in vars(kind)]
    for kind, _ in before:
        kind.__deepcopy__ = deepcopy
    copiers: dict[type, Any] = vars(copy)["_deepcopy_dispatch"]
    known = torch.Generator in copiers
    copiers.setdefault(torch.Generator, _copied_generator)  # Its state is a tensor that must keep its values.
    try:
        yield
    finally:
        if not known:
            del copiers[torch.Generator]
        for kind, method in before:
            kind.__deepcopy__ = method


_KINDS: tuple[Any, ...] = (Tensor, nn.Parameter, UninitializedParameter, UninitializedBuffer)
