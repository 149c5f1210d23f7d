"""Grey X-ray images in a backbone that was made for RGB."""

import torch
from torch import nn

example_inputs = torch.rand(2, 1, 64, 64)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.norm = nn.BatchNorm2d(32)

    def forward(self, x):
        return torch.relu(self.norm(self.stem(x)))  # <- fails here


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Conv2d(32, 5, 1)

    def forward(self, image):
        return self.head(self.backbone(image))
