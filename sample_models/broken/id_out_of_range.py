"""The tokenizer got a padding token, and the embedding did not get its row."""

import torch
from torch import nn

example_inputs = torch.tensor([[464, 3290, 318, 50257], [262, 3797, 50257, 50257]])


class Language(nn.Module):
    def __init__(self, vocabulary=50257, width=8):
        super().__init__()
        self.token_emb = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, 2)

    def forward(self, ids):
        x = self.token_emb(ids)  # <- fails here
        return self.head(x.mean(1))
