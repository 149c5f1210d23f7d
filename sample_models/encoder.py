"""A TransformerEncoder with a position embedding and a padding mask: a classifier of sentences."""

import torch
from torch import nn


class SentenceClassifier(nn.Module):
    """Two classes from the mean over the words that are no padding."""

    def __init__(self, vocab_size: int = 500, d_model: int = 64, num_layers: int = 6, max_len: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, d_model, padding_idx=0)
        self.positions = nn.Embedding(max_len, d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead=8, dim_feedforward=128, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.head = nn.Linear(d_model, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        padding = ids == 0
        x = self.tokens(ids) + self.positions(torch.arange(ids.size(1), device=ids.device))
        x = self.encoder(x, src_key_padding_mask=padding)
        x = x.masked_fill(padding[..., None], 0).sum(1) / (~padding).sum(1, keepdim=True)
        return self.head(x)


def example_inputs() -> torch.Tensor:
    """Two sentences, the second one padded with zeros."""
    ids = torch.randint(1, 500, (2, 12))
    ids[1, 8:] = 0
    return ids
