"""Models whose names are loaded in all the ways that torch knows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations


class Backbone(nn.Module):
    """Convolutions, norms with their counters, a stack of blocks, and a head."""

    def __init__(self, classes: int = 10, width: int = 8, blocks: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        self.layers = nn.ModuleList(
            nn.ModuleDict({"attn": nn.Linear(width, width), "norm": nn.LayerNorm(width)}) for _ in range(blocks)
        )
        self.fc = nn.Linear(width, classes)


class Tied(nn.Module):
    """One weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(11, 4)
        self.lm_head = nn.Linear(4, 11, bias=False)
        self.lm_head.weight = self.wte.weight


class Buffers(nn.Module):
    """Buffers that are saved, one that is not, one that is None, a parameter that is None."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.ones(3))
        self.register_buffer("scratch", torch.ones(5), persistent=False)
        self.register_buffer("later", None)
        self.register_parameter("bias", None)
        self.scale = nn.Parameter(torch.tensor(1.0))


class Optional(nn.Module):
    """A module for which None is registered: torch looks at nothing below it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.register_module("downsample", None)


class Stateful(nn.Module):
    """Extra state beside its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.steps = 3

    def get_extra_state(self) -> Any:
        return {"steps": self.steps}

    def set_extra_state(self, state: Any) -> None:
        self.steps = state["steps"]


class Renaming(nn.Module):
    """Takes names of an older version by a hook."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 2)
        hooks: Any = self._register_load_state_dict_pre_hook
        hooks(self._rename)

    def _rename(self, state: dict[str, Any], prefix: str, *_: Any) -> None:
        for name in ("weight", "bias"):
            if prefix + f"fc.{name}" in state:
                state[prefix + f"head.{name}"] = state.pop(prefix + f"fc.{name}")


class Shared(nn.Module):
    """One module at two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = self.first


def norms() -> nn.Module:
    """With counters, without statistics, and instance norms with them."""
    return nn.Sequential(
        nn.BatchNorm1d(4),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.InstanceNorm2d(4, track_running_stats=True),
        nn.InstanceNorm2d(4, affine=True),
    )


def parametrized() -> nn.Module:
    """Weights made of others, which torch also takes from files that older functions wrote."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the older way, which is still met
        older = nn.utils.weight_norm(nn.Linear(4, 4))
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 4)), parametrizations.orthogonal(nn.Linear(3, 3)))
    return nn.Sequential(model, nn.LSTM(3, 2, bidirectional=True), nn.MultiheadAttention(4, 2), older)


def wrapped() -> nn.Module:
    """What wrappers make of names."""
    return nn.ModuleDict({"encoder": nn.ModuleDict({"module": Backbone(3, 4, 1)}), "model": nn.Linear(2, 2)})


MODELS: dict[str, Callable[[], nn.Module]] = {
    "backbone": Backbone, "tied": Tied, "buffers": Buffers, "optional": Optional, "stateful": Stateful,
    "shared": Shared, "norms": norms, "parametrized": parametrized, "wrapped": wrapped, "renaming": Renaming,
    "lazy": lambda: nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.Linear(3, 2)),
    "empty": lambda: nn.Sequential(nn.ReLU()),
    "bare": lambda: nn.Linear(2, 3),
}  # fmt: skip
