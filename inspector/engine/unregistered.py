"""What a module holds without registering it: modules, parameters and tensors in plain attributes.

`modules()`, `parameters()`, `.to()`, optimizers and checkpoints do not see these. Only `vars(module)` is looked at, so
no property and no descriptor of the user runs; containers are read through the methods of their builtin classes.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from types import MemberDescriptorType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from inspector.engine.forms import Form, Forms, Memory
from inspector.engine.kinds import home

Holds = Literal["module", "parameter", "tensor"]

DEPTH = 4
"""Containers within containers that are looked into."""
LOOKED_AT = 10_000
"""Entries of one container that are looked at."""
SHOWN = 200
"""Entries of one container that become rows."""

_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_HOLDERS = (nn.Module, Tensor, *_CONTAINERS)


@dataclass(slots=True, eq=False)
class Ghost:
    """Something unregistered, or a container with something unregistered in it."""

    name: str
    type: str
    container: str
    holds: Holds
    thing: nn.Module | Tensor | None
    sizes: dict[int, int]
    """Elements of each of its parameters (of a tensor: its own), by the tensor's identity: each counts once."""
    memory: Memory
    form: Form | None = None
    note: str = ""
    below: list[Ghost] = field(default_factory=list)

    @property
    def elements(self) -> int:
        """Elements of the parameters that nobody trains, moves or saves because of it; of a tensor, its own."""
        return sum(self.sizes.values())

    @property
    def bytes(self) -> int:
        """Memory of its tensors, each storage once."""
        return sum(self.memory.values())

    def signature(self) -> tuple[object, ...]:
        """What makes two ghosts equal in structure."""
        return (self.name, self.type, self.container, self.elements, *(ghost.signature() for ghost in self.below))


class Ghosts:
    """Looks for ghosts in the attributes of the modules of one model."""

    def __init__(self, forms: Forms, registered: Callable[[], set[int]]) -> None:
        self._forms = forms
        self._registered = registered
        """Identities of everything that is registered anywhere in the model; costs a walk the first time."""
        self._may_hold: dict[type, bool] = {}
        self.tensors: list[Ghost] = []
        """The tensors among the ghosts that were found."""
        self._held_by_class: dict[type, tuple[tuple[str, Any], ...]] = {}
        self._met: list[Tensor] = []
        self._aliases: list[tuple[str, Tensor]] = []

    def may_hold(self, cls: type) -> bool:
        """Whether a value of this class can be, or contain, a module or a tensor."""
        answer = self._may_hold.get(cls)
        if answer is None:
            answer = self._may_hold[cls] = issubclass(cls, _HOLDERS) or dataclasses.is_dataclass(cls)
        return answer

    def held_by_class(self, cls: type) -> tuple[tuple[str, Any], ...]:
        """What may hold a module or a tensor among the attributes of a class and of its bases, torch's own apart."""
        held = self._held_by_class.get(cls)
        if held is None:
            bases = [base for base in reversed(cls.__mro__) if issubclass(base, nn.Module) and not _is_torchs(base)]
            named = {name: value for base in bases for name, value in vars(base).items() if not name.startswith("__")}
            held = self._held_by_class[cls] = tuple(item for item in named.items() if self.may_hold(type(item[1])))
        return held

    def among(self, attributes: Iterable[tuple[str, Any]], container: str = "attribute") -> list[Ghost]:
        """The ghosts among some plain attributes of a module."""
        found = []
        for name, value in attributes:
            if self.may_hold(type(value)):
                ghost = self._look(str(name), value, container, ())
                found += [ghost] if ghost is not None else []
                if self._met:
                    self._aliases.append((str(name), self._met[0]))
                    self._met.clear()
        return found

    def take_aliases(self) -> tuple[tuple[str, Tensor], ...]:
        """The attributes met since this was asked last that hold a registered buffer besides, each with one."""
        taken = tuple(self._aliases)
        self._aliases.clear()
        return taken

    def _look(self, name: str, value: Any, container: str, around: tuple[int, ...]) -> Ghost | None:
        if isinstance(value, nn.Module):
            return None if id(value) in self._registered() else self._module(name, value, container)
        if isinstance(value, Tensor):
            if id(value) in self._registered():
                self._met += [] if isinstance(value, nn.Parameter) else [value]
                return None
            return None if _is_part_of_flat(value) else self._tensor(name, value, container)
        if len(around) >= DEPTH or id(value) in around:
            return None
        return self._container(name, value, container, (*around, id(value)))

    def _module(self, name: str, module: nn.Module, container: str) -> Ghost:
        ghost = Ghost(name, type(module).__name__, container, "module", module, {}, {})
        lazy = 0
        for is_parameter, tensor in _tensors_below(module, self._registered()):
            form, memory = self._forms.describe(tensor)
            ghost.memory |= memory
            lazy += form.lazy
            if is_parameter:
                ghost.sizes[id(tensor)] = form.elements
        ghost.note = f"and {lazy} not initialised yet" if lazy else ""
        return ghost

    def _tensor(self, name: str, tensor: Tensor, container: str) -> Ghost:
        form, memory = self._forms.describe(tensor)
        holds: Holds = "parameter" if isinstance(tensor, nn.Parameter) else "tensor"
        sizes = {id(tensor): form.elements}
        ghost = Ghost(name, type(tensor).__name__, container, holds, tensor, sizes, memory, form, form.note)
        self.tensors.append(ghost)
        return ghost

    def _container(self, name: str, value: Any, container: str, around: tuple[int, ...]) -> Ghost | None:
        entries = _entries(value)
        if not any(map(self.may_hold, set(map(type, entries.values())))):
            return None
        kind = _container_name(value)
        below = [
            ghost
            for entry, inner in islice(zip(entries.names(), entries.values(), strict=False), LOOKED_AT)
            if self.may_hold(type(inner)) and (ghost := self._look(entry, inner, kind, around)) is not None
        ]
        if not below:
            return None
        where = kind if container == "attribute" else container
        least = "at least " if entries.count > LOOKED_AT else ""
        whole = Ghost(name, f"{kind} of {least}{len(below)} {_what(below)}", where, _holds(below), None, {}, {})
        for ghost in below:
            whole.sizes |= ghost.sizes
            whole.memory |= ghost.memory
        whole.note, whole.below = _cut(len(below), entries.count), below[:SHOWN]
        return whole


def _holds(ghosts: list[Ghost]) -> Holds:
    held = {ghost.holds for ghost in ghosts}
    return "module" if "module" in held else "parameter" if "parameter" in held else "tensor"


def _what(ghosts: list[Ghost]) -> str:
    types = {ghost.type.partition(" of ")[0] for ghost in ghosts}
    if len(types) == 1:
        return types.pop()
    held = {ghost.holds for ghost in ghosts}
    return "modules" if held == {"module"} else "tensors" if "module" not in held else "modules and tensors"


def _cut(found: int, length: int) -> str:
    notes = []
    if length > LOOKED_AT:
        notes.append(f"looked at the first {LOOKED_AT:,} of {length:,} entries")
    if found > SHOWN:
        notes.append(f"the first {SHOWN} of {found:,} are shown")
    return "; ".join(notes)


def _container_name(value: Any) -> str:
    if isinstance(value, tuple) and hasattr(type(value), "_fields"):
        return f"namedtuple {type(value).__name__}"
    cls = next((cls for cls in _CONTAINERS if isinstance(value, cls)), None)
    return cls.__name__ if cls is not None else f"dataclass {type(value).__name__}"


@dataclass(slots=True)
class _Entries:
    """How the entries of a container are named, what they are, and how many there are."""

    names: Callable[[], Iterable[str]]
    values: Callable[[], Iterable[Any]]
    count: int


def _entries(value: Any) -> _Entries:
    if isinstance(value, tuple) and hasattr(type(value), "_fields"):
        fields = [f".{each}" for each in getattr(type(value), "_fields")]  # noqa: B009
        return _Entries(lambda: fields, lambda: tuple.__iter__(value), len(fields))
    if isinstance(value, dict):
        return _Entries(lambda: map(_key, dict.keys(value)), lambda: dict.values(value), dict.__len__(value))
    base: Any = next((cls for cls in _CONTAINERS if isinstance(value, cls)), None)
    if base is None:
        held = _fields(value)
        return _Entries(lambda: [f".{name}" for name in held], lambda: held.values(), len(held))
    count = base.__len__(value)
    return _Entries(lambda: (f"[{index}]" for index in range(count)), lambda: base.__iter__(value), count)


def _fields(value: Any) -> dict[str, Any]:
    """What an instance of a dataclass holds in its own dictionary, or in slots; properties are not read."""
    try:
        return dict(vars(value))
    except TypeError:
        pass
    held = {}
    for each in dataclasses.fields(value):
        slot = getattr(type(value), each.name, None)
        if isinstance(slot, MemberDescriptorType):
            try:
                held[each.name] = slot.__get__(value)
            except AttributeError:  # declared, and never set
                continue
    return held


def _key(key: object) -> str:
    """A dictionary's key as it would be typed; the repr of an object of the user's own is not called."""
    if type(key) in (str, int, float, bool, bytes, type(None)):
        return f"[{key!r}]"
    return f"[<{type(key).__name__}>]"


def _is_torchs(cls: type) -> bool:
    return home(cls).startswith("torch.")


def _is_part_of_flat(tensor: Tensor) -> bool:
    """Whether it is a part of one of FSDP's flat parameters, set where the layer looks for its weight."""
    with torch._C.DisableTorchFunctionSubclass():
        return getattr(getattr(tensor, "_base", None), "_is_flat_param", False) is True


def _tensors_below(module: nn.Module, registered: set[int]) -> Iterator[tuple[bool, Tensor]]:
    """Parameters (True) and buffers (False) of a module and those below it that are registered nowhere in the model."""
    seen = {id(module)}
    stack = [module]
    while stack:
        attributes = vars(stack.pop())
        for is_parameter, table in ((True, "_parameters"), (False, "_buffers")):
            for tensor in tuple((attributes.get(table) or {}).values()):
                if tensor is not None and id(tensor) not in registered and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield is_parameter, tensor
        for child in tuple((attributes.get("_modules") or {}).values()):
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                stack.append(child)


def registered_identities(model: nn.Module) -> set[int]:
    """Identities of every module, parameter and buffer that is registered anywhere in the model."""
    found = {id(model)}
    stack = [model]
    while stack:
        attributes = vars(stack.pop())
        for table in ("_parameters", "_buffers"):
            found.update(map(id, (attributes.get(table) or {}).values()))
        for child in tuple((attributes.get("_modules") or {}).values()):
            if child is not None and id(child) not in found:
                found.add(id(child))
                stack.append(child)
    return found
