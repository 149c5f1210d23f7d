"""Holds the user's model to being left as it was found: remembers what must not change, compares, and puts back.

For reading a model, what is remembered of a tensor is its identity and its version counter, which every write in place
raises; so a model of a quarter of a million parts is remembered in half a second, without a copy of a value. A write
that goes around the counter (through `.data`, through NumPy, or a normalisation's own update of its running statistics)
is not seen by that. For running a model there is `values`: everything that can be reached from it is remembered with
its values (`model_state`), and can be put back.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine import global_state
from inspector.engine.failure import sendable
from inspector.engine.hooks import HOOK_TABLES
from inspector.engine.model_state import ModelState
from inspector.engine.storages import Copies

MOST_CHANGES = 100
"""Changes that are told one by one; of further ones only the number."""

_HOOKS = tuple(attribute for _, attribute in HOOK_TABLES)
_REGISTRIES = ("training", "_parameters", "_buffers", "_modules")
_read_attributes: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(*_REGISTRIES, *_HOOKS)

Names = tuple[Any, ...]
Layout = tuple[Names, ...]
"""Four of them: the names of a module's attributes, parameters, buffers and children."""
ModuleState = tuple[Any, Layout, tuple[Any, ...], tuple[Names, ...]]
"""Training flag; names; the parameters, buffers and children under them; the keys of its hooks, () when it has none.

Plain tuples, because a large model has very many.
"""
TensorState = tuple[int | None, int | None, bool | None, Tensor | None]
"""Version, address, requires_grad, gradient; None stands for what the tensor does not have."""


class Guard:
    """A snapshot of a model and of the process's settings, taken when it is made.

    guard = Guard(model, values=True)
    ...                                  # one pass, however it ends
    guard.restore()                      # everything is as it was
    ...                                  # another one
    proof, lost = guard.check()          # compares all that can be compared, and puts back what is left
    """

    def __init__(self, model: nn.Module, values: bool = False, copies: Copies | None = None) -> None:
        """With `values`, what it will find changed can be put back. `copies` is memory from an earlier guard, which
        must not be asked any more: to have it makes this one faster."""
        self._settings, self._random = global_state.settings(), global_state.random_states()
        self._modules: list[nn.Module] = []
        self._module_states: list[ModuleState] = []
        self._module_places: list[tuple[int, str]] = []
        """Where a module was met first: the index of the one that holds it, and its name there."""
        self._tensors: list[Tensor] = []
        self._tensor_owners: list[int] = []
        self._versions: list[int | None] = []
        self._addresses: list[int | None] = []
        self._trainable: list[bool | None] = []
        self._gradients: dict[int, tuple[Tensor, int | None]] = {}
        """Gradient and its version, of the tensors that have one."""
        self._layouts: dict[Layout, Layout] = {}
        with global_state.uncollected(), _unwarned(), torch._C.DisableTorchFunctionSubclass():
            self._remember(model)
        self._state: ModelState | None = None
        self._lost: dict[str, None] = {}
        """What could not be put back, in words, each once."""
        self._hidden_modes: list[tuple[nn.Module, Any]] = []
        """Modules whose training flag no attribute holds, with what it was: TorchScript keeps it elsewhere."""
        if values:
            states = zip(self._modules, self._module_states, strict=True)
            hidden = ((module, state[0]) for module, state in states if "training" not in vars(module))
            self._hidden_modes += ((module, training) for module, training in hidden if training is not None)
            with _undisturbed():
                self._state = ModelState(model, self._modules, self._tensors, copies or Copies())

    def restore(self) -> None:
        """Put everything back; cheap when little has changed. To be called while no code of the user's runs."""
        self._restore(thorough=False)

    def check(self) -> tuple[str, tuple[str, ...]]:
        """Say in one line whether everything is as it was, and tell each thing that is not.

        With `values` what is not is put back first; so that what is told is what could not be.
        """
        if self._state is not None:
            self._restore(thorough=True)
        with global_state.uncollected(), _unwarned(), torch._C.DisableTorchFunctionSubclass():
            changes = [*self._lost, *self._changed_modules()]
            if self._state is None:
                changes += self._changed_tensors()
        changes += global_state.changed_settings(self._settings, global_state.settings())
        changes += global_state.changed_random_states(self._random, global_state.random_states())
        what = self._compared()
        if not changes:
            return f"left as found: {what}", ()
        further = [f"and {len(changes) - MOST_CHANGES:,} more"] if len(changes) > MOST_CHANGES else []
        return f"not left as found: {len(changes):,} changes among {what}", (*changes[:MOST_CHANGES], *further)

    def restore_modes(self) -> None:
        """Give every module its own training flag back, however they are mixed."""
        for module, (training, *_) in zip(self._modules, self._module_states, strict=True):
            if _read(module, "training") is not training:
                module.training = training

    def _restore(self, thorough: bool) -> None:
        if self._state is not None:
            with _undisturbed():
                self._lost.update(dict.fromkeys(map(sendable, self._state.restore(thorough))))
            for module, training in self._hidden_modes:
                if _read(module, "training") is not training:
                    module.training = training
        global_state.put_back_settings(self._settings)
        global_state.put_back_random_states(self._random)

    def _compared(self) -> str:
        tensors, modules = f"{len(self._tensors):,} tensors", f"{len(self._modules):,} modes"
        if self._state is None:
            return f"{tensors}, {modules}, hooks, RNG"
        proofs = Counter(map(self._state.proof_of, self._tensors))
        by = [f"{count:,} by {proof}" for proof, count in sorted(proofs.items(), reverse=True)]
        tensors += f" ({', '.join(by)})" if len(by) > 1 else f" by {next(iter(proofs), 'value')}"
        return "; ".join((f"{tensors}, {modules}, attributes, hooks, RNG", *self._state.notes))

    # --- remembering ------------------------------------------------------------------------------------------------

    def _remember(self, model: nn.Module) -> None:
        seen = {id(model)}
        self._modules.append(model)
        self._module_places.append((0, ""))
        for index, module in enumerate(self._modules):  # which grows meanwhile
            state = _, layout, registered, _ = self._state_of(module)
            self._module_states.append(state)
            tensors = len(registered) - len(layout[3])
            for position, held in enumerate(registered):
                if held is None or id(held) in seen:
                    continue
                seen.add(id(held))
                if position < tensors:
                    self._remember_tensor(held, index)
                else:
                    self._modules.append(held)
                    self._module_places.append((index, layout[3][position - tensors]))

    def _remember_tensor(self, tensor: Tensor, owner: int) -> None:
        version, address, trainable, gradient = _tensor_state(tensor)
        if gradient is not None:
            self._gradients[len(self._tensors)] = gradient, _read(gradient, "_version")
        self._tensors.append(tensor)
        self._tensor_owners.append(owner)
        self._versions.append(version)
        self._addresses.append(address)
        self._trainable.append(trainable)

    def _state_of(self, module: nn.Module) -> ModuleState:
        attributes = vars(module)
        try:
            training, parameters, buffers, children, *hooks = _read_attributes(attributes)
        except KeyError:  # compiled modules keep them elsewhere, and one that skipped super().__init__() has none
            training, parameters, buffers, children = (_read(module, name) for name in _REGISTRIES)
            hooks = list(map(attributes.get, _HOOKS))
        names: list[Names] = [tuple(attributes)]
        registered: list[Any] = []
        for table in (parameters, buffers, children):
            names.append(tuple(table.keys()) if table else ())
            if table:
                registered += table.values()
        layout = tuple(names)
        keys = tuple(tuple(table or ()) for table in hooks) if any(hooks) else ()
        return training, self._layouts.setdefault(layout, layout), tuple(registered), keys

    def _path(self, index: int, name: str = "") -> str:
        """The dotted path of a module, or of what stands in it under a name; of the root, what to call it."""
        names = [name] if name else []
        while index:
            index, name = self._module_places[index]
            names.append(name)
        return ".".join(reversed(names)) or "the model itself"

    # --- comparing --------------------------------------------------------------------------------------------------

    def _changed_modules(self) -> Iterator[str]:
        for index, (module, before) in enumerate(zip(self._modules, self._module_states, strict=True)):
            now = self._state_of(module)
            if not _same(before, now):
                yield from (f"{self._path(index)}: {what}" for what in _changed_module(before, now))

    def _changed_tensors(self) -> Iterator[str]:
        remembered = zip(self._tensors, self._versions, self._addresses, self._trainable, strict=True)
        for index, (tensor, version, address, trainable) in enumerate(remembered):
            gradient, gradient_version = self._gradients.get(index, (None, None))
            now = _tensor_state(tensor)
            rewritten = gradient is not None and gradient is now[3] and _read(gradient, "_version") != gradient_version
            if rewritten or (version, address, trainable) != now[:3] or gradient is not now[3]:
                owner = self._tensor_owners[index]
                path = self._path(owner, _name_of(tensor, self._module_states[owner]))
                before = version, address, trainable, gradient
                yield from (f"{path}: {what}" for what in _changed_tensor(before, now, rewritten))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """With torch as it comes: no mode and no subclass of the user's has a say in what is done here."""
    with global_state.uncollected(), _unwarned(), torch._C.DisableTorchFunction(), torch.no_grad():
        yield


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without a word on stderr: a fake tensor warns when it is asked for its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _tensor_state(tensor: Tensor) -> TensorState:
    """Read by C getters; of a tensor that lacks one of them, as inference tensors lack the version, what it has."""
    try:
        return tensor._version, tensor.data_ptr(), tensor.requires_grad, tensor.grad if tensor.is_leaf else None
    except Exception:
        gradient = _read(tensor, "grad") if _read(tensor, "is_leaf") else None
        return _read(tensor, "_version"), _address(tensor), _read(tensor, "requires_grad"), gradient


def _read(holder: object, attribute: str) -> Any:
    try:
        return getattr(holder, attribute)
    except Exception:
        return None


def _address(tensor: Tensor) -> int | None:
    try:
        return tensor.data_ptr()
    except Exception:  # sparse, fake and the like
        return None


def _name_of(tensor: Tensor, state: ModuleState) -> str:
    _, (_, parameters, buffers, _), registered, _ = state
    return next(str(name) for name, held in zip((*parameters, *buffers), registered, strict=False) if held is tensor)


# --- words ------------------------------------------------------------------------------------------------------------


def _same(before: ModuleState, now: ModuleState) -> bool:
    same_mode_and_names = before[0] is now[0] and before[1] is now[1] and before[3] == now[3]
    return same_mode_and_names and all(map(_is, before[2], now[2]))


def _is(one: Any, other: Any) -> bool:
    return one is other


def _changed_module(before: ModuleState, now: ModuleState) -> Iterator[str]:
    if before[0] is not now[0]:
        yield f"training was {before[0]}, is {now[0]}"
    for kind, old, new in zip(("attribute", "parameter", "buffer", "module"), before[1], now[1], strict=True):
        yield from (f"{kind} {name} was added" for name in new if name not in old)
        yield from (f"{kind} {name} is gone" for name in old if name not in new)
    held = dict(zip((name for names in now[1][1:] for name in names), now[2], strict=True))
    for name, old in zip((name for names in before[1][1:] for name in names), before[2], strict=True):
        if name in held and held[name] is not old:
            yield f"{name} is another object now"
    for kind, old, new in zip(_HOOKS, before[3] or _NO_HOOKS, now[3] or _NO_HOOKS, strict=True):
        if old != new:
            yield f"{kind.lstrip('_')}: {len({*new} - {*old})} were added, {len({*old} - {*new})} are gone"


_NO_HOOKS: tuple[Names, ...] = ((),) * len(_HOOKS)


def _changed_tensor(before: TensorState, now: TensorState, gradient_rewritten: bool) -> Iterator[str]:
    if before[1] != now[1]:
        yield "its memory is another now"
    elif before[0] != now[0]:
        yield "was written to in place"
    if before[2] is not now[2]:
        yield f"requires_grad was {before[2]}, is {now[2]}"
    if gradient_rewritten:
        yield "its gradient was written to in place"
    elif before[3] is not now[3]:
        yield "its gradient is gone" if now[3] is None else "its gradient is new"
