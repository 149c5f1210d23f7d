"""ModuleList: ten equal layers in a list that nn.Module knows of, used in a loop."""

import torch
from torch import nn


class LayerStack(nn.Module):
    """Each layer sees what all layers before it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(10, 10) for _ in range(10)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i, layer in enumerate(self.linears):
            x = self.linears[i // 2](x) + layer(x)
        return x


example_inputs = torch.randn(2, 10)
