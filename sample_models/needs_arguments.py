"""A constructor that must be told what to build: nothing here has a default but the activation."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class Perceptron(nn.Module):
    """Linear layers of the given widths."""

    def __init__(self, in_features: int, widths: Sequence[int], num_classes: int, act: str = "relu") -> None:
        super().__init__()
        sizes = [in_features, *widths]
        self.hidden = nn.ModuleList([nn.Linear(before, after) for before, after in pairwise(sizes)])
        self.head = nn.Linear(sizes[-1], num_classes)
        self.act = getattr(torch, act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


def example_inputs() -> torch.Tensor:
    """For in_features=16."""
    return torch.randn(2, 16)
