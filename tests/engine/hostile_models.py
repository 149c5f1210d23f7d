"""Models whose forward changes things that a look at them must not change, each in its own way."""

from __future__ import annotations

import random
import warnings
from collections import OrderedDict, deque
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn


class HalfwayError(Exception):
    """A forward that fails on purpose."""


class Frozen(nn.Module):
    """Batch normalisation, a frozen one among them, and dropout: buffers and random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.frozen, self.drop = nn.BatchNorm1d(4), nn.BatchNorm1d(4), nn.Dropout(0.5)
        self.spectral = nn.utils.spectral_norm(nn.Linear(4, 4))
        self.spectral_too = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
        self.frozen.eval()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.spectral_too(self.spectral(self.drop(self.frozen(self.first(x)))))
        return out


class Renormalizing(nn.Module):
    """An embedding that shortens its own weights, tied to a head."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4, max_norm=0.1)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.table(x.long().abs() % 10))
        return out


class Averaging(nn.Module):
    """Keeps a mean of its weights, and moves them, by ways around the version counter."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.large = nn.Parameter(torch.randn(200, 100))
        self.register_buffer("mean", torch.zeros(4, 4))
        self.view = self.mean[1:3]
        self.by_numpy = np.zeros(3)

    def forward(self, x: Tensor) -> Tensor:
        self.mean.data.mul_(0.9).add_(self.linear.weight.data)
        self.linear.weight.data.mul_(1.01)
        self.large.detach().numpy()[3] += 1
        self.large.data[7].neg_()
        self.linear.bias.data = self.linear.bias.data + 1
        self.view.fill_(3)
        self.by_numpy += 1
        out: Tensor = self.linear(x) * self.large.sum()
        return out


class Cache:
    """An object of the user's own that holds tensors."""

    __slots__ = ("keys", "steps")
    steps: int

    def __init__(self) -> None:
        self.keys: list[Tensor] = []


class Caching(nn.Module):
    """Remembers everything that it was called with, in every kind of container."""

    calls: ClassVar[int] = 0
    everything: ClassVar[list[Tensor]] = []

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.past: list[Tensor] = [torch.zeros(4)]
        self.by_name: dict[str, Any] = {"layers": [{"k": torch.zeros(2)}], "gone": 1}
        self.window: deque[Tensor] = deque(maxlen=2)
        self.seen: set[int] = set()
        self.ordered: OrderedDict[str, int] = OrderedDict(a=1, b=2)
        self.cache = Cache()
        self.steps = 0
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x)
        self.past.append(out)
        self.past[0].add_(1)
        self.by_name["layers"][0]["k"] += 1
        self.by_name["layers"].append({"k": out})
        self.by_name.pop("gone", None)
        self.window.append(out)
        self.seen.add(self.steps)
        self.ordered.move_to_end("a")
        self.cache.keys.append(out)
        self.cache.steps = self.steps
        self.steps += 1
        self.last = out
        type(self).calls += 1
        type(self).everything.append(out)
        return out + len(self.past) + self.steps


class Random(nn.Module):
    """Draws from every generator that there is."""

    def __init__(self) -> None:
        super().__init__()
        self.own = torch.Generator().manual_seed(3)
        self.by_python, self.by_numpy = random.Random(3), np.random.default_rng(3)
        self.by_old_numpy = np.random.RandomState(3)

    def forward(self, x: Tensor) -> Tensor:
        factor = random.random() + float(np.random.rand()) + self.by_python.random() + self.by_numpy.random()
        factor += self.by_old_numpy.rand()
        noise: Tensor = torch.rand(4, generator=self.own) + torch.randn(4)
        return torch.dropout(x * noise * factor, 0.5, True)


class Rebuilding(nn.Module):
    """Builds and swaps its own parts, deletes attributes, adds hooks, and switches modes and gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.inner: nn.Module = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.temporary = 3
        self.built: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.built is None:
            self.built = nn.Linear(4, 4)
        self.inner = nn.Sequential(self.inner, nn.Tanh())
        if hasattr(self, "temporary"):
            del self.temporary
        self.norm.train(not self.norm.training)
        self.norm.register_forward_hook(lambda *_: None)
        self.norm.weight.requires_grad_(not self.norm.weight.requires_grad)
        self.register_buffer("late", x.detach())
        self.norm.eps += 1
        out: Tensor = self.norm(self.built(self.inner(x)))
        return out


class Meddling(nn.Module):
    """Changes settings of the whole process, and makes gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.linear.weight.grad = torch.ones(4, 4)
        self.scale = torch.ones(4)

    def forward(self, x: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        torch.set_printoptions(precision=2)  # type: ignore[no-untyped-call]
        torch.autograd.set_detect_anomaly(True)
        with torch.enable_grad():
            out: Tensor = self.linear(x)
            out.sum().backward()  # type: ignore[no-untyped-call]
            self.scale.mul_(self.linear.weight.sum())
        self.linear.weight.register_hook(lambda grad: grad)  # type: ignore[no-untyped-call]
        torch.set_grad_enabled(not torch.is_grad_enabled())
        return out


class Failing(nn.Module):
    """Raises when half of its changes are made."""

    def __init__(self) -> None:
        super().__init__()
        self.caching, self.averaging, self.norm = Caching(), Averaging(), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.caching(self.norm(x))
        self.averaging.train(False)
        x = self.averaging(x)
        raise HalfwayError


def lazy() -> nn.Module:
    """Gets its sizes, and its classes, in the first forward."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls lazy modules new
        return nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())


MAKERS = (Frozen, Renormalizing, Averaging, Caching, Random, Rebuilding, Meddling, Failing, lazy)
