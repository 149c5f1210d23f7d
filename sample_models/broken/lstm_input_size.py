"""The tagger's LSTM was made for another embedding."""

import torch
from torch import nn

example_inputs = torch.randint(0, 200, (2, 12))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(200, 50)
        self.lstm = nn.LSTM(64, 32, batch_first=True, bidirectional=True)
        self.tags = nn.Linear(64, 5)

    def forward(self, ids):
        x = self.words(ids)
        x, _ = self.lstm(x)  # <- fails here
        return self.tags(x)
