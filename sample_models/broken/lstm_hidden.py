"""Two layers, and a hidden state for one."""

import torch
from torch import nn

example_inputs = torch.randn(4, 20, 10)


class Forecast(nn.Module):
    def __init__(self, features=10, hidden=32, layers=2):
        super().__init__()
        self.hidden = hidden
        self.lstm = nn.LSTM(features, hidden, num_layers=layers, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, series):
        h = torch.zeros(1, series.size(0), self.hidden)
        c = torch.zeros(1, series.size(0), self.hidden)
        out, _ = self.lstm(series, (h, c))  # <- fails here
        return self.head(out[:, -1])
