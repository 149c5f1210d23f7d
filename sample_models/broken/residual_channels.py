"""A residual block that widens, with nothing on its shortcut."""

import torch
from torch import nn
from torch.nn import functional as F

example_inputs = torch.randn(2, 3, 16, 16)


class Block(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)

    def forward(self, x):
        y = self.conv2(F.relu(self.conv1(x)))
        return F.relu(y + x)  # <- fails here


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.layers = nn.Sequential(Block(32, 32), Block(32, 64))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.layers(self.stem(x)).mean((2, 3)))
