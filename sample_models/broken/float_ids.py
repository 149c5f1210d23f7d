"""Token ids that were read as floats."""

import torch
from torch import nn

example_inputs = torch.tensor([[3.0, 14.0, 15.0, 9.0], [2.0, 6.0, 5.0, 3.0]])


class Bag(nn.Module):
    def __init__(self, vocabulary=100, width=16):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, 2)

    def forward(self, ids):
        return self.head(self.tokens(ids).mean(1))  # <- fails here
