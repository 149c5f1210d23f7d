"""NN105: normalisations whose weights are frozen while their running statistics still move."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from inspector.engine.findings.mode_rule import ModeRule, ModeScene, Noticed
from inspector.engine.findings.phrases import plural
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes

_LISTED = 3


def _find(scene: ModeScene) -> Iterable[Noticed]:
    moving = [module for module in nn.Module.modules(scene.model) if _moves_though_frozen(module, scene)]
    if not moving:
        return
    names = [scene.name(module) for module in moving]
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")
    running = f"{listed}: weights frozen, but running stats still update (training=True)"
    calls = f"{names[0]}.eval()" if len(names) == 1 else f".eval() of these {plural(len(names), 'normalisation')}"
    yield Noticed(moving[0], running, f"call {calls} after every model.train()")


def _moves_though_frozen(module: nn.Module, scene: ModeScene) -> bool:
    found = scene.found.get(id(module), False)
    if not is_a(module, _BatchNorm) or not (found and scene.trained.get(id(module), found)):
        return False
    mine = attributes(module)
    parameters, buffers = mine.get("_parameters") or {}, mine.get("_buffers") or {}
    weights = [weight for weight in (parameters.get("weight"), parameters.get("bias")) if weight is not None]
    frozen = bool(weights) and not any(weight.requires_grad for weight in weights)
    moves = bool(mine.get("track_running_stats")) and mine.get("momentum") != 0.0
    return frozen and moves and buffers.get("running_mean") is not None


FROZEN_NORMS = ModeRule(
    "NN105",
    "Frozen BatchNorm that still updates its running statistics",
    "requires_grad=False stops the optimizer, not the running mean and variance: those move in every forward in train "
    "mode, so a backbone that is thought of as frozen drifts, and what it gives in eval mode with it. Put the frozen "
    "normalisations into eval mode after every model.train(), or override train() to do so.",
    "warning",
    _find,
)
