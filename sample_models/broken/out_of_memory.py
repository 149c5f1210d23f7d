"""Compares every pair of positions of a long signal at once."""

import torch
from torch import nn

example_inputs = torch.randn(1, 1, 10_000_000)


class Similarity(nn.Module):
    def __init__(self):
        super().__init__()
        self.smooth = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, signal):
        x = self.smooth(signal).flatten()
        table = torch.empty(x.numel(), x.numel())  # <- fails here
        return torch.outer(x, x, out=table)
