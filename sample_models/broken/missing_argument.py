"""The decoder wants the encoder's memory, and nobody gives it."""

import torch
from torch import nn

example_inputs = torch.randn(2, 6, 16)


class Decoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.cross = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, target, memory, mask=None):
        return self.cross(target, memory, memory, attn_mask=mask)[0]


class Translator(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.encoder = nn.Linear(width, width)
        self.decoder = Decoder(width)

    def forward(self, x):
        memory = self.encoder(x)
        return self.decoder(memory)  # <- fails here
