"""A script that leaves when it has no GPU."""

import sys

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x)


if torch.cuda.device_count() < 64:
    print("not enough GPUs", file=sys.stderr)
    sys.exit(3)  # <- fails here
