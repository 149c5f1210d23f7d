"""One layer in several places: twelve blocks that are one and the same, and a norm under two names."""

import torch
from torch import nn


class SharedLayers(nn.Module):
    """`[block] * 12` shares its weights, which may or may not be meant."""

    def __init__(self) -> None:
        super().__init__()
        block = nn.Linear(16, 16)
        self.blocks = nn.ModuleList([block] * 12)
        self.norm_before = nn.LayerNorm(16)
        self.norm_after = self.norm_before

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm_before(x)
        for block in self.blocks:
            x = torch.relu(block(x))
        return self.norm_after(x)


example_inputs = torch.randn(2, 16)
