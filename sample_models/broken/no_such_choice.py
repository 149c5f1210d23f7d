"""Chooses a layer by a name that its ModuleDict does not hold."""

import torch
from torch import nn

example_inputs = (torch.randn(2, 3, 8, 8), "convolution")


class Choice(nn.Module):
    def __init__(self):
        super().__init__()
        self.choices = nn.ModuleDict({"conv": nn.Conv2d(3, 3, 3), "pool": nn.MaxPool2d(3)})

    def forward(self, x, choice):
        return self.choices[choice](x)  # <- fails here
