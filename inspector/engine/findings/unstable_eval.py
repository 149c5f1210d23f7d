"""NN401: two eval runs on one input differ."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator

from torch import nn

from inspector.engine.class_text import tree_of
from inspector.engine.findings.mode_rule import ModeRule, ModeScene, Noticed
from inspector.engine.findings.phrases import at
from inspector.engine.modes.noise import Noise, is_switched
from inspector.run_schema import Severity

_LATENT = re.compile(r"log_?(var|std|sigma|scale)|reparam|posterior", re.IGNORECASE)
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")


def _find(scene: ModeScene) -> Iterable[Noticed]:
    noise = scene.noise
    if noise is None:
        return
    name, by = scene.name(noise.module), _how_far(scene, noise)
    if noise.in_train_mode and is_switched(noise.module) and _is_registered(scene, noise.module):
        yield Noticed(
            noise.module,
            f"{name} is in train mode after eval(), so two eval runs on one input differ{by}: forward, or a train() of "
            "the model's own, puts it there",
            "leave its mode to train() and eval(), unless Monte-Carlo dropout is what is meant",
            noise.source,
        )
        return
    if noise.in_train_mode and is_switched(noise.module):
        yield Noticed(
            noise.module,
            f"{name} stays in train mode after eval(), so two eval runs on one input differ{by}",
            "register it as a submodule (nn.ModuleList for a list), so that eval() reaches it",
            noise.source,
        )
        return
    what = f"{noise.function} draws random numbers{at(noise.source)}" if noise.function else "something in it is random"
    message = f"two eval runs on one input differ{by}, first in {name}: {what}"
    severity: Severity | None = "note" if _draws_a_latent(noise) else None
    yield Noticed(noise.module, message, _fix(noise.function), noise.source, severity)


def _draws_a_latent(noise: Noise) -> bool:
    """Whether the function that draws speaks of a distribution whose spread it has worked out, as in a variational
    autoencoder: that samples in eval mode too, and means to."""
    if noise.source is None or not noise.function or noise.function in _DROPOUTS:
        return False
    line = noise.source.line
    around = [
        node
        for node in ast.walk(tree_of(noise.source.file))
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    inner = max(around, key=lambda node: node.lineno, default=None)
    return inner is not None and any(_LATENT.search(name) for name in _names(inner))


def _names(function: ast.FunctionDef) -> Iterator[str]:
    yield function.name
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _is_registered(scene: ModeScene, module: nn.Module) -> bool:
    return any(one is module for one in nn.Module.modules(scene.model))


def _how_far(scene: ModeScene, noise: Noise) -> str:
    calls = (each for each in scene.comparison.differences if (each.row, each.number) == noise.key)
    shares = (100 * each.noise_eval for each in calls if math.isfinite(each.noise_eval))
    return next((f" by {share:,.0f} %" if share >= 10 else f" by {share:.2g} %" for share in shares), "")


def _fix(function: str) -> str:
    if function in _DROPOUTS:
        return "pass training=self.training, or use nn.Dropout made in __init__"
    if function == "scaled_dot_product_attention":
        return "dropout_p=self.p if self.training else 0.0"
    return "draw only `if self.training`, where that is what is meant"


UNSTABLE_EVAL = ModeRule("NN401", _find)
