"""A check of its own that refuses the input."""

import torch
from torch import nn

example_inputs = torch.randn(2, 3, 30, 30)


class Patches(nn.Module):
    def __init__(self, patch):
        super().__init__()
        self.patch = patch
        self.projection = nn.Conv2d(3, 24, patch, stride=patch)

    def forward(self, x):
        if x.shape[-1] % self.patch:
            raise ValueError(f"width {x.shape[-1]} is not a multiple of the patch size {self.patch}")  # <- fails here
        return self.projection(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = Patches(8)
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        return self.head(self.patches(x).mean((2, 3)))
