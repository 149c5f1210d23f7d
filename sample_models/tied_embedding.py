"""Weight tying: the embedding and the head of a language model are one and the same parameter."""

import torch
from torch import nn


class TiedLanguageModel(nn.Module):
    """`head.weight` is `embedding.weight`: counted once, trained once, saved twice."""

    def __init__(self, vocab_size: int = 200, dim: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim)
        self.rnn = nn.RNN(dim, dim, batch_first=True)
        self.head = nn.Linear(dim, vocab_size, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        features, _ = self.rnn(self.embedding(ids))
        return self.head(features)


example_inputs = torch.randint(0, 200, (2, 9))
