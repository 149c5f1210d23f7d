"""NN301: NaN or Inf is born where finite inputs and weights give something that is not finite.

Every call whose output is not finite is kept with what it got. A birth is a call that got no NaN and gave some; or that
got no Inf and gave some, where that Inf is no mask: it reaches the end of the model, or becomes NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.run_schema import CallKind, Severity
from inspector.schema import TensorStats

_MASKERS = frozenset((
    "masked_fill", "masked_fill_", "full", "full_like", "new_full", "fill_", "fill", "[…] =", "where", "tensor",
    "triu", "tril", "pad", "index_fill", "index_fill_", "masked_scatter", "masked_scatter_", "as_tensor",
    "scalar_tensor", "fill_diagonal_", "scatter", "scatter_", "scatter_reduce", "index_put", "index_put_",
    "new_tensor", "copy_",
))  # fmt: skip
"""What writes an Inf that somebody has typed."""
_CLEARERS = frozenset(("nan_to_num", "nan_to_num_"))
_TESTS = frozenset(("isnan", "isfinite", "isinf", "ne", "!=", "==", "isposinf", "isneginf", "nonzero"))
"""What looks for NaN, and may be followed by what replaces it."""
_MOST = 5


class Count(NamedTuple):
    """Values of some tensors that are not finite."""

    nan: int = 0
    infinite: int = 0
    elements: int = 0

    def __add__(self, other: Count) -> Count:  # type: ignore[override]
        return Count(self.nan + other.nan, self.infinite + other.infinite, self.elements + other.elements)


class Broken(NamedTuple):
    """A call whose output is not finite."""

    given: Count
    made: Count
    weight: str
    """A weight of its own that explains it."""
    typed: bool
    """Whether the Inf is one that somebody wrote down."""
    made_by: tuple[int, ...]
    """Who made what it got that is not finite; -1 of what comes from outside."""


_WHOLE = Broken(Count(), Count(), "", False, ())


class BornValues(RunRule):
    id = "NN301"
    modes = ("eval", "train")

    def __init__(self) -> None:
        self._broken: dict[int, Broken] = {}
        self._ended: list[int] = []
        """The broken calls in the order in which they ended."""
        self._cleared: dict[int, bool] = {}
        """Calls that got NaN and gave none; and whether what they gave are no floating values."""

    def watch(self, returned: Returned) -> None:
        call = returned.call
        made = _made(call)
        if not made.nan and not made.infinite:
            if self._ended:
                self._watch_clearing(returned)
            return
        given, makers = Count(), []
        for tensor, met in returned.given:
            one = _count(returned.stats(tensor, met)) if tensor.is_floating_point() else Count()
            given += one
            if one.nan or one.infinite:
                makers.append(met.maker)
        weight = _weight(call) if not (given.nan if made.nan else given.infinite) else ""
        self._broken[call.index] = Broken(given, made, weight, _typed(returned), tuple(makers))
        self._ended.append(call.index)

    def _watch_clearing(self, returned: Returned) -> None:
        for tensor, met in returned.given:
            if tensor.is_floating_point() and met.stats is not None and met.stats.nan:
                kinds = [made.is_floating_point() for made in returned.outputs()]
                self._cleared[returned.call.index] = bool(kinds) and not any(kinds)
                return

    # --- afterwards -------------------------------------------------------------------------------------------------

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        end = self._broken.get(0)
        told: set[tuple[int, str]] = set()
        for index in [*self._births_of_nan(scene), *self._births_of_inf(scene, end)]:
            call = scene.calls[index]
            noticed = self._noticed(scene, call, end)
            key = call.row, str(noticed.source if noticed is not None else "")
            if noticed is not None and key not in told and len(told) < _MOST:
                told.add(key)
                yield noticed
        yield from self._brought_in(scene, end)

    def _births_of_nan(self, scene: RunScene) -> Iterator[int]:
        """Where NaN is born; where it was born of an Inf that nobody typed, where that was."""
        for index in self._innermost(scene, lambda one: bool(one.made.nan and not one.given.nan)):
            broken = self._broken[index]
            yield self._origin_of_inf(index) if broken.given.infinite else index

    def _births_of_inf(self, scene: RunScene, end: Broken | None) -> Iterator[int]:
        if end is None or end.made.nan or not end.made.infinite:
            return
        origins = {self._origin_of_inf(index) for index in self._feeding_the_end(scene)}
        for index in self._innermost(scene, lambda one: bool(one.made.infinite and not one.given.infinite)):
            if index in origins and not self._broken[index].typed:
                yield index

    def _innermost(self, scene: RunScene, wanted: Callable[[Broken], bool]) -> Iterator[int]:
        """The calls of a kind in the order in which they ended, without those around another broken call."""
        for index in self._ended:
            broken = self._broken[index]
            if not wanted(broken) or broken.weight:
                continue
            inner = [self._broken.get(call.index, _WHOLE).made for call in scene.inside(scene.calls[index])]
            if not any(one.nan if broken.made.nan else one.infinite for one in inner):
                yield index

    def _origin_of_inf(self, index: int) -> int:
        """Follow Inf back to the call that made it; the call itself where that is a mask, or came from outside."""
        seen, at = {index}, index
        while self._broken[at].given.infinite:
            made_by = [maker for maker in self._broken[at].made_by if maker in self._broken and maker not in seen]
            if not made_by:
                return index
            at = made_by[0]
            seen.add(at)
        return index if self._broken[at].typed or self._broken[at].weight else at

    def _feeding_the_end(self, scene: RunScene) -> Iterator[int]:
        for seen in scene.calls[0].outputs:
            if _count(seen.stats).infinite and seen.maker in self._broken:
                yield seen.maker

    # --- words ------------------------------------------------------------------------------------------------------

    def _noticed(self, scene: RunScene, call: Call, end: Broken | None) -> Noticed | None:
        broken = self._broken[call.index]
        nan = bool(broken.made.nan)
        what = "NaN" if nan else "Inf"
        survives = end is not None and bool(end.made.nan or (not nan and end.made.infinite))
        clearing = None if survives else self._clearing(scene, call)
        if clearing is not None and short(clearing) not in _CLEARERS and clearing.parent is call.parent:
            return None  # Made and replaced by one forward: a division that a where() guards.
        if clearing is None and not survives and not self._swallowed(scene, call):
            return None  # Nobody has used it.
        many = broken.made.nan if nan else broken.made.infinite
        message = (
            f"{what} is born in {scene.who(call)}: inputs finite, {many:,} of {broken.made.elements:,} {what} out"
            if not broken.given.infinite
            else f"NaN is born in {scene.who(call)}, which got Inf: {many:,} of {broken.made.elements:,} NaN out"
        )
        message += _overflow(call, nan) + self._after(scene, call, clearing)
        severity: Severity | None = "note" if clearing is not None else None
        return Noticed(call.row, message, _fix(call, nan), scene.line(call), call.index, severity)

    def _after(self, scene: RunScene, call: Call, clearing: Call | None) -> str:
        if clearing is not None:
            return f"; cleared by {scene.who(clearing)}"
        around = set()
        parent = call.parent
        while parent is not None:
            around.add(parent.row)
            parent = parent.parent
        later = {
            scene.calls[index].row
            for index in self._ended
            if index > call.index and scene.calls[index].kind == CallKind.MODULE
        }
        count = len(later - around - {call.row})
        if count == 1:
            return "; 1 later module only passes it on"
        return f"; {count} later modules only pass it on" if count else ""

    def _clearing(self, scene: RunScene, call: Call) -> Call | None:
        """The first call after a birth that replaced what it gave, if all of that is gone by the end."""
        for index, swallows in sorted(self._cleared.items()):
            if index > call.index and not swallows:
                return scene.calls[index]
        return None

    def _swallowed(self, scene: RunScene, call: Call) -> bool:
        """Whether NaN went into something whose result cannot show it: argmax, a comparison."""
        return any(
            index > call.index and swallows and short(scene.calls[index]) not in _TESTS
            for index, swallows in self._cleared.items()
        )

    def _brought_in(self, scene: RunScene, end: Broken | None) -> Iterator[Noticed]:
        if end is None or not end.given.nan or not end.made.nan:
            return
        names = [seen.path for seen in scene.calls[0].inputs if seen.shape is not None and seen.maker < 0]
        given = end.given
        yield Noticed(
            scene.calls[0].row,
            f"the input holds NaN: {given.nan:,} of {given.elements:,} values of {', '.join(names)}; "
            "the model only passes it on",
            call=0,
        )


def _made(call: Call) -> Count:
    total = Count()
    for seen in call.outputs:
        total += _count(seen.stats)
    return total


def _count(stats: TensorStats | None) -> Count:
    if stats is None:
        return Count()
    return Count(stats.nan, stats.positive_infinity + stats.negative_infinity, stats.elements)


def _typed(returned: Returned) -> bool:
    """Whether a call writes Inf because somebody wrote it down."""
    if returned.call.kind == CallKind.MODULE:
        return False
    numbers = [value for value in (*returned.args, *returned.kwargs.values()) if type(value) is float]
    return short(returned.call) in _MASKERS or any(math.isinf(number) for number in numbers)


def _weight(call: Call) -> str:
    """A parameter or buffer of a module that is not finite itself, or a running variance below 0."""
    if call.kind != CallKind.MODULE:
        return ""
    for name, parameter in nn.Module.named_parameters(call.module):
        if not _is_finite(parameter):
            return name
    for name, buffer in nn.Module.named_buffers(call.module):
        broken = buffer.is_floating_point() and bool(buffer.isnan().any())
        if broken or ("running_var" in name and bool((buffer < 0).any())):
            return name
    return ""


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _overflow(call: Call, nan: bool) -> str:
    dtype = next((seen.dtype for seen in call.outputs if seen.dtype in ("float16", "bfloat16")), "")
    return f" ({dtype} ends at {torch.finfo(getattr(torch, dtype)).max:,.0f})" if dtype == "float16" and not nan else ""


def _fix(call: Call, nan: bool) -> str:
    name = short(call).rstrip("_")
    if name in ("/", "/=", "div", "reciprocal", "rsqrt"):
        return "keep the divisor away from 0: add an eps, or clamp(min=eps)"
    if name in ("log", "log2", "log10"):
        return "keep the argument above 0: clamp(min=eps); or use log_softmax, logsigmoid or log1p"
    if nan and name in ("sqrt", "**", "pow", "**="):
        return "keep the argument at or above 0: clamp(min=0)"
    if name in ("exp", "expm1", "sinh", "cosh"):
        return "subtract the maximum first, or clamp the argument; logsumexp and softmax do so themselves"
    return ""
