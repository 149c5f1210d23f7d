"""Weights that are made from others: weight_norm, spectral_norm, pruning, and a parametrization of one's own."""

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune


class Symmetric(nn.Module):
    """Makes a square matrix symmetric from its upper triangle."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.triu() + x.triu(1).transpose(-1, -2)


class Parametrized(nn.Module):
    """Four layers of 8 features, each with a weight that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.normed = parametrizations.weight_norm(nn.Linear(8, 8))
        self.spectral = parametrizations.spectral_norm(nn.Linear(8, 8))
        self.symmetric = nn.Linear(8, 8)
        parametrize.register_parametrization(self.symmetric, "weight", Symmetric())
        self.pruned = nn.Linear(8, 8)
        prune.l1_unstructured(self.pruned, "weight", amount=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.normed, self.spectral, self.symmetric, self.pruned):
            x = torch.tanh(layer(x))
        return x


example_inputs = torch.randn(2, 8)
