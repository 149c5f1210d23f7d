"""What one module is in itself, its children apart: class, extra_repr, mode, tensors, hooks, ghosts, wrappers.

A model of a quarter of a million rows has few different modules. Everything that is equal is described once and shared
(`Own`, `Body`), and the way to an existing description is a dictionary look-up by what is cheap to read. Reading goes
through `vars(module)`: torch's own `__getattr__`, properties and the user's overrides stay out of it.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine.classes import Classes, written_class
from inspector.engine.derived import Made, made_by_hooks, original_of, parametrized_names
from inspector.engine.forms import EVAL, PLAIN, TRAIN, Form, Forms
from inspector.engine.hooks import hook_names, hooks_of
from inspector.engine.kinds import truth
from inspector.engine.unregistered import Ghost, Ghosts
from inspector.engine.wrappers import Wrappers, compiled_in_place
from inspector.wire import encodable

STANDARD = tuple(vars(nn.Module()))
"""The attributes of every module, in the order in which its constructor sets them."""
_PARAMETERS, _BUFFERS, _MODULES, _TRAINING = map(STANDARD.index, ("_parameters", "_buffers", "_modules", "training"))
_OTHERS = [index for index in range(len(STANDARD)) if index not in (_PARAMETERS, _BUFFERS, _MODULES, _TRAINING)]
_others: Any = itemgetter(*_OTHERS)
"""Hooks and the like: all empty or None in a module on which nobody registered anything."""
_OWN_FROM = len(STANDARD)

_SIMPLE = frozenset((int, bool, float, str, tuple, type(None), torch.dtype, torch.device, torch.Size))
"""Values that can be looked up by equality without running anybody's code."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
LONGEST_REPR = 10_000
Table = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Body:
    """The tensors of one module, by name and form; the same for all modules that have the same."""

    names: tuple[str, ...]
    forms: tuple[Form, ...]
    parameters: int
    """How many of them are parameters; the buffers come after."""
    elements: int = 0
    trainable: int = 0
    buffers: int = 0
    held: int = 0
    lazy: int = 0
    bits: int = 0
    signature: int = 0

    def __post_init__(self) -> None:
        own, rest = self.forms[: self.parameters], self.forms[self.parameters :]
        self.elements = sum(form.elements for form in own)
        self.trainable = sum(form.elements for form in own if form.requires_grad)
        self.buffers = sum(form.elements for form in rest)
        self.held = sum(form.bytes for form in self.forms)
        self.lazy = sum(form.lazy for form in self.forms)
        for form in own:
            self.bits |= form.parameter_bits
        for form in rest:
            self.bits |= form.buffer_bits
        self.signature = hash((self.parameters, *self.names, *(form.signature for form in self.forms)))


@dataclass(slots=True, eq=False)
class Special:
    """What only few modules have."""

    transient: frozenset[str] = frozenset()
    """Buffers that are not in state_dict."""
    hooks: tuple[str, ...] = ()
    wraps: str = ""
    note: str = ""
    ghosts: tuple[Ghost, ...] = ()
    aliases: tuple[tuple[str, Tensor], ...] = ()
    """Plain attributes that hold a registered buffer, or a container with one, and that buffer."""
    made: tuple[Made, ...] = ()
    """Made from the module's own tensors, by hooks."""
    parametrized: tuple[str, ...] = ()
    """Names of the tensors that its child `parametrizations` makes."""


NOTHING_SPECIAL = Special()


@dataclass(slots=True)
class Repeated:
    """A storage that several tensors use, or one tensor at several places."""

    bytes: int
    ordinals: list[int]
    """Positions of these tensors among all tensors, first to last."""


@dataclass(slots=True, eq=False)
class Own:
    """One module in itself; shared by all modules of which the same is to be said."""

    type: int
    text: str
    """What extra_repr() said."""
    training: bool
    body: Body
    special: Special
    signature: int
    """Of the module without its children."""
    bits: int
    chunk: Any = field(default=None, repr=False)
    """Its rows, kept here by the builder of the outline."""


class Examiner:
    """Describes modules one by one; remembers every description."""

    def __init__(self, forms: Forms, classes: Classes, ghosts: Ghosts) -> None:
        self.forms = forms
        self.classes = classes
        self.ghosts = ghosts
        self.wrappers = Wrappers()
        self.tensors: list[Tensor] = []
        """Every tensor at every place it is registered, in the order of rows."""
        self.storages: dict[Hashable, int] = {}
        """First tensor of each storage."""
        self.repeated: dict[Hashable, Repeated] = {}
        """The storages that several tensors use."""
        self.storage_bytes: dict[int, int] = {}
        """Memory of a tensor's storage, where it is not what its form says."""
        self._layouts: dict[tuple[str, ...], bool] = {}
        self._bodies: dict[Hashable, Body] = {}
        self._by_attributes: dict[Hashable, Own] = {}
        self._by_text: dict[Hashable, Own] = {}
        self._repr_is_torchs: dict[type, bool] = {}
        self._inside_compiled: set[int] = set()
        """Identities of TorchScript modules that are part of another."""

    def examine(self, module: nn.Module) -> tuple[Own, Mapping[str, nn.Module | None]]:
        """What a module is, and its children. Its tensors are added to those of the model."""
        attributes = module.__dict__
        keys = tuple(attributes)
        standard = self._layouts.get(keys)
        if standard is None:
            standard = self._layouts[keys] = keys[:_OWN_FROM] == STANDARD
        if not standard:
            return self._irregular(module, attributes)
        values = tuple(attributes.values())
        parameters, buffers = values[_PARAMETERS], values[_BUFFERS]
        body = self._body(parameters, buffers) if parameters or buffers else EMPTY
        own = values[_OWN_FROM:]
        if any(_others(values)) or not _SIMPLE.issuperset(map(type, own)) or type(values[_TRAINING]) is not bool:
            return self._describe(module, attributes, body, values[_MODULES]), values[_MODULES]
        key = (module.__class__, body, values[_TRAINING], own)
        try:
            return self._by_attributes[key], values[_MODULES]
        except (KeyError, TypeError):
            pass
        description = self._describe(module, attributes, body, values[_MODULES])
        if description.special is NOTHING_SPECIAL and self._has_torchs_repr(module.__class__):
            try:
                self._by_attributes[key] = description
            except TypeError:  # a tuple with something unhashable in it
                pass
        return description, values[_MODULES]

    def _body(self, parameters: Mapping[str, Any], buffers: Mapping[str, Any]) -> Body:
        known, storages, tensors = self.forms.known, self.storages, self.tensors
        forms: list[Form | None] = []
        tensor: Any
        for tensor in (*parameters.values(), *buffers.values()) if buffers else parameters.values():
            if tensor.__class__ in PLAIN:
                try:
                    form = known.get((tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad, tensor.layout))
                except RuntimeError:  # a nested tensor
                    form = None
                if form is None or not form.plain:
                    form = self._unusual(tensor)
                else:
                    storage = tensor.untyped_storage()
                    identity = storage._cdata
                    if identity in storages:
                        self._repeat(identity, storage.nbytes())
                    else:
                        storages[identity] = len(tensors)
                    if storage.nbytes() != form.bytes:
                        self.storage_bytes[len(tensors)] = storage.nbytes()
                    tensors.append(tensor)
            else:
                form = None if tensor is None else self._unusual(tensor)
            forms.append(form)
        key = (*parameters, None, *buffers, *forms) if buffers else (*parameters, *forms)
        body = self._bodies.get(key)
        if body is None:
            body = self._bodies[key] = _body_of(parameters, buffers, forms)
        return body

    def _unusual(self, tensor: Tensor) -> Form:
        """The form of a tensor that is met the first time, or whose memory is not simply one storage."""
        form, memory = self.forms.describe(tensor)
        ordinal = len(self.tensors)
        for identity, size in memory.items():
            if identity in self.storages:
                self._repeat(identity, size)
            else:
                self.storages[identity] = ordinal
        if sum(memory.values()) != form.bytes:
            self.storage_bytes[ordinal] = sum(memory.values())
        self.tensors.append(tensor)
        return form

    def _repeat(self, identity: Hashable, size: int) -> None:
        repeated = self.repeated.setdefault(identity, Repeated(size, [self.storages[identity]]))
        repeated.ordinals.append(len(self.tensors))

    def _irregular(self, module: nn.Module, attributes: dict[str, Any]) -> tuple[Own, Mapping[str, nn.Module | None]]:
        """A module whose attributes are not those that nn.Module's constructor sets: TorchScript, compiled, old."""
        parameters, buffers, children = tables_of(module)
        if isinstance(module, torch.jit.ScriptModule):
            self._inside_compiled.update(map(id, children.values()))
        body = self._body(parameters, buffers)
        return self._describe(module, attributes, body, children), children

    def _describe(
        self,
        module: nn.Module,
        attributes: dict[str, Any],
        body: Body,
        children: Mapping[str, nn.Module | None],
    ) -> Own:
        special = self._special(module, attributes, children)
        text = self._extra_repr(module)
        training = mode_of(module, attributes)
        type_index = self.classes.index_of(module)
        key = (type_index, text, training, body)
        if special is NOTHING_SPECIAL and key in self._by_text:
            return self._by_text[key]
        qualified = self.classes.records[type_index].qualified
        shown = _ADDRESS.sub("0x", text) if "0x" in text else text
        facts: tuple[object, ...] = (qualified, shown, training, body.signature)
        if special is not NOTHING_SPECIAL:
            facts = (*facts, *_facts(special, attributes))
        own = Own(type_index, text, training, body, special, hash(facts), body.bits | (TRAIN if training else EVAL))
        if special is NOTHING_SPECIAL:
            self._by_text[key] = own
        return own

    def _special(
        self, module: nn.Module, attributes: dict[str, Any], children: Mapping[str, nn.Module | None]
    ) -> Special:
        special = Special(
            transient=frozenset(attributes.get("_non_persistent_buffers_set") or ()),
            hooks=hooks_of(attributes),
            wraps="" if id(module) in self._inside_compiled else self.wrappers.wraps(module),
            note=_note(module, attributes),
            made=tuple(made_by_hooks(module, attributes, self.forms)) if attributes.get("_forward_pre_hooks") else (),
            parametrized=parametrized_names(children) if "parametrizations" in children else (),
        )
        special.ghosts = tuple(self._ghosts(module, attributes, special.made))
        special.aliases = self.ghosts.take_aliases()
        return special if any(getattr(special, name) for name in Special.__slots__) else NOTHING_SPECIAL

    def _ghosts(self, module: nn.Module, attributes: dict[str, Any], made: tuple[Made, ...]) -> list[Ghost]:
        """Unregistered things, those apart that belong to torch's own way of keeping a tensor it makes."""
        kept = {"_flat_weights"} if isinstance(module, nn.RNNBase) else set(self.wrappers.keeps(type(module)))
        kept.update(each.name for each in made)
        own = [item for item in tuple(attributes.items()) if item[0] not in _STANDARD_NAMES and item[0] not in kept]
        held = self.ghosts.held_by_class(type(module))
        if not held:
            return self.ghosts.among(own)
        taken = {*attributes, *(name for table in tables_of(module) for name in table)}
        shared = [item for item in held if item[0] not in taken]
        return self.ghosts.among(own) + self.ghosts.among(shared, "class attribute")

    def _extra_repr(self, module: nn.Module) -> str:
        written = getattr(type(module), "extra_repr", nn.Module.extra_repr)
        if written is nn.Module.extra_repr and "extra_repr" not in module.__dict__:
            return ""
        try:
            with torch._C._EnableTorchFunction():  # the user's code, as it always runs
                text = self._stand_in(module).extra_repr()
        except (Exception, SystemExit) as error:
            return f"extra_repr raised {type(error).__name__}"
        if not isinstance(text, str):
            return f"extra_repr returned {type(text).__name__}"  # type: ignore[unreachable]
        return encodable(text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…")

    def _stand_in(self, module: nn.Module) -> nn.Module:
        """The module; of a parametrized one a shell of the class as written, whose made tensors are its originals.

        Many an extra_repr asks for `self.bias`, which would compute the parametrization.
        """
        names = parametrized_names(module._modules) if "parametrizations" in module._modules else ()
        if not names:
            return module
        shell: nn.Module = object.__new__(written_class(type(module)))
        originals = {name: original_of(module, name) for name in names}
        vars(shell).update(vars(module), _parameters={**module._parameters, **originals})
        return shell

    def _has_torchs_repr(self, cls: type) -> bool:
        """Whether extra_repr is one of torch.nn's own: a function of the attributes alone, so once is enough."""
        answer = self._repr_is_torchs.get(cls)
        if answer is None:
            module = str(getattr(getattr(cls, "extra_repr", None), "__module__", ""))
            answer = self._repr_is_torchs[cls] = module.startswith("torch.nn.modules.")
        return answer and not self.wrappers.is_one(cls)


EMPTY = Body((), (), 0)
_STANDARD_NAMES = frozenset(STANDARD)


def _body_of(parameters: Mapping[str, Any], buffers: Mapping[str, Any], forms: list[Form | None]) -> Body:
    named = list(zip((*parameters, *buffers), forms, strict=True))
    count = sum(form is not None for form in forms[: len(parameters)])
    return Body(
        names=tuple(str(name) for name, form in named if form is not None),
        forms=tuple(form for _, form in named if form is not None),
        parameters=count,
    )


def tables_of(module: nn.Module) -> tuple[Table, Table, Table]:
    """Parameters, buffers and children of any module, also of one whose attributes are not the usual ones."""
    if isinstance(module, torch.jit.ScriptModule):
        return (
            _told(lambda: dict(module.named_parameters(recurse=False))),
            _told(lambda: dict(module.named_buffers(recurse=False))),
            _told(lambda: dict(module._modules.items())),
        )
    attributes = vars(module)
    return attributes.get("_parameters") or {}, attributes.get("_buffers") or {}, attributes.get("_modules") or {}


def _told(read: Any) -> Any:
    """What a compiled module tells of itself; nothing, when its constructor never ran."""
    try:
        return read()
    except Exception:
        return {}


def mode_of(module: nn.Module, attributes: Table) -> bool:
    """Whether a module is in training mode, as an `if` in its forward would take the flag."""
    return truth(attributes["training"] if "training" in attributes else _told(lambda: module.training))


def _mode_note(attributes: dict[str, Any]) -> str:
    """What must be said of a training flag that is no bool: 0 and 1 serve, other things may surprise."""
    flag = attributes.get("training", True)
    if type(flag) in (bool, int):
        return ""
    told = "None" if flag is None else f"a {type(flag).__name__}"
    return f"its training flag is {told}, neither True nor False"


def _note(module: nn.Module, attributes: dict[str, Any]) -> str:
    notes = []
    if "_modules" not in attributes and not isinstance(module, torch.jit.ScriptModule):
        notes.append("super().__init__() was never called: modules() raises")
    if type(module).__hash__ is None:
        notes.append("its class has __eq__ without __hash__: modules() and parameters() raise")
    if compiled_in_place(attributes):
        notes.append("compiled in place")
    if any(base.__name__ == "FSDPModule" for base in type(module).__mro__):
        notes.append("sharded by fully_shard")
    if note := _mode_note(attributes):
        notes.append(note)
    if isinstance(module, torch.jit.ScriptModule) and _is_frozen(module):
        notes.append("frozen by TorchScript: its weights are constants of its code, and not counted")
    if any(type(value) is torch.ScriptObject for value in tuple(attributes.values())):
        notes.append("its weights are packed in a ScriptObject: no parameters, and not counted")
    return "; ".join(notes)


def _is_frozen(module: nn.Module) -> bool:
    """Whether torch.jit.freeze made it: that takes the training flag away, as everything that became a constant."""
    return _told(lambda: hasattr(module, "training")) is False


def _facts(special: Special, attributes: dict[str, Any]) -> tuple[object, ...]:
    """What is special, as strings and numbers that are the same in another process."""
    return (
        *sorted(special.transient),
        *hook_names(attributes),
        special.wraps,
        special.note,
        *(ghost.signature() for ghost in special.ghosts),
        *(f"{made.name} {made.how}" for made in special.made),
        *special.parametrized,
    )
