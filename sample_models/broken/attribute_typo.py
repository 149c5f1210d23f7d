"""A typing error in forward."""

import torch
from torch import nn

example_inputs = torch.randn(2, 8)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(8, 16)
        self.output = nn.Linear(16, 2)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return self.ouput(x)  # <- fails here
