"""ModuleDict: layers by name, and a forward that is told by strings which of them to use."""

import torch
from torch import nn


class Chooser(nn.Module):
    """Runs one of its layers, then one of its activations; the others are not called."""

    def __init__(self) -> None:
        super().__init__()
        self.choices = nn.ModuleDict({"conv": nn.Conv2d(10, 10, 3), "pool": nn.MaxPool2d(3)})
        self.activations = nn.ModuleDict([["lrelu", nn.LeakyReLU()], ["prelu", nn.PReLU()]])

    def forward(self, x: torch.Tensor, choice: str, act: str) -> torch.Tensor:
        x = self.choices[choice](x)
        return self.activations[act](x)


example_inputs = (torch.randn(2, 10, 12, 12), "conv", "prelu")
