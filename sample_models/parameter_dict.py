"""ParameterDict: parameters by name, one of them chosen by a keyword argument of forward."""

import torch
from torch import nn


class MatrixChoice(nn.Module):
    """Multiplies by the matrix that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.params = nn.ParameterDict(
            {"left": nn.Parameter(torch.randn(5, 10)), "right": nn.Parameter(torch.randn(5, 10))}
        )

    def forward(self, x: torch.Tensor, choice: str = "left") -> torch.Tensor:
        return self.params[choice].mm(x)


def example_inputs() -> tuple[tuple[torch.Tensor], dict[str, str]]:
    """Positional arguments, and keyword arguments."""
    return (torch.randn(10, 2),), {"choice": "right"}
