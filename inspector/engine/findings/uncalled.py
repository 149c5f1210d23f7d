"""NN302: a module with parameters that this forward did not call, and whose weights nobody used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from inspector.engine.class_text import assignment, is_users
from inspector.engine.failure import sendable
from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.source_files import attributes
from inspector.figures import count
from inspector.run_schema import CallKind
from inspector.schema import Source

_LIST_LENGTH = 3
"""From how many parts of one list on they are told in one sentence."""


class _Part(NamedTuple):
    """A module that was not called, and what holds it."""

    module: nn.Module
    path: str
    holder: nn.Module
    name: str


class Uncalled(RunRule):
    id = "NN302"
    modes = ("eval", "train")
    of_dry_runs = True

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        if scene.stopped:
            return
        called = {id(call.module) for call in scene.calls if call.kind == CallKind.MODULE}
        opaque = {id(call.module) for call in scene.calls if any("not visible" in note for note in call.notes)}
        alive = called | {id(module) for module in nn.Module.modules(scene.model) if scene.row_of(module) in scene.used}
        idle = list(self._idle(scene, scene.model, "", alive, opaque, set()))
        for group in _grouped(idle):
            yield self._noticed(scene, group)

    def _idle(
        self, scene: RunScene, module: nn.Module, path: str, alive: set[int], opaque: set[int], met: set[int]
    ) -> Iterator[_Part]:
        """The topmost parts in whose subtree nothing was called or used."""
        for name, child in (attributes(module).get("_modules") or {}).items():
            if not isinstance(child, nn.Module) or id(child) in met:
                continue
            met.add(id(child))
            below = f"{path}.{name}" if path else name
            if id(child) in opaque:
                continue
            if any(id(part) in alive for part in nn.Module.modules(child)):
                if not isinstance(child, nn.ModuleDict):  # A choice: what was not chosen is no news.
                    yield from self._idle(scene, child, below, alive, opaque, met)
            elif scene.row_of(child) is not None and _elements(child) and not _fused_away(module, alive):
                yield _Part(child, below, module, name)

    def _noticed(self, scene: RunScene, group: list[_Part]) -> Noticed:
        first = group[0]
        elements = sum(_elements(part.module) for part in group)
        mode = f" in {scene.mode} mode" if scene.mode in ("eval", "train") else ""
        if len(group) == 1:
            message = f"{first.path} was not called in this forward{mode} ({count(elements)} parameters)"
        else:
            of = len(attributes(first.holder).get("_modules") or {})
            message = (
                f"{first.path} … {group[-1].name}: {len(group)} of {of} parts were not called in this forward{mode} "
                f"({count(elements)} parameters)"
            )
        return Noticed(scene.row_of(first.module), sendable(message), source=place_of(scene.model, first.path))


def _grouped(parts: list[_Part]) -> Iterator[list[_Part]]:
    """Parts of one list together, where they are many."""
    groups: dict[tuple[int, type], list[_Part]] = {}
    for part in parts:
        groups.setdefault((id(part.holder), type(part.module)), []).append(part)
    for group in groups.values():
        if len(group) >= _LIST_LENGTH and isinstance(group[0].holder, nn.ModuleList | nn.Sequential):
            yield group
        else:
            yield from ([part] for part in group)


def _elements(module: nn.Module) -> int:
    """Parameter elements; of a lazy one that has no size yet, one."""
    return sum(1 if is_lazy(each) else each.numel() for each in nn.Module.parameters(module))


def _fused_away(holder: nn.Module, alive: set[int]) -> bool:
    """Whether torch's own forward of the holder uses its parts without calling them, as MultiheadAttention does."""
    return id(holder) in alive and isinstance(holder, nn.MultiheadAttention | torch.jit.ScriptModule)


def place_of(model: nn.Module, path: str) -> Source | None:
    """The line on which a class of the user's assigned a part, or what the part stands in."""
    found, module = None, model
    for name in path.split("."):
        if is_users(type(module)) and (line := assignment(type(module), name)) is not None:
            found = line
        below = (attributes(module).get("_modules") or {}).get(name)
        if not isinstance(below, nn.Module):
            break
        module = below
    return found
