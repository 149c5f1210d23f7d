"""A batch of one in train mode: no channel has more than one value. In eval mode it runs."""

import torch
from torch import nn

example_inputs = torch.randn(1, 3, 24, 24)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.project = nn.Linear(16, 32)
        self.bn = nn.BatchNorm1d(32)

    def forward(self, x):
        x = self.conv(x).mean((2, 3))
        return self.bn(self.project(x))  # <- fails here
