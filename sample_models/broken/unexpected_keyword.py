"""The block takes its mask under another name."""

import torch
from torch import nn

example_inputs = torch.randn(2, 6, 16)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)

    def forward(self, x, attention_mask=None):
        return x + self.mix(self.norm(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(16) for _ in range(2)])

    def forward(self, x):
        for block in self.blocks:
            x = block(x, mask=None)  # <- fails here
        return x
