"""Imports a library that nobody has."""

import torch_geometrics_of_nobody  # <- fails here
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch_geometrics_of_nobody.GCNConv(16, 7)

    def forward(self, x):
        return self.conv(x)
