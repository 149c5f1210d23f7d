"""NN118: a bias that the BatchNorm right behind it takes away again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene
from inspector.engine.findings.uncalled import place_of
from inspector.engine.forward.calls import Call
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind

_MOST = 3


class CancelledBias(RunRule):
    id = "NN118"
    modes = ("eval", "train")
    of_dry_runs = True

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        pairs = {id(layer.module): (layer, norm) for layer, norm in _pairs(scene)}
        told = list(pairs.values()) if len(pairs) <= _MOST else list(pairs.values())[:1]
        for layer, norm in told:
            bias = attributes(layer.module)["_parameters"]["bias"]
            others = f"; so are those of {len(pairs) - 1} other layers" if len(told) < len(pairs) else ""
            path = scene.path_of(layer.row)
            yield Noticed(
                layer.row,
                f"{scene.module_name(layer.module)}.bias ({bias.numel():,} parameters) is cancelled by "
                f"{scene.module_name(norm.module)}, which subtracts the mean of every channel{others}",
                "bias=False",
                place_of(scene.model, path) if path else None,
                norm.index,
            )


def _pairs(scene: RunScene) -> Iterator[tuple[Call, Call]]:
    for norm in scene.calls:
        if norm.kind != CallKind.MODULE or not is_a(norm.module, _BatchNorm) or not _normalizes(norm.module):
            continue
        seen = next((seen for seen in norm.inputs if seen.shape is not None), None)
        layer = scene.maker(seen) if seen is not None else None
        if seen is None or layer is None or layer.kind != CallKind.MODULE or not _has_bias(layer.module):
            continue
        per_channel = is_a(layer.module, _ConvNd) or len(seen.shape or ()) == 2
        if per_channel and all(_leads_to(other, norm) for other in scene.consumers.get(layer.index, ())):
            yield layer, norm


def _leads_to(call: Call, norm: Call) -> bool:
    """Whether a call that got the layer's output is the norm, or one of those around it."""
    around: Call | None = norm
    while around is not None and around is not call:
        around = around.parent
    return around is call


def _has_bias(module: nn.Module) -> bool:
    bias = (attributes(module).get("_parameters") or {}).get("bias")
    return is_a(module, _ConvNd, nn.Linear) and bias is not None and bias.requires_grad


def _normalizes(module: nn.Module) -> bool:
    """Whether it uses the statistics of the batch in training: not one that is frozen."""
    parameters = [each for each in (attributes(module).get("_parameters") or {}).values() if each is not None]
    return not parameters or any(each.requires_grad for each in parameters)
