"""Where a model has a say in how it is loaded: what its own code makes of a file, tried on a copy without memory.

Hooks and overridden methods rename keys, drop some and make others. What they do is not known before they have done
it; so torch's own loading is repeated on a copy whose tensors are all on the meta device.
"""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _IncompatibleKeys
from torch.nn.parameter import is_lazy

from inspector.engine.checkpoint.contents import StateDict, Stored
from inspector.engine.checkpoint.matching import Match
from inspector.engine.checkpoint.slots import Slots
from inspector.engine.examination import tables_of
from inspector.engine.failure import message_of, sendable
from inspector.engine.kinds import is_a

_TORCHS = ("torch.nn.modules.", "torch._dynamo.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model's own loading made of a file."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    errors: tuple[str, ...]
    """What it says of shapes and the like, in its own words."""

    @property
    def loads(self) -> bool:
        """Whether strict loading goes through."""
        return not (self.missing or self.unexpected or self.errors)


def who_has_a_say(slots: Slots) -> tuple[str, ...]:
    """The modules whose loading is not torch's own, with what they have: `encoder (a hook)`."""
    return tuple(f"{path or 'the model'} ({how})" for path, module in slots.modules.items() if (how := _how(module)))


def _how(module: nn.Module) -> str:
    cls, attributes = type(module), vars(module)
    if not str(getattr(cls._load_from_state_dict, "__module__", "")).startswith(_TORCHS):
        return f"{cls.__name__}._load_from_state_dict"
    before = [hook for hook in (attributes.get("_load_state_dict_pre_hooks") or {}).values() if not _is_lazys(hook)]
    return "a hook" if before or attributes.get("_load_state_dict_post_hooks") else ""


def _is_lazys(hook: Any) -> bool:
    """Whether it is the one with which lazy layers take the sizes of a file, which is allowed for anyway."""
    return getattr(getattr(hook, "hook", hook), "__name__", "") == "_lazy_load_hook"


def ask(model: nn.Module, state: StateDict) -> Answer | str:
    """Load the names and shapes of a file into a copy; or why that cannot be. The model's own code runs in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of copying to the meta device, which is the point
            return _load(_copied(model), state)
    except Exception as error:
        return sendable(f"{type(error).__name__}: {message_of(error).strip()}".split("\n")[0][:300])


def _copied(model: nn.Module) -> nn.Module:
    """A copy of the modules with tensors of their own that hold no memory."""
    memo: dict[int, Any] = {}
    for module in nn.Module.modules(model):
        parameters, buffers, _ = tables_of(module)
        # What torch's older weight_norm keeps as a plain attribute is no leaf, which deepcopy would refuse.
        for tensor in (*parameters.values(), *buffers.values(), *vars(module).values()):
            if is_a(tensor, Tensor) and id(tensor) not in memo:
                memo[id(tensor)] = _without_memory(tensor)
    return copy.deepcopy(model, memo)


def _without_memory(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        kind: Any = type(tensor)
        return kind(requires_grad=tensor.requires_grad, device="meta", dtype=tensor.dtype)  # type: ignore[no-any-return]
    empty = torch.empty_like(tensor.detach(), device="meta")
    return nn.Parameter(empty, requires_grad=tensor.requires_grad) if is_a(tensor, nn.Parameter) else empty


def _load(model: nn.Module, state: StateDict) -> Answer:
    """What `nn.Module.load_state_dict` does, with its three lists kept apart."""
    entries: OrderedDict[str, Any] = OrderedDict((key, _tensor(entry)) for key, entry in state.entries.items())
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []

    def load(module: nn.Module, held: OrderedDict[str, Any], prefix: str) -> None:
        about = (state.versions or {}).get(prefix[:-1])
        versions = copy.deepcopy(dict(about)) if isinstance(about, Mapping) else {}
        module._load_from_state_dict(held, prefix, versions, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                before = f"{prefix}{name}."
                below = OrderedDict((key, value) for key, value in held.items() if key.startswith(before))
                load(child, below, before)
        for hook in module._load_state_dict_post_hooks.values():
            hook(module, _IncompatibleKeys(missing, unexpected))

    load(model, entries, "")
    return Answer(tuple(missing), tuple(unexpected), tuple(map(sendable, errors)))


def _tensor(entry: Stored) -> object:
    """Something of the same shape; of what is no tensor something that is none."""
    if entry.shape is None:
        return entry.what
    return torch.empty(entry.shape, dtype=getattr(torch, entry.dtype), device="meta")


def corrected(model: nn.Module, state: StateDict, wanted: Slots, found: Match) -> tuple[Match, tuple[str, ...]]:
    """What names alone tell; where modules have a say in their loading what comes of that, and notes that say so."""
    notes: list[str] = []
    if type(model).load_state_dict is not nn.Module.load_state_dict:
        notes.append(f"{type(model).__name__} has a load_state_dict of its own: what is told is what torch's would do")
    if having := who_has_a_say(wanted):
        more = f" and {len(having) - 1:,} more" if len(having) > 1 else ""
        answer = ask(model, state)
        if isinstance(answer, str):
            notes.append(f"loaded by code of their own: {having[0]}{more}; it could not be tried ({answer})")
        else:
            notes.append(f"loaded by code of their own: {having[0]}{more}; tried on a copy without memory")
            notes += [f"that code says: {text}" for text in answer.errors if not found.misfits]
            found = _with(answer, wanted, found)
    return found, tuple(notes)


def _with(answer: Answer, wanted: Slots, found: Match) -> Match:
    """A match corrected by what the model's own loading says."""
    if answer.loads:
        return Match(fitting=tuple(wanted.by_key), passed_over=found.passed_over)
    paired = {key: held for each in found.renamed for held, key in each.pairs}
    missing = tuple(wanted.by_key[key] for key in answer.missing if key in wanted.by_key and key not in paired)
    without = {*paired, *(slot.key for slot in missing), *(misfit.slot.key for misfit in found.misfits)}
    return replace(
        found,
        fitting=tuple(key for key in wanted.by_key if key not in without),
        missing=missing,
        unexpected=tuple(key for key in answer.unexpected if key not in paired.values()),
        refused=bool(answer.errors) and not found.misfits,
        excused=(),
    )
