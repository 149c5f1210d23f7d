"""Convolution, BatchNorm, ReLU, Dropout, Linear: what train() and eval() change, in one block."""

import torch
from torch import nn


class ConvBlock(nn.Module):
    """BatchNorm and Dropout behave differently in the two modes; the rest does not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(p=0.3)
        self.fc = nn.Linear(16 * 8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn(self.conv(x)))
        x = self.drop(x)
        return self.fc(torch.flatten(x, 1))


example_inputs = torch.randn(2, 3, 8, 8)
