"""What a model would load: every name that `load_state_dict` looks for, and every one that it passes over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from inspector.engine.checkpoint.contents import Stored, stored
from inspector.engine.examination import tables_of
from inspector.engine.kinds import is_a

EXTRA_STATE = "_extra_state"


@dataclass(frozen=True, slots=True)
class Slot:
    """One entry that a model loads."""

    key: str
    holder: str
    """Path of the module that it belongs to."""
    stored: Stored | None
    """None of a module's extra state, which may be anything."""
    same_as: str = ""
    """The first key of the same Parameter or buffer, where it stands under several."""
    optional: bool = False
    """Whether torch puts up with a file of an older version that does not have it."""

    @property
    def name(self) -> str:
        """Without the module's path."""
        return self.key[len(self.holder) + 1 :] if self.holder else self.key


@dataclass(frozen=True)
class Slots:
    """All of them."""

    by_key: dict[str, Slot] = field(default_factory=dict)
    modules: dict[str, nn.Module] = field(default_factory=dict)
    """Every module by every path under which it is loaded."""
    empty: set[str] = field(default_factory=set)
    """Paths at which None is registered in place of a module: torch looks at nothing below them."""

    def passes_over(self, key: str) -> bool:
        """Whether torch takes no notice of this key of a file, wanted or not."""
        return any(path in self.empty for path in _paths_above(key)) if self.empty else False

    def nearest(self, key: str) -> str:
        """The path of the innermost module that a key of a file would belong to."""
        return next((path for path in _paths_above(key) if path in self.modules), "")


def _paths_above(key: str) -> Iterator[str]:
    while "." in key:
        key = key.rpartition(".")[0]
        yield key


def of_model(model: nn.Module) -> Slots:
    """What a model would load. Nothing of the user's is called but what a class says of extra state."""
    found = Slots()
    _add(found, model, "", (), {})
    return found


def _add(found: Slots, module: nn.Module, path: str, above: tuple[int, ...], firsts: dict[int, str]) -> None:
    if id(module) in above:  # A module that is registered below itself has no end to its names.
        return
    found.modules[path] = module
    before = f"{path}." if path else ""
    parameters, buffers, children = tables_of(module)
    transient = vars(module).get("_non_persistent_buffers_set") or ()
    kept = {name: buffer for name, buffer in buffers.items() if name not in transient}
    for name, tensor in (*parameters.items(), *kept.items()):
        if is_a(tensor, Tensor):
            key = f"{before}{name}"
            first = firsts.setdefault(id(tensor), key)
            optional = name == "num_batches_tracked" and _puts_up_without(module)
            found.by_key[key] = Slot(key, path, stored(tensor), "" if first == key else first, optional)
    if _takes_extra_state(module):
        found.by_key[before + EXTRA_STATE] = Slot(before + EXTRA_STATE, path, None)
    for name, child in children.items():
        if child is None:
            found.empty.add(before + name)
        else:
            _add(found, child, before + name, (*above, id(module)), firsts)


def _puts_up_without(module: nn.Module) -> bool:
    """Whether it is one of torch's norms that made their counter only in their second version."""
    if not isinstance(module, _NormBase) or not module.track_running_stats:
        return False
    loader = type(module)._load_from_state_dict
    return str(getattr(loader, "__module__", "")).startswith("torch.nn.modules.")


def _takes_extra_state(module: nn.Module) -> bool:
    return getattr(type(module), "set_extra_state", None) is not nn.Module.set_extra_state


def fits(slot: Slot, held: Stored) -> bool:
    """Whether torch takes what a file holds for a slot: `Module._load_from_state_dict`, without the copying."""
    wanted = slot.stored
    if wanted is None:
        return True
    if not held.is_tensor or held.layout != wanted.layout:
        return False
    if wanted.shape is None or held.shape is None:
        return wanted.shape is None
    return held.shape == wanted.shape or (wanted.shape == () and held.shape == (1,))


def present(entries: Mapping[str, Stored], slots: Slots) -> dict[str, Slot]:
    """The slots for which a file has something of the same name."""
    return {key: slot for key, slot in slots.by_key.items() if key in entries}
