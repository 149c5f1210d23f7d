"""Small models whose modes differ in every way there is; each is called with what stands beside it."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Arguments = tuple[Any, ...]


class Case(NamedTuple):
    """One model, what it gets, and which of its modules are sources."""

    build: Callable[[], nn.Module]
    arguments: Callable[[], Arguments]
    sources: set[str]
    """Dotted paths; "" is the model itself."""


def image(batch: int = 4, channels: int = 3, side: int = 8) -> Callable[[], Arguments]:
    return lambda: (torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(5)),)


def rows(batch: int = 8, features: int = 16) -> Callable[[], Arguments]:
    return lambda: (torch.randn(batch, features, generator=torch.Generator().manual_seed(5)),)


def sequence(batch: int = 3, length: int = 6, features: int = 8) -> Callable[[], Arguments]:
    return lambda: (torch.randn(batch, length, features, generator=torch.Generator().manual_seed(5)),)


class FunctionalDropout(nn.Module):
    def __init__(self, told: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.told = told

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        if self.told:
            return F.dropout(x, 0.5, training=self.training)
        return F.dropout(x, 0.5)  # <- always on


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **settings: Any) -> None:
        super().__init__()
        self.rnn = kind(8, 5, batch_first=True, **settings)  # type: ignore[arg-type]
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        out, state = self.rnn(x)
        return self.head(out), state


class Attention(nn.Module):
    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.always = always

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        p = 0.5 if self.always or self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, dropout_p=p)


class SelfAttention(nn.Module):
    def __init__(self, p: float) -> None:
        super().__init__()
        self.mha = nn.MultiheadAttention(8, 2, dropout=p, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.mha(x, x, x)[0]
        return out


class DropPath(nn.Module):
    """Stochastic depth per sample."""

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        if self.drop_prob == 0.0 or not self.training:
            return x
        keep = 1 - self.drop_prob
        mask: Tensor = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(keep)
        return x * mask / keep


class Residual(nn.Module):
    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.path = DropPath(drop_prob)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.path(self.fc(x))
        return out


class NeverCalled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(x)
        return out


class FrozenNorm(nn.Module):
    """Its normalisation was put into eval mode, and the rest trains."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.bn.eval()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(self.bn(self.conv(x)))
        return out


class KeepsItsNormFrozen(FrozenNorm):
    def __init__(self) -> None:
        super().__init__()
        self.bn.train()

    def train(self, mode: bool = True) -> KeepsItsNormFrozen:
        super().train(mode)
        self.bn.eval()
        return self


InceptionOutputs = namedtuple("InceptionOutputs", ["logits", "aux_logits"])


class Inception(nn.Module):
    """Like InceptionV3: an auxiliary head that only train mode calls."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.aux = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(144, 2)

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x)
        aux = self.aux(x) if self.training else None
        x = self.fc(self.dropout(x.flatten(1)))
        return InceptionOutputs(x, aux) if self.training else x


class SharedNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(self.conv(self.bn(x)))
        return out


class TupleInTrain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Any:
        y = self.fc(x)
        if self.training:
            return y, y.square().mean()
        return y


class Chosen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({"a": nn.Dropout(0.5), "b": nn.BatchNorm1d(16)})

    def forward(self, x: Tensor, choice: str) -> Tensor:
        out: Tensor = self.heads[choice](x)
        return out


class TwoByTwo(nn.Module):
    """Two inputs, two outputs, of which one comes through a dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(16, 4), nn.Linear(8, 4)
        self.drop = nn.Dropout(0.5)

    def forward(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"left": self.drop(self.left(a)), "right": self.right(b)}


class AlwaysNoisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return x + 0.1 * torch.randn_like(x)  # <- drawn


class Smoothed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        p: Tensor = self.fc(x).softmax(-1)
        return p * 0.9 + 0.1 / p.shape[-1] if self.training else p


class MovingAverage(nn.Module):
    """Keeps an average in train mode; what it gives is the same."""

    average: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(16))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.average.mul_(0.9).add_(x.mean(0), alpha=0.1)
        return x * 2


class FakeQuantized(nn.Module):
    """Observes its scale in train mode, and rounds by it in both."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.register_buffer("scale", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        if self.training:
            self.scale.copy_(x.abs().max() / 127)
        return (x / self.scale).round() * self.scale


class Gumbel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.fc(x)
        return F.gumbel_softmax(logits, tau=0.7) if self.training else logits.softmax(-1)


class Fused(nn.Module):
    """Merges its branches by its own `train`, and looks at what that left rather than at the flag."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(16, 16), nn.Linear(16, 16)
        self.merged: Tensor | None = None

    def train(self, mode: bool = True) -> Fused:
        super().train(mode)
        self.merged = None if mode else (self.one.weight + self.two.weight).detach() * 0.5
        return self

    def forward(self, x: Tensor) -> Tensor:
        if self.merged is not None:
            return x @ self.merged.T
        out: Tensor = self.one(x) + self.two(x)
        return out


class Checkpointed(nn.Module):
    def __init__(self, p: float) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Dropout(p))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = checkpoint(self.block, x, use_reentrant=False) if self.training else self.block(x)
        return out


class LooksAtItsPart(nn.Module):
    """Asks the flag of a module that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.fc(x), self.drop.p, self.drop.training)


class LooksPastTheAttribute(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return x * 2 if vars(self)["training"] else x


class InPlace(nn.Module):
    """Everything writes over what the one before gave."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(self.relu(self.bn(self.conv(x))))
        return out.mul_(2)


class Unreached(nn.Module):
    """A dropout in a plain list, which eval() does not reach."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.drops = [nn.Dropout(0.5)]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drops[0](self.fc(x))
        return out


class MadeInForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        out: Tensor = nn.Dropout(0.5)(x)  # <- made here
        return out


class Differentiated(nn.Module):
    """A force from an energy."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 1)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        energy = self.drop(self.fc(x).tanh()).sum()
        return torch.autograd.grad(energy, x)[0]


class Caching(nn.Module):
    """A key-value cache: an answer depends on what was asked before."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.drop = nn.Dropout(0.5)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(self.fc(x))
        out: Tensor = self.drop(torch.cat(self.seen))
        return out


def spectral(old: bool) -> nn.Module:
    make = nn.utils.spectral_norm if old else nn.utils.parametrizations.spectral_norm
    return nn.Sequential(make(nn.Linear(16, 16)), nn.ReLU())


def encoder(layers: int = 0) -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.25, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False) if layers else layer


_LAYER = {"dropout", "dropout1", "dropout2", "self_attn"}

CASES: dict[str, Case] = {
    "functional dropout that is told": Case(lambda: FunctionalDropout(True), rows(), {""}),
    "functional dropout that is not told": Case(lambda: FunctionalDropout(False), rows(), set()),
    "LSTM with dropout": Case(lambda: Recurrent(nn.LSTM, num_layers=2, dropout=0.5), sequence(), {"rnn"}),
    "GRU with dropout": Case(lambda: Recurrent(nn.GRU, num_layers=2, dropout=0.5), sequence(), {"rnn"}),
    "LSTM without": Case(lambda: Recurrent(nn.LSTM, num_layers=2), sequence(), set()),
    "attention with dropout in train": Case(Attention, sequence(), {""}),
    "attention with dropout always": Case(lambda: Attention(always=True), sequence(), set()),
    "MultiheadAttention": Case(lambda: SelfAttention(0.5), sequence(), {"mha"}),
    "MultiheadAttention without dropout": Case(lambda: SelfAttention(0.0), sequence(), set()),
    "TransformerEncoderLayer": Case(encoder, sequence(), _LAYER),
    "TransformerEncoder": Case(
        lambda: encoder(2), sequence(), {f"layers.{index}.{name}" for index in range(2) for name in _LAYER}
    ),
    "drop path": Case(lambda: nn.Sequential(Residual(0.5), Residual(0.5)), rows(), {"0.path", "1.path"}),
    "drop path of 0": Case(lambda: Residual(0.0), rows(), set()),
    "dropout": Case(lambda: nn.Sequential(nn.Linear(16, 64), nn.Dropout(0.3)), rows(32), {"1"}),
    "dropout of 0": Case(lambda: nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.0)), rows(), set()),
    "dropout never called": Case(NeverCalled, rows(), set()),
    "Dropout2d": Case(lambda: nn.Sequential(nn.Conv2d(3, 16, 3), nn.Dropout2d(0.5)), image(), {"1"}),
    "Dropout3d": Case(
        lambda: nn.Sequential(nn.Conv3d(3, 16, 2), nn.Dropout3d(0.5)), lambda: (torch.ones(2, 3, 4, 4, 4),), {"1"}
    ),
    "AlphaDropout": Case(lambda: nn.Sequential(nn.Linear(16, 16), nn.AlphaDropout(0.5)), rows(), {"1"}),
    "FeatureAlphaDropout": Case(
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3), nn.FeatureAlphaDropout(0.5)), image(), {"1"}
    ),
    "BatchNorm": Case(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), image(), {"1"}),
    "BatchNorm frozen": Case(FrozenNorm, image(), {"drop"}),
    "BatchNorm kept frozen": Case(KeepsItsNormFrozen, image(), {"drop"}),
    "BatchNorm without statistics": Case(
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)), image(), set()
    ),
    "auxiliary head": Case(Inception, image(), {"", "dropout"}),
    "weight_norm": Case(
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(16, 16)), nn.Dropout(0.5)), rows(), {"1"}
    ),
    "spectral_norm": Case(lambda: spectral(False), rows(), {"0.parametrizations.weight.0"}),
    "spectral_norm by a hook": Case(lambda: spectral(True), rows(), {"0"}),
    "shared BatchNorm": Case(SharedNorm, image(channels=4), {"bn"}),
    "InstanceNorm with statistics": Case(lambda: nn.InstanceNorm2d(3, track_running_stats=True), image(), {""}),
    "InstanceNorm": Case(lambda: nn.InstanceNorm2d(3, affine=True), image(), set()),
    "GroupNorm and LayerNorm": Case(
        lambda: nn.Sequential(nn.GroupNorm(1, 3), nn.LayerNorm(8), nn.Dropout(0.5)), image(), {"2"}
    ),
    "RReLU": Case(lambda: nn.Sequential(nn.Linear(16, 16), nn.RReLU()), rows(), {"1"}),
    "a tuple in train": Case(TupleInTrain, rows(), {""}),
    "nested Sequential": Case(
        lambda: nn.Sequential(nn.Sequential(nn.Linear(16, 16), nn.Sequential(nn.Dropout(0.5))), nn.ReLU()),
        rows(),
        {"0.1.0"},
    ),
    "the dropout of a ModuleDict": Case(Chosen, lambda: (*rows()(), "a"), {"heads.a"}),
    "the norm of a ModuleDict": Case(Chosen, lambda: (*rows()(), "b"), {"heads.b"}),
    "several inputs and outputs": Case(TwoByTwo, lambda: (*rows()(), *rows(8, 8)()), {"drop"}),
    "noise in both modes": Case(AlwaysNoisy, rows(), set()),
    "label smoothing": Case(Smoothed, rows(), {""}),
    "an average kept in train": Case(MovingAverage, rows(), set()),
    "fake quantization": Case(FakeQuantized, rows(), {""}),
    "Gumbel softmax": Case(Gumbel, rows(), {""}),
    "a train() that merges": Case(Fused, rows(), {""}),
    "checkpointing": Case(lambda: Checkpointed(0.0), rows(), set()),
    "checkpointing around a dropout": Case(lambda: Checkpointed(0.5), rows(), {"block.2"}),
    "the flag of a part": Case(LooksAtItsPart, rows(), {""}),
    "the flag past the attribute": Case(LooksPastTheAttribute, rows(), {""}),
    "in place": Case(InPlace, image(), {"bn", "drop"}),
    "a dropout in a plain list": Case(Unreached, rows(), set()),
    "a dropout made in forward": Case(MadeInForward, rows(), set()),
    "a model that differentiates": Case(Differentiated, rows(), {"drop"}),
    "a cache": Case(Caching, rows(), {"drop"}),
}
