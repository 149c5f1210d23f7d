"""NN105 and NN107 as they are known without a run: norms that are frozen by half, and modules in different modes.

Both look at the training flags in the anatomy's column, which are the live ones: they may have been set since the load.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from inspector.engine.class_text import CONSTRUCTORS, is_torchs_module, texts_of
from inspector.engine.examination import Own
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import and_, plural
from inspector.engine.kinds import is_a, truth
from inspector.engine.source_files import attributes
from inspector.run_schema import Finding
from inspector.schema import Flag, Kind

_LISTED = 3


def frozen_norms(anatomy: Anatomy) -> Iterator[Finding]:
    """Norms whose weights are frozen while their running statistics move, told once for the whole model."""
    if not anatomy.flags[0] & Flag.FROZEN:
        return
    norms = anatomy.rows_of(own for own, row in anatomy.distinct.items() if _may_move(anatomy, own, row))
    training = (row for row in norms if anatomy.flags[row] & Flag.TRAINING)
    moving = [row for row in training if moves_though_frozen(anatomy.module(row))]
    knowing: dict[type, bool] = {}
    moving = [row for row in moving if not _is_looked_after(anatomy, row, knowing)]
    if not moving:
        return
    names = [anatomy.name(row) for row in moving]
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    calls = f"{names[0]}.eval()" if len(names) == 1 else f".eval() of these {plural(len(names), 'norm')}"
    message = f"{names[0]}{more}: weights frozen, but running stats still update (training=True)"
    yield anatomy.finding("NN105", moving[0], message, f"call {calls} after every model.train()")


def moves_though_frozen(module: nn.Module) -> bool:
    """Whether a BatchNorm has weights, none of which is trained, and statistics that move in train mode."""
    if not is_a(module, _BatchNorm):
        return False
    mine = attributes(module)
    parameters, buffers = mine.get("_parameters") or {}, mine.get("_buffers") or {}
    weights = [weight for weight in (parameters.get("weight"), parameters.get("bias")) if weight is not None]
    frozen = bool(weights) and not any(weight.requires_grad for weight in weights)
    momentum = mine.get("momentum")
    moves = truth(mine.get("track_running_stats")) and not (type(momentum) in (int, float) and momentum == 0)
    return frozen and moves and buffers.get("running_mean") is not None


def _may_move(anatomy: Anatomy, own: Own, row: int) -> bool:
    forms = own.body.forms[: own.body.parameters]
    return bool(forms) and is_a(anatomy.things[row], _BatchNorm)


def _is_looked_after(anatomy: Anatomy, row: int, knowing: dict[type, bool]) -> bool:
    """Whether a class around a module overrides train(), or calls eval() by itself when it runs."""
    while row:
        row = anatomy.module_of(row)
        cls = type(anatomy.things[row])
        if cls not in knowing:
            knowing[cls] = not is_torchs_module(cls) and _switches(cls)
        if knowing[cls]:
            return True
    return False


def _switches(cls: type) -> bool:
    return any(
        method.name == "train" or (method.name not in CONSTRUCTORS and any(map(_calls_eval, ast.walk(method))))
        for text in texts_of(cls)
        for method in text.methods
    )


def _calls_eval(node: ast.AST) -> bool:
    """Whether it puts a part into eval mode; `self.eval()` is for all of it, and ends with the next train()."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "eval":
        return False
    return not isinstance(node.func.value, ast.Name) or node.func.value.id != "self"


def mixed_modes(anatomy: Anatomy) -> Iterator[Finding]:
    """The topmost modules in another mode than the model."""
    if not anatomy.flags[0] & Flag.MIXED_MODE:
        return
    others = list(_others(anatomy, 0, bool(anatomy.flags[0] & Flag.TRAINING)))
    if not others:
        return
    names = [anatomy.name(row) for row in others[:_LISTED]]
    rest = [f"{len(others) - _LISTED:,} more"] if len(others) > _LISTED else []
    modes = ("eval", "train") if anatomy.flags[0] & Flag.TRAINING else ("train", "eval")
    verb = "is" if len(others) == 1 else "are"
    yield anatomy.finding("NN107", others[0], f"{and_(names + rest)} {verb} in {modes[0]}, the rest in {modes[1]}")


def _others(anatomy: Anatomy, top: int, training: bool) -> Iterator[int]:
    waiting = [top]
    while waiting:
        below: list[int] = []
        for row in anatomy.children(waiting.pop()):
            if anatomy.kinds[row] in (Kind.RUN, Kind.MADE):
                below.append(row)
            elif anatomy.kinds[row] == Kind.MODULE:
                if bool(anatomy.flags[row] & Flag.TRAINING) is not training:
                    yield row
                elif anatomy.flags[row] & Flag.MIXED_MODE:
                    below.append(row)
        waiting += reversed(below)
