"""Lazy layers: how many inputs they take is known only after the first run."""

import torch
from torch import nn


class LazyNet(nn.Module):
    """Nothing here says how large the image is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.LazyConv2d(8, kernel_size=3)
        self.norm = nn.LazyBatchNorm2d()
        self.head = nn.LazyLinear(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(torch.flatten(x, 1))


example_inputs = torch.randn(2, 3, 8, 8)
