"""What nn.Module does not know of: layers in a plain list, a tensor as a plain attribute."""

import torch
from torch import nn


class Forgetful(nn.Module):
    """Runs, but its list of layers is never trained, moved or saved; nor is the scale."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(16, 16), nn.Linear(16, 16)]
        self.scale = torch.full((16,), 0.5)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x)) * self.scale
        return self.head(x)


example_inputs = torch.randn(2, 16)
