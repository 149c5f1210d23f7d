"""Reads from address 0 in C: no Python can catch that."""

import ctypes

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
        ctypes.string_at(0)  # <- dies here

    def forward(self, x):
        return self.fc(x)
