"""Batches come first, and the GRU reads its first axis as time: the hidden state shows it."""

import torch
from torch import nn

example_inputs = torch.randn(8, 20, 10)


class Encoder(nn.Module):
    def __init__(self, features=10, hidden=32):
        super().__init__()
        self.gru = nn.GRU(features, hidden)
        self.first = nn.Linear(features, hidden)

    def forward(self, x):
        h = torch.tanh(self.first(x[:, 0])).unsqueeze(0)
        out, h = self.gru(x, h)  # <- fails here
        return h[-1]
