"""The norm was made for the width before the projection."""

import torch
from torch import nn

example_inputs = torch.randn(2, 10, 32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(32, 64)
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(64, 2)

    def forward(self, x):
        x = self.norm(self.project(x))  # <- fails here
        return self.head(x)
