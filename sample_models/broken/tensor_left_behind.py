"""A table of positions that is a plain attribute and was made on another device than the rest."""

import torch
from torch import nn

example_inputs = torch.randn(2, 10, 16)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(16, 16)
        self.positions = torch.zeros(10, 16, device="meta")

    def forward(self, x):
        return self.embed(x) + self.positions  # <- fails here
