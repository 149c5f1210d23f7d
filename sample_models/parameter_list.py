"""ParameterList: matrices without layers around them, multiplied in a loop."""

import torch
from torch import nn


class MatrixChain(nn.Module):
    """A product of ten square matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.params = nn.ParameterList([nn.Parameter(torch.randn(10, 10) / 10) for _ in range(10)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i, matrix in enumerate(self.params):
            x = self.params[i // 2].mm(x) + matrix.mm(x)
        return x


example_inputs = torch.randn(10, 2)
