"""A causal mask for the batch in place of the sentence: batch_first was left out."""

import torch
from torch import nn

example_inputs = torch.randint(0, 100, (3, 7))


class Decoder(nn.Module):
    def __init__(self, width=16, heads=4):
        super().__init__()
        self.tokens = nn.Embedding(100, width)
        self.attention = nn.MultiheadAttention(width, heads)
        self.head = nn.Linear(width, 100)

    def forward(self, ids):
        x = self.tokens(ids)
        causal = torch.full((ids.size(1), ids.size(1)), float("-inf")).triu(1)
        x, _ = self.attention(x, x, x, attn_mask=causal)  # <- fails here
        return self.head(x)
