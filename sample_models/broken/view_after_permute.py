"""Patches become tokens by a permute, and a view wants them contiguous."""

import torch
from torch import nn

example_inputs = torch.randn(2, 3, 32, 32)


class Patches(nn.Module):
    def __init__(self, width=24, patch=8):
        super().__init__()
        self.projection = nn.Conv2d(3, width, patch, stride=patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, image):
        x = self.projection(image).permute(0, 2, 3, 1)
        x = x.view(x.size(0), -1)  # <- fails here
        return self.norm(x.reshape(x.size(0), 16, -1))
