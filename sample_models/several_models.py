"""Three models in one file, none a part of another: one must be named."""

import torch
from torch import nn


class Block(nn.Module):
    """A part of all three, and so not one of them."""

    def __init__(self, size: int = 8) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.relu(self.linear(x))


class Shallow(nn.Module):
    """One block."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x)


class Deep(nn.Module):
    """Eight blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[Block() for _ in range(8)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x)


class Wide(nn.Module):
    """Four blocks side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(4)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([block(x) for block in self.blocks], dim=1)


example_inputs = torch.randn(2, 8)
