"""The constructor raises: 10 channels cannot be cut into 4 heads."""

import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not divisible by {heads} heads")  # <- fails here
        self.qkv = nn.Linear(width, 3 * width)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 10)
        self.attention = Attention(10, heads=4)

    def forward(self, ids):
        return torch.relu(self.attention(self.embedding(ids)))
