"""Why a source behaves differently in train mode, in words and numbers: what was measured of it, what its class is
known to do with the flag, or the user's line that looks at it.
"""

from __future__ import annotations

import os
from typing import Any

from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils.spectral_norm import SpectralNorm

from inspector.engine.findings.scene import runs_torchs_forward
from inspector.engine.kinds import is_a
from inspector.engine.modes import dropouts, norms
from inspector.engine.modes.proof import overrides_train
from inspector.engine.source_files import attributes
from inspector.mode_schema import DropoutMeasured, NormMeasured
from inspector.schema import Source

_POWER_ITERATION = "takes a step of the power iteration in train mode, so that the weight it makes is another"


def reason_of(
    module: nn.Module, norm: NormMeasured | None, dropout: DropoutMeasured | None, looks: Source | None
) -> str:
    """Why, as exactly as it is known; empty when nothing more is known than that it does."""
    parts = [_measured(module, norm, dropout), _known(module)]
    if looks is not None:
        parts.append(f"its own code looks at `training`: {spelled(looks)}")
    if overrides_train(module):
        parts.append(f"{type(module).__name__} has a train() of its own")
    return "; ".join(filter(None, parts)) or _by_its_class(module)


def _by_its_class(module: nn.Module) -> str:
    """Nobody but torch's code was seen to look: of a class that calls the forward of one of torch's, that one."""
    for base in type.mro(type(module)):
        if base.__module__.startswith("torch.nn.modules") and base not in (nn.Module, nn.Sequential):
            own = base is type(module)
            return "looks at its training flag" if own else f"the code of {base.__name__} in it looks at its flag"
    return "looks at its training flag"


def spelled(source: Source) -> str:
    """`net.py:31 · if self.training:`"""
    place = f"{os.path.basename(source.file)}:{source.line}"
    return f"{place} · {source.code}" if source.code else place


def _measured(module: nn.Module, norm: NormMeasured | None, dropout: DropoutMeasured | None) -> str:
    if norm is not None and norm.tracked:
        said = norms.reason(norm)
        return said.replace("this batch's", "each sample's") if is_a(module, _InstanceNorm) else said
    return dropouts.reason(module, dropout)


def _known(module: nn.Module) -> str:
    """What torch's own classes do with the flag."""
    if type(module).__module__ == "torch.nn.utils.parametrizations" and type(module).__name__ == "_SpectralNorm":
        return _POWER_ITERATION
    if any(is_a(hook, SpectralNorm) for hook in (attributes(module).get("_forward_pre_hooks") or {}).values()):
        return f"its spectral_norm {_POWER_ITERATION}"
    if not runs_torchs_forward(module):
        return ""
    held: dict[str, Any] = attributes(module)
    if is_a(module, nn.RNNBase):
        layers, p = held.get("num_layers"), held.get("dropout")
        return f"dropout p={p:g} between its {layers} layers in train mode"
    if is_a(module, nn.MultiheadAttention):
        return f"dropout p={held.get('dropout', 0.0):g} of the attention weights in train mode"
    if is_a(module, nn.RReLU):
        low, high = held.get("lower", 0.0), held.get("upper", 0.0)
        mean = (low + high) / 2
        return f"draws slopes from {low:.4g} to {high:.4g} in train mode, takes their mean {mean:.4g} in eval mode"
    return ""
