"""How a thing that holds others is read and written, by its class, without running any code of the user's.

Builtin containers are read and written through the methods of the builtin class, whatever a subclass makes of them;
attributes through the instance's own dictionary and the descriptors of its slots. Only a dictionary or a set that is
put back may ask its keys for their hash.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, UserDict, UserList, deque
from collections.abc import Callable, Iterable
from operator import is_, itemgetter
from types import MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from torch import Tensor, nn

from inspector.engine import contents
from inspector.engine.hooks import HOOK_TABLES
from inspector.engine.source_files import attributes

State = tuple[Any, ...]
"""What a thing held, flat."""

_ABSENT = object()
_PASSAGES = frozenset({"_parameters", "_buffers", "_modules"})
"""Attributes that a path leaves out."""
_FOREIGN = sys.stdlib_module_names | {"torch", "functorch", "torchgen", "triton", "numpy", "inspector"}
"""Packages whose objects are not looked into: what is in them is no state of a model."""
_PLAIN = (UserDict, UserList, SimpleNamespace)
"""Classes of the standard library that are looked into all the same."""


class Manner(NamedTuple):
    """One way in which a thing holds others."""

    read: Callable[[Any], State]
    write: Callable[[Any, State], object]
    below: Callable[[State], Iterable[tuple[str, Any]]]
    """What it held then, with the names it has in a path."""
    same: Callable[[State, State], bool]


_known: dict[type, tuple[Manner, ...]] = {}
_own: dict[type, list[type]] = {}


def manners_of(cls: type) -> tuple[Manner, ...]:
    """In what manners an object of this class holds others; none of one that holds nothing that matters."""
    found = _known.get(cls)
    if found is None:
        found = _known[cls] = _manners_of(cls)
    return found


def _manners_of(cls: type) -> tuple[Manner, ...]:
    if issubclass(cls, (type, ModuleType)):
        return ()
    found = [manner for base, manner in _CONTAINERS if issubclass(cls, base)][:1]
    if (content := contents.of(cls)) is not None:
        found.append(Manner(content.read, content.write, _nothing, _equal))
    elif not is_foreign(cls) or issubclass(cls, (nn.Module, Tensor, *_PLAIN)):
        if issubclass(cls, nn.Module):
            found.append(_MODULE)
        elif cls.__dictoffset__:
            found.append(_ATTRIBUTES)
        found += [_SLOTS] if _slots(cls) else []
    return tuple(found)


def is_foreign(cls: type) -> bool:
    """Whether a class is Python's, torch's or NumPy's."""
    name = type.__dict__["__module__"].__get__(cls)
    return isinstance(name, str) and name.partition(".")[0] in _FOREIGN


def own_classes(cls: type) -> list[type]:
    """A class and its bases, as far as they are the user's own or an installed package's."""
    found = _own.get(cls)
    if found is None:
        found = _own[cls] = _find_own_classes(cls)
    return found


def _find_own_classes(cls: type) -> list[type]:
    return [base for base in type.__dict__["__mro__"].__get__(cls) if not is_foreign(base)]


def identical(one: State, other: State) -> bool:
    """Whether the same objects stand in the same places."""
    return len(one) == len(other) and all(map(is_, one, other))


def _equal(one: State, other: State) -> bool:
    return one == other


def _nothing(state: State) -> Iterable[tuple[str, Any]]:
    return ()


def _keep(thing: Any, state: State) -> None:
    """What cannot change needs no writing."""


# --- dictionaries and attributes --------------------------------------------------------------------------------------


def _halves(state: State) -> tuple[State, State]:
    half = len(state) // 2
    return state[:half], state[half:]


def _read_dict(thing: dict[Any, Any]) -> State:
    return (*dict.keys(thing), *dict.values(thing))


def _read_ordered(thing: OrderedDict[Any, Any]) -> State:
    keys = tuple(OrderedDict.__iter__(thing))
    return (*keys, *(dict.__getitem__(thing, key) for key in keys))


def _write_dict(thing: dict[Any, Any], state: State) -> None:
    base = OrderedDict if isinstance(thing, OrderedDict) else dict
    keys, values = _halves(state)
    if not identical(keys, tuple(base.__iter__(thing))):
        base.clear(thing)
    for key, value in zip(keys, values, strict=True):
        base.__setitem__(thing, key, value)


def _below_dict(state: State) -> Iterable[tuple[str, Any]]:
    keys, values = _halves(state)
    return zip(map(_name, keys), values, strict=True)


def _name(key: object) -> str:
    if type(key) is str:
        return "" if key in _PASSAGES else key
    return str(key) if type(key) is int else f"<{type(key).__name__}>"


def _read_attributes(thing: Any) -> State:
    held = attributes(thing)
    return (type(thing), held, *held, *held.values())


def _write_attributes(thing: Any, state: State) -> None:
    cls, held, *rest = state
    if type(thing) is not cls:
        object.__setattr__(thing, "__class__", cls)
    if attributes(thing) is not held:
        object.__setattr__(thing, "__dict__", held)
    _write_dict(held, tuple(rest))


def _below_attributes(state: State) -> Iterable[tuple[str, Any]]:
    return _below_dict(state[2:])


# --- modules ----------------------------------------------------------------------------------------------------------

_REGISTRIES: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(
    "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"
)
_HOOKS: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(
    *(table for _, table in HOOK_TABLES),
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
)
_TABLES = frozenset({dict, OrderedDict, set})


def _tables(held: dict[str, Any]) -> tuple[Any, ...]:
    """The tables that every module has, those of hooks only where one of them holds any; () if they are not torch's
    own kind, as those of compiled modules."""
    try:
        hooks = _HOOKS(held)
        tables = _REGISTRIES(held)
    except KeyError:
        return ()
    if not _TABLES.issuperset(map(type, (*tables, *hooks))):
        return ()
    return (*tables, *hooks) if any(hooks) else tables


def _read_module(thing: nn.Module) -> State:
    """As one holder with its tables, because a large model has very many: attributes, tables, and what is in each."""
    attributes_now = _read_attributes(thing)
    tables = _tables(attributes_now[1])
    return (attributes_now, tables, tuple(map(_read_table, tables)))


def _read_table(table: Any) -> State:
    return tuple(sorted(table, key=id)) if type(table) is set else (*table, *table.values())


def _same_module(before: State, now: State) -> bool:
    return identical(before[0], now[0]) and identical(before[1], now[1]) and all(map(identical, before[2], now[2]))


def _write_module(thing: nn.Module, state: State) -> None:
    before, tables, contents_before = state
    _write_attributes(thing, before)
    for hooks in _HOOKS(before[1]) if tables else ():
        if not any(hooks is table for table in tables):
            hooks.clear()
    for table, content in zip(tables, contents_before, strict=True):
        if type(table) is set:
            _write_set(table, content)
        else:
            _write_dict(table, content)


def _below_module(state: State) -> Iterable[tuple[str, Any]]:
    before, tables, contents_before = state
    inside = {id(table) for table in tables} | {id(table) for table in (_HOOKS(before[1]) if tables else ())}
    yield from (pair for pair in _below_attributes(before) if id(pair[1]) not in inside)
    for table, content in zip(tables, contents_before, strict=True):
        if type(table) is not set:
            yield from _below_dict(content)


# --- slots ------------------------------------------------------------------------------------------------------------


def _slots(cls: type) -> tuple[Any, ...]:
    """The slots that the user's own classes give an object."""
    members = (member for base in own_classes(cls) for member in vars(base).values())
    return tuple(member for member in members if type(member) is MemberDescriptorType)


def _read_slot(slot: Any, thing: Any) -> Any:
    try:
        return slot.__get__(thing)
    except AttributeError:
        return _ABSENT


def _read_slots(thing: Any) -> State:
    slots = _slots(type(thing))
    return (*slots, *(_read_slot(slot, thing) for slot in slots))


def _write_slots(thing: Any, state: State) -> None:
    for slot, value in zip(*_halves(state), strict=True):
        if value is not _ABSENT:
            slot.__set__(thing, value)
        elif _read_slot(slot, thing) is not _ABSENT:
            slot.__delete__(thing)


def _below_slots(state: State) -> Iterable[tuple[str, Any]]:
    return ((slot.__name__, value) for slot, value in zip(*_halves(state), strict=True))


# --- the attributes of classes ----------------------------------------------------------------------------------------


def _class_attributes(cls: type) -> dict[str, Any]:
    """Those that have a name of the user's: what Python itself keeps there is its own business."""
    return {name: value for name, value in vars(cls).items() if not name.startswith("__") and name != "_abc_impl"}


def _read_class(cls: type) -> State:
    """In the order of names: Python gives an attribute that is set anew no place of its own choice."""
    held = _class_attributes(cls)
    names = sorted(held)
    return (*names, *(held[name] for name in names))


def _same_class(before: State, now: State) -> bool:
    (names, values), (names_now, values_now) = _halves(before), _halves(now)
    return names == names_now and identical(values, values_now)


def _write_class(cls: type, state: State) -> None:
    before, now = dict(zip(*_halves(state), strict=True)), _class_attributes(cls)
    for name in now.keys() - before.keys():
        type.__delattr__(cls, name)
    for name, value in before.items():
        if now.get(name, _ABSENT) is not value:
            type.__setattr__(cls, name, value)


# --- other containers -------------------------------------------------------------------------------------------------


def _below_sequence(state: State) -> Iterable[tuple[str, Any]]:
    return ((str(place), value) for place, value in enumerate(state))


def _write_list(thing: list[Any], state: State) -> None:
    list.__setitem__(thing, slice(None), state)


def _write_deque(thing: deque[Any], state: State) -> None:
    deque.clear(thing)
    deque.extend(thing, state)


def _read_set(thing: set[Any]) -> State:
    """In an order that does not depend on how it came about."""
    return tuple(sorted(set.__iter__(thing), key=id))


def _write_set(thing: set[Any], state: State) -> None:
    set.clear(thing)
    set.update(thing, state)


_ATTRIBUTES = Manner(_read_attributes, _write_attributes, _below_attributes, identical)
_MODULE = Manner(_read_module, _write_module, _below_module, _same_module)
_SLOTS = Manner(_read_slots, _write_slots, _below_slots, identical)
CLASS = Manner(_read_class, _write_class, _below_dict, _same_class)

_CONTAINERS: tuple[tuple[type, Manner], ...] = (
    (OrderedDict, Manner(_read_ordered, _write_dict, _below_dict, identical)),
    (dict, Manner(_read_dict, _write_dict, _below_dict, identical)),
    (list, Manner(lambda thing: tuple(list.__iter__(thing)), _write_list, _below_sequence, identical)),
    (tuple, Manner(lambda thing: tuple(tuple.__iter__(thing)), _keep, _below_sequence, identical)),
    (deque, Manner(lambda thing: tuple(deque.__iter__(thing)), _write_deque, _below_sequence, identical)),
    (set, Manner(_read_set, _write_set, _below_sequence, identical)),
    (frozenset, Manner(lambda thing: tuple(frozenset.__iter__(thing)), _keep, _below_sequence, identical)),
)
