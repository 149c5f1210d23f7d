"""Features that come from NumPy, which makes float64 of Python's numbers."""

import numpy as np
import torch
from torch import nn

example_inputs = torch.from_numpy(np.linspace(0.0, 1.0, 4 * 13).reshape(4, 13))


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(13, 32)
        self.out = nn.Linear(32, 1)

    def forward(self, features):
        x = torch.relu(self.hidden(features))  # <- fails here
        return self.out(x)
