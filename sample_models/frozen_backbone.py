"""Fine-tuning: a frozen backbone in eval mode, of which the last stage thaws, under a head that trains."""

import torch
from torch import nn


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, norm and ReLU, halving the image."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class FineTuned(nn.Module):
    """Frozen, mixed and trainable parts; train and eval side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(stage(3, 8), stage(8, 16), stage(16, 32))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(32, 5))
        self.backbone.requires_grad_(False).eval()
        self.backbone[2].requires_grad_(True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.flatten(self.pool(self.backbone(x)), 1))


example_inputs = torch.randn(2, 3, 32, 32)
