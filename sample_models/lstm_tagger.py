"""An LSTM that gives every word of a sentence a tag: Embedding, LSTM, Linear."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class LSTMTagger(nn.Module):
    """Log-probabilities of 5 tags for each word."""

    def __init__(self, embedding_dim: int = 32, hidden_dim: int = 64, vocab_size: int = 1000, tags: int = 5) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.hidden2tag = nn.Linear(hidden_dim, tags)

    def forward(self, sentence: torch.Tensor) -> torch.Tensor:
        embeds = self.word_embeddings(sentence)
        lstm_out, _ = self.lstm(embeds)
        return F.log_softmax(self.hidden2tag(lstm_out), dim=-1)


example_inputs = torch.randint(0, 1000, (2, 7))
