"""A thousand layers: five hundred times Linear and Tanh, in blocks of two."""

import torch
from torch import nn


class Step(nn.Module):
    """A small residual step."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size)
        self.tanh = nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.01 * self.tanh(self.linear(x))


class ThousandLayers(nn.Module):
    """500 steps of two layers each."""

    def __init__(self, steps: int = 500, size: int = 16) -> None:
        super().__init__()
        self.steps = nn.Sequential(*[Step(size) for _ in range(steps)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.steps(x)


example_inputs = torch.randn(2, 16)
