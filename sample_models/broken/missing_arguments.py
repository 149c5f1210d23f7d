"""Cannot be built without being told how wide and how deep."""

from torch import nn


class Net(nn.Module):
    def __init__(self, in_features: int, hidden: int, num_layers: int, dropout: float = 0.1):  # <- fails here
        super().__init__()
        self.embed = nn.Linear(in_features, hidden)
        self.layers = nn.Sequential(*[nn.Linear(hidden, hidden) for _ in range(num_layers)])
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return self.layers(self.drop(self.embed(x)))
