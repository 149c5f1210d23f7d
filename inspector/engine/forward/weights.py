"""Modules that were not called although their weights were used: what a table of calls would not show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from inspector.engine.forward.calls import Call
from inspector.run_schema import CallKind, CallState

FAST_PATHS = (nn.TransformerEncoderLayer, nn.MultiheadAttention)
"""What calls its parts one by one, or hands their weights to one fused function."""


def used_without_call(
    model: nn.Module, calls: Sequence[Call], weights: set[int], row_of: Callable[[nn.Module], int | None]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Rows of the modules whose weights were used and that were not called, and what must be said of it.

    `weights` are the identities of the parameters that operations got.
    """
    modules = [call for call in calls if call.kind == CallKind.MODULE]
    called = {id(call.module) for call in modules}
    found = [module for module in nn.Module.modules(model) if id(module) not in called and _own(module) & weights]
    notes = []
    fused = {id(call.module): call.module for call in modules if type(call.module) in FAST_PATHS and _done(call)}
    layers = 0
    for module in fused.values():
        parts = [part for part in nn.Module.modules(module) if id(part) not in called and _own(part)]
        found += [part for part in parts if part is not module]
        layers += isinstance(module, nn.TransformerEncoderLayer) and id(module.self_attn) not in called
    if layers:
        which = "TransformerEncoderLayer" if layers == 1 else f"{layers} TransformerEncoderLayers"
        notes.append(f"{which} took torch's fast path: one fused function used the weights, no part was called")
    rows = {row for module in found if (row := row_of(module)) is not None}
    return tuple(sorted(rows)), tuple(notes)


def _own(module: nn.Module) -> set[int]:
    parameters: dict[str, Any] = vars(module).get("_parameters") or {}
    return {id(parameter) for parameter in parameters.values() if parameter is not None}


def _done(call: Call) -> bool:
    return call.state == CallState.DONE
