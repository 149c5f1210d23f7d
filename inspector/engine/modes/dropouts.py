"""What a dropout did in train mode, counted: how many elements went, and how much larger those became that stayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from inspector.engine.findings.scene import runs_torchs_forward
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.mode_schema import DropoutMeasured

_NAMES = ("p", "drop_prob", "dropout", "drop", "drop_path", "dropout_p", "drop_rate", "prob")
"""What users call a probability of theirs."""
_CLOSE = 1e-3
_ALPHA = (nn.AlphaDropout, nn.FeatureAlphaDropout)


def is_dropout(module: nn.Module) -> bool:
    """Whether it is one of torch's own."""
    return is_a(module, _DropoutNd) and runs_torchs_forward(module)


def watch(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], found: Callable[[DropoutMeasured], object]
) -> Callable[[Any], None] | None:
    """Look at what goes into a call, and tell what a look at its result shows."""
    data: Any = args[0] if args else kwargs.get("input")
    if not _readable(data):
        return None
    before = data.detach().clone()  # It may be written over.
    theirs = not is_dropout(module)

    def measured(result: Any) -> None:
        if _readable(result) and result.shape == before.shape and result.device == before.device:
            told = measure(probability(module), before, result.detach())
            if told is not None and (not theirs or _drops(told)):
                found(told)

    return measured


def _readable(value: Any) -> TypeGuard[Tensor]:
    if type(value) not in (Tensor, nn.Parameter) or value.layout is not torch.strided:
        return False
    return value.is_floating_point() and not value.is_meta and not value.is_nested and value.numel() > 0


def _drops(told: DropoutMeasured) -> bool:
    """Whether a module of the user's does what a dropout does: something went, all that stayed has one scale."""
    return told.zeroed > 0 and (told.scale is not None or told.zeroed == told.elements)


def probability(module: nn.Module) -> float | None:
    """How likely an element is to go, where the module says so."""
    mine = attributes(module)
    for name in _NAMES:
        value: Any = mine.get(name)
        if is_a(value, int, float) and 0 <= float(value) <= 1:
            return float(value)
    return None


def measure(p: float | None, before: Tensor, after: Tensor) -> DropoutMeasured | None:
    """Count what went. Elements that were zero already say nothing."""
    alive = before != 0
    gone = alive & (after == 0)
    elements, zeroed = int(alive.sum()), int(gone.sum())
    stayed = alive & ~gone
    ratios = (after[stayed].double() / before[stayed].double()).sort().values
    scale = None
    if len(ratios):
        middle = float(ratios[len(ratios) // 2])
        low, high = (float(ratios[int(share * (len(ratios) - 1))]) for share in (0.01, 0.99))
        scale = middle if high - low <= _CLOSE * max(abs(middle), _CLOSE) else None
    samples = _whole(alive, gone, 1)
    return DropoutMeasured(p, zeroed, elements, scale, not samples and _whole(alive, gone, 2), samples)


def _whole(alive: Tensor, gone: Tensor, axes: int) -> bool:
    """Whether of every sample (of the first axis), or of every channel (of the first two), all or nothing went, and one
    did; with one element in each there is no telling."""
    if alive.dim() <= axes or not bool(gone.any()):
        return False
    some, all_gone = gone.flatten(axes), (gone | ~alive).flatten(axes)
    went = some.any(-1)
    return some.shape[-1] > 1 and bool((went == (all_gone.all(-1) & went)).all())


def reason(module: nn.Module, told: DropoutMeasured | None) -> str:
    """`p=0.3: zeroed 30.4 % of 2,048 (30 % expected), scaled what stayed by 1.429 = 1/(1-0.3)`"""
    if told is None:
        return ""
    p = told.p
    if is_a(module, *_ALPHA):
        return f"p={p or 0.0:g}: sets elements to a negative constant in train mode, and rescales the rest"
    share = told.zeroed / told.elements if told.elements else 0.0
    together = "samples" if told.samples else "channels" if told.channels else ""
    what = f"elements, whole {together} at a time" if together else "elements"
    said = f"p={p:g}: " if p is not None else ""
    said += f"zeroed {100 * share:.1f} % of {told.elements:,} {what}"
    if p is not None:
        said += f" ({100 * p:g} % expected)"
    if told.scale is not None:
        fits = p is not None and p < 1 and abs(told.scale * (1 - p) - 1) < 1e-2
        said += f", scaled what stayed by {told.scale:.4g}" + (f" = 1/(1-{p:g})" if fits else "")
    return said
