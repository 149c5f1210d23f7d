"""One layer called twice; what the second call gets has another width."""

import torch
from torch import nn

example_inputs = (torch.randn(2, 16), torch.randn(2, 24))


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 8)
        self.compare = nn.Bilinear(8, 8, 1)

    def forward(self, one, other):
        one = self.fc(one)
        other = self.fc(other)  # <- fails here
        return self.compare(one, other)
