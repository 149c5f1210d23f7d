"""Three poolings leave 2×2 of a small image, and the last kernel is 3×3."""

import torch
from torch import nn

example_inputs = torch.randn(2, 3, 16, 16)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.MaxPool2d(2),
        )
        self.last = nn.Conv2d(16, 32, 3)

    def forward(self, x):
        x = self.features(x)
        return self.last(x).flatten(1)  # <- fails here
