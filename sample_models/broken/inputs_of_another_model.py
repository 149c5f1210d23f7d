"""The sample inputs are three tensors, and forward takes two."""

import torch
from torch import nn

example_inputs = (torch.randn(2, 4), torch.randn(2, 4), torch.randn(2, 4))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, one, other):  # <- fails here
        return self.fc(torch.cat([one, other], dim=1))
