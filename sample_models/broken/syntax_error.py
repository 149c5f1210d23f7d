"""Does not parse: a colon is missing."""

from torch import nn


class Net(nn.Module):
    def __init__(self)  # <- fails here
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x)
