"""Recurrent layers and attention: the rules fire, and name the axes as the layer read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence

from tests.engine.failing import Applied, Called, finding_of, tells
from tests.process_state import put_back

IMAGE = torch.ones(2, 3, 8, 8)
SEQUENCE = torch.ones(4, 2, 8)  # seq, batch, feature
STATE = torch.zeros(1, 4, 4)


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


@pytest.mark.parametrize(
    "case",
    [
        Called(
            nn.RNN(9, 4), (SEQUENCE,), "NN208", "layer expects 9 features, got 8 from input x: read as (seq=4, batch=2,"
        ),
        Called(nn.LSTM(4, 4), (SEQUENCE,), "NN208", "got 8", "axis 0 has 4: x.transpose(0, -1)"),
        Called(nn.GRU(8, 4), (IMAGE,), "NN208", "layer takes 3 axes (2 without a batch), got 4: 2×3×8×8"),
        Called(
            nn.GRU(8, 4),
            (SEQUENCE, STATE),
            "NN208",
            "layer expects h_0 of 1×2×4 (1 layer, batch, hidden), got 1×4×4",
            "batch_first=True, if axis 0 is the batch",
        ),
        Called(
            nn.RNN(8, 4), (SEQUENCE, (STATE, STATE)), "NN208", "takes one tensor h_0 as its hidden state, got a tuple"
        ),
        Called(
            nn.LSTM(8, 4), (SEQUENCE, STATE), "NN208", "takes a pair (h_0, c_0) as its hidden state, got one tensor"
        ),
        Called(
            nn.LSTM(8, 4, 2, bidirectional=True, batch_first=True),
            (SEQUENCE, (torch.zeros(4, 2, 4), torch.zeros(4, 2, 4))),
            "NN208",
            "h_0 of 4×4×4 (2 layers × 2 directions, batch, hidden), got 4×2×4",
        ),
        Called(
            nn.LSTM(8, 4, proj_size=2),
            (SEQUENCE, (torch.zeros(1, 2, 2), torch.zeros(1, 2, 3))),
            "NN208",
            "c_0 of 1×2×4",
        ),
        Called(
            nn.GRU(8, 4, batch_first=True),
            (torch.ones(2, 4, 8), torch.zeros(2, 1, 4)),
            "NN208",
            "got 2×1×4",
            "a hidden state is never batch first: h.transpose(0, 1)",
        ),
        Called(nn.LSTM(9, 4), (pack_padded_sequence(SEQUENCE, [4, 3]),), "NN208", "got a packed sequence with 8"),
        Called(nn.LSTMCell(9, 4), (SEQUENCE[0],), "NN208", "expects 9 features, got 8"),
        Called(nn.GRUCell(8, 4), (SEQUENCE[0], torch.zeros(3, 4)), "NN208", "a hidden state of 2×4, got 3×4"),
    ],
)
def test_recurrence(case: Called) -> None:
    tells(case)


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_the_hidden_state_that_is_offered_fits(layer: type[nn.RNNBase]) -> None:
    module = layer(8, 4)  # type: ignore[arg-type, call-arg]
    state = torch.zeros(3, 3, 4)
    model = Applied(lambda self, x: self.layer(x, (state, state) if layer is nn.LSTM else state), layer=module)
    fix = finding_of(model, SEQUENCE).fix
    offered = eval(fix, {"torch": torch, "x": SEQUENCE})
    output, _ = module(SEQUENCE, (offered, offered) if layer is nn.LSTM else offered)
    assert output.shape == (4, 2, 4)


@pytest.mark.parametrize(
    "case",
    [
        Called(
            nn.MultiheadAttention(8, 2),
            (SEQUENCE,) * 3,
            "NN209",
            "expects attn_mask of 4×4 (target, source) or 4×4×4 (batch × heads, target, source), got 3×3",
            keywords={"attn_mask": torch.zeros(3, 3)},
        ),
        Called(
            nn.MultiheadAttention(8, 2),
            (SEQUENCE,) * 3,
            "NN209",
            "expects key_padding_mask of 2×4 (batch, source), got 4×2",
            keywords={"key_padding_mask": torch.zeros(4, 2, dtype=torch.bool)},
        ),
        Called(
            nn.MultiheadAttention(8, 2),
            (SEQUENCE,) * 3,
            "NN209",
            "got 2×4",
            "this is the shape of a padding mask: key_padding_mask=mask",
            keywords={"attn_mask": torch.zeros(2, 4)},
        ),
        Called(
            nn.MultiheadAttention(8, 2),
            (SEQUENCE,) * 3,
            "NN209",
            "got 2×4×4",
            "one for each head: mask.repeat_interleave(2, 0)",
            keywords={"attn_mask": torch.zeros(2, 4, 4)},
        ),
        Called(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
            (SEQUENCE,),
            "NN209",
            "expects src_key_padding_mask of 4×2 (batch, source), got 2×4: batch=4, target=2",
            "mask.T: it is (batch, source)",
            keywords={"src_key_padding_mask": torch.zeros(2, 4, dtype=torch.bool)},
        ),
        Called(
            lambda x: F.scaled_dot_product_attention(x, x, x, torch.ones(2, 8)),
            (IMAGE,),
            "NN209",
            "a mask of 2×8 does not broadcast to the scores of 2×3×8×8",
            "mask[:, None, None, :], if it tells which keys count",
        ),
    ],
)
def test_masks(case: Called) -> None:
    tells(case)
