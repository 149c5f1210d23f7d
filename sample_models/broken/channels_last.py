"""Images as OpenCV and PIL give them, channels last, in a model that wants them first."""

import torch
from torch import nn

example_inputs = torch.rand(2, 64, 48, 3)


class Classifier(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Linear(32, classes)

    def forward(self, image):
        x = self.features(image)  # <- fails here
        return self.head(x.mean((2, 3)))
