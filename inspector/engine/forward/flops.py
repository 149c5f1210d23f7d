"""Counts the FLOPs of the operations of a run, and what it could not count.

Every operation that reaches torch's dispatcher is looked at, so attention, matrix products and recurrences count also
where no module stands for them. An operation without a formula is told by its name: nothing unknown counts as nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import torch
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils.flop_counter import flop_registry

from inspector.engine.forward.flop_formulas import FORMULAS, FREE, NESTED_TOO, Formula, dense

_SILENT_NAMESPACES = frozenset({"prim", "profiler", "debugprims"})
"""Questions and marks, no work."""
_SUFFIXES = ("_copy", "_scatter")


class Cost(Enum):
    """What is known of an operation that has no formula."""

    NOTHING = "nothing"
    """By convention."""
    PARTS = "parts"
    """That of the operations that it is composed of."""
    UNKNOWN = "unknown"


class Flops:
    """The FLOPs of one run."""

    def __init__(self, credit: Callable[[int], None]) -> None:
        self.total = 0
        self.uncounted: Counter[str] = Counter()
        self._credit = credit
        """Gets what each operation adds, while it is fresh: the call that is open pays."""

    def see(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """An operation has run."""
        cost = cost_of(function)
        if cost is Cost.NOTHING:
            return
        if isinstance(cost, Cost) or not (_base(function) in NESTED_TOO or dense(*args)):
            self.uncounted[_name(function)] += 1
            return
        try:
            flops = int(cost(*args, out=out, **kwargs))
        except Exception:  # A formula may be the user's: then nobody has counted the operation, which is told.
            self.uncounted[_name(function)] += 1
            return
        self.total += flops
        self._credit(flops)


def cost_of(function: Any) -> Formula | Cost:
    """What an operation of torch's dispatcher costs."""
    known = _costs.get(function)
    if known is None:
        known = _costs[function] = _find(function)
    return known


_costs: dict[Any, Formula | Cost] = {}


def _find(function: Any) -> Formula | Cost:
    aten = getattr(function, "namespace", "") == "aten"
    base = _base(function)
    if base.startswith("sym_"):  # A question.
        return Cost.NOTHING
    if aten and base in FORMULAS:
        return FORMULAS[base]
    for key in (getattr(function, "overloadpacket", function), function):  # torch 2.4 keeps the user's own by overload.
        if (registered := flop_registry.get(key)) is not None:
            return _torchs(registered)
    if not isinstance(function, OpOverload):
        return Cost.UNKNOWN
    if function.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd):
        return Cost.PARTS
    free = function.namespace in _SILENT_NAMESPACES or (function.namespace in ("aten", "prims") and _is_free(function))
    return Cost.NOTHING if free else Cost.UNKNOWN


def _torchs(formula: Callable[..., int]) -> Formula:
    """A formula from torch's registry, which wants the result under another name."""
    return lambda *args, out, **kwargs: formula(*args, **kwargs, out_val=out)


def _is_free(function: OpOverload) -> bool:
    base = _base(function)
    return base in FREE or base.startswith("_foreach_") or any(map(_is_light, _relatives(function, base)))


def _is_light(overload: OpOverload) -> bool:
    return torch.Tag.pointwise in overload.tags or overload.is_view


def _relatives(function: OpOverload, base: str) -> Iterator[OpOverload]:
    """The operation and its other forms: `add_` is tagged no more than `add`, and `slice_copy` is no view itself."""
    yield function
    namespace = getattr(torch.ops, function.namespace)
    for name in {base, *(base.removesuffix(suffix) for suffix in _SUFFIXES)} - {""}:
        packet = getattr(namespace, name, None)
        if isinstance(packet, OpOverloadPacket):
            yield from (getattr(packet, overload) for overload in packet.overloads())  # type: ignore[no-untyped-call]


def _base(function: Any) -> str:
    """The name of an operation without namespace and overload, and without the mark of one that works in place."""
    name = str(getattr(function, "overloadpacket", function).__name__)
    return name if name.startswith("__") else name.rstrip("_")


def _name(function: Any) -> str:
    """`aten._fft_r2c`, `mylib.rotate`"""
    namespace = getattr(function, "namespace", "")
    name = getattr(function, "overloadpacket", function).__name__
    return f"{namespace}.{name}" if namespace else str(name)
