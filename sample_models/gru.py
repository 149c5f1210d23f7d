"""A bidirectional GRU of two layers over a series of numbers."""

import torch
from torch import nn


class SeriesClassifier(nn.Module):
    """Four classes from the last states of both directions."""

    def __init__(self, features: int = 6, hidden: int = 16) -> None:
        super().__init__()
        self.gru = nn.GRU(features, hidden, num_layers=2, batch_first=True, bidirectional=True, dropout=0.1)
        self.head = nn.Linear(2 * hidden, 4)

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        _, last = self.gru(series)  # layers × directions, batch, hidden
        return self.head(torch.cat([last[-2], last[-1]], dim=1))


example_inputs = torch.randn(2, 20, 6)
