"""nn.Transformer, small: a source and a target sequence in, the target's features out."""

import torch
from torch import nn


class Translator(nn.Module):
    """Token ids to scores over a vocabulary of 100."""

    def __init__(self, d_model: int = 32, nhead: int = 4, vocab_size: int = 100) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.transformer = nn.Transformer(
            d_model, nhead, num_encoder_layers=2, num_decoder_layers=2, dim_feedforward=64, batch_first=True
        )
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, src: torch.Tensor, tgt: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tgt.size(1))
        features = self.transformer(self.embedding(src), self.embedding(tgt), tgt_mask=mask)
        return self.head(features)


example_inputs = (torch.randint(0, 100, (2, 9)), torch.randint(0, 100, (2, 7)))
