"""Attention by hand that forgets to transpose the keys, in a helper outside of the class."""

import math

import torch
from torch import nn

example_inputs = torch.randn(2, 10, 32)


def attend(q, k, v):
    scores = q @ k / math.sqrt(q.size(-1))  # <- fails here
    return scores.softmax(-1) @ v


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)

    def forward(self, x):
        return attend(self.q(x), self.k(x), self.v(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention(32)
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        return self.head(self.attention(x).mean(1))
