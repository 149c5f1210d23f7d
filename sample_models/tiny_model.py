"""The first model of the PyTorch tutorials: two linear layers, a ReLU between them, a softmax at the end."""

import torch
from torch import nn


class TinyModel(nn.Module):
    """100 numbers in, 10 probabilities out."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(100, 200)
        self.activation = nn.ReLU()
        self.linear2 = nn.Linear(200, 10)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear1(x)
        x = self.activation(x)
        x = self.linear2(x)
        return self.softmax(x)


example_inputs = torch.randn(2, 100)
