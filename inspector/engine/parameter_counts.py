"""The parameters of a model counted exactly, and what leads others to other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


class CyclicError(Exception):
    """A module is registered below itself; the message is its dotted path there."""


class Effort(NamedTuple):
    """What it takes to write a model as a table in which shared modules are written out at every place."""

    rows: int
    steps: int
    """As many as it takes to subtract from every module what all modules below it have, each found in the same way."""


@dataclass
class ParameterCounts:
    """Elements of the registered parameters and buffers, each tensor once."""

    parameters: int = 0
    trainable: int = 0
    buffers: int = 0
    lazy_names: list[str] = field(default_factory=list)
    tied: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Later places of parameters that stand in several modules: the first place, and the elements."""
    pruned: dict[str, int] = field(default_factory=dict)
    """Weights under a pruning mask: how many of their elements it hides."""

    @property
    def lazy(self) -> int:
        """Parameters without a size yet."""
        return len(self.lazy_names)

    def causes(self) -> Iterator[str]:
        """What in this model is counted otherwise by those who add up layers."""
        if self.tied:
            later, (first, _) = next(iter(self.tied.items()))
            elements = sum(elements for _, elements in self.tied.values())
            others = f" and {len(self.tied) - 1:,} more" if len(self.tied) > 1 else ""
            yield f"tied weights stand in several layers ({later} is {first}{others}): {elements:,} of them again"
        if any(self.pruned.values()):
            yield f"pruning masks hide {sum(self.pruned.values()):,} elements ({_first(self.pruned)}) that are there"


def counts_of(model: nn.Module) -> ParameterCounts:
    """Count the tensors of every module, each object once; the sizes of lazy ones are not known."""
    with torch._C.DisableTorchFunctionSubclass():
        return _counts_of(model)


def _counts_of(model: nn.Module) -> ParameterCounts:
    counts, first_places = ParameterCounts(), dict[int, tuple[str, nn.Module]]()
    for path, module in _modules(model):
        for name, parameter in _items(module, "_parameters"):
            place = f"{path}.{name}" if path else name
            first, holder = first_places.setdefault(id(parameter), (place, module))
            if first != place:
                if holder is not module:
                    counts.tied[place] = first, 0 if is_lazy(parameter) else parameter.numel()
                continue
            _count(counts, place, parameter)
            if (hidden := _hidden(module, name)) is not None:
                counts.pruned[place] = hidden
        for _, buffer in _items(module, "_buffers"):
            if id(buffer) not in first_places and not is_lazy(buffer):
                first_places[id(buffer)] = "", module
                counts.buffers += buffer.numel()
    return counts


def _count(counts: ParameterCounts, place: str, parameter: Tensor) -> None:
    if is_lazy(parameter):
        counts.lazy_names.append(place)
        return
    elements = parameter.numel()
    counts.parameters += elements
    counts.trainable += elements if parameter.requires_grad else 0


def _hidden(module: nn.Module, name: str) -> int | None:
    """How many elements torch.nn.utils.prune hides of the parameter that it calls `name_orig`."""
    mask = dict(_items(module, "_buffers")).get(f"{name.removesuffix('_orig')}_mask")
    if not name.endswith("_orig") or mask is None or mask.is_meta:
        return None
    elements: int = mask.numel()
    return elements - int(torch.count_nonzero(mask).item())


def effort_of(model: nn.Module) -> Effort:
    """Find how much work the table of a model is. Raises CyclicError for one that has no end."""
    rows: dict[int, int] = {}
    own_steps: dict[int, int] = {}
    steps: dict[int, int] = {}
    above: dict[int, str] = {}
    waiting: list[tuple[nn.Module, str, bool]] = [(model, "", False)]
    while waiting:
        module, path, left = waiting.pop()
        key = id(module)
        children = [(f"{path}.{name}" if path else name, child) for name, child in _items(module, "_modules")]
        if left:
            below = [id(child) for _, child in children]
            del above[key]
            rows[key] = 1 + sum(rows[child] for child in below)
            own_steps[key] = rows[key] + sum(steps[child] for child in below)
            steps[key] = own_steps[key] + sum(steps[child] for child in below)
        elif key not in rows:
            above[key] = path
            waiting.append((module, path, True))
            for child_path, child in children:
                if id(child) in above:
                    raise CyclicError(child_path)
                waiting.append((child, child_path, False))
    return Effort(rows[id(model)], steps[id(model)])


def _modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module once, the first places first, by the dictionaries that nn.Module keeps."""
    seen = {id(model)}
    found = [("", model)]
    for path, module in found:  # which grows meanwhile
        yield path, module
        for name, child in _items(module, "_modules"):
            if id(child) not in seen:
                seen.add(id(child))
                found.append((f"{path}.{name}" if path else name, child))


def _items(module: nn.Module, table: str) -> list[tuple[str, Any]]:
    entries = getattr(module, table, None)
    return [(name, value) for name, value in entries.items() if value is not None] if entries else []


def _first(names: dict[str, int]) -> str:
    return next(name for name, count in names.items() if count)
