"""Assigns a layer before nn.Module has made a place for it."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(4, 2)  # <- fails here

    def forward(self, x):
        return self.fc(x)
