"""Attention rows without a key (NN310), in every form that a mask can have; and masks that leave each row one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from tests.engine.noticing import noticed
from tests.process_state import put_back

TIME, WIDTH, HEADS, BATCH = 6, 16, 4, 3
CAUSAL = torch.ones(TIME, TIME, dtype=torch.bool).tril()
"""True where a key may be used."""
STRICT = CAUSAL.tril(-1)
WINDOW = CAUSAL & ~CAUSAL.tril(-3)
EMPTY = torch.zeros(BATCH, TIME, dtype=torch.bool)
"""True where a key is padding; all of sample 1."""
EMPTY[1] = True
RIGHT = torch.zeros(BATCH, TIME, dtype=torch.bool)
RIGHT[1, 3:] = True
LEFT = RIGHT.flip(1)
LEFT_CAUSAL = (CAUSAL & ~LEFT[:, None])[:, None]


def minus(hidden: Tensor, low: float = -math.inf) -> Tensor:
    """The mask that is added to scores."""
    return torch.zeros(hidden.shape).masked_fill(hidden, low)


class Product(nn.Module):
    """F.scaled_dot_product_attention with a mask of its own."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).view(len(x), TIME, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        y: Tensor = scaled_dot_product_attention(q, k, v, attn_mask=self.get_buffer("mask"))
        return y.transpose(1, 2).reshape(x.shape)


class ByHand(nn.Module):
    def __init__(self, seen: Tensor, low: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.register_buffer("seen", seen)
        self.low = low

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = (q @ k.transpose(1, 2) / 4).masked_fill(~self.get_buffer("seen"), self.low)
        y: Tensor = scores.softmax(-1) @ v
        return y


class Multihead(nn.Module):
    def __init__(self, weights: bool = True, own: str = "", **masks: Tensor) -> None:
        super().__init__()
        more = {own: True} if own else {}
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **more)
        self.weights, self.masks = weights, masks

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attention(x, x, x, need_weights=self.weights, **self.masks)[0]
        return x + y


class Encoder(nn.Module):
    def __init__(self, **masks: Tensor) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.masks = masks

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.encoder(x, **self.masks)
        return y


class Both(nn.Module):
    """nn.Transformer."""

    def __init__(self, **masks: Tensor) -> None:
        super().__init__()
        self.transformer = nn.Transformer(WIDTH, HEADS, 1, 1, 32, batch_first=True)
        self.masks = masks

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.transformer(x, x, **self.masks)
        return y


SICK = {
    "the product, inverted": Product(~CAUSAL),
    "the product, inverted, for all heads": Product(~CAUSAL[None, None]),
    "the product, inverted, added": Product(minus(CAUSAL)),
    "the product, inverted, added as -1e9": Product(minus(CAUSAL, -1e9)),
    "the product, without itself": Product(STRICT),
    "the product, one row": Product(minus(torch.arange(TIME)[:, None] == torch.zeros(TIME))),
    "the product, an empty sample": Product(~EMPTY[:, None, None]),
    "the product, an empty sample, added": Product(minus(EMPTY)[:, None, None]),
    "multihead, inverted": Multihead(attn_mask=CAUSAL),
    "multihead, inverted, no weights": Multihead(weights=False, attn_mask=CAUSAL),
    "multihead, inverted, added": Multihead(attn_mask=minus(CAUSAL)),
    "multihead, inverted, added, no weights": Multihead(weights=False, attn_mask=minus(CAUSAL)),
    "multihead, inverted, for each head": Multihead(attn_mask=CAUSAL.expand(BATCH * HEADS, TIME, TIME)),
    "multihead, an empty sample": Multihead(key_padding_mask=EMPTY),
    "multihead, an empty sample, no weights": Multihead(weights=False, key_padding_mask=EMPTY),
    "multihead, an empty sample, added": Multihead(key_padding_mask=minus(EMPTY)),
    "multihead, inverted padding": Multihead(key_padding_mask=~RIGHT),
    "encoder, inverted": Encoder(mask=CAUSAL),
    "encoder, an empty sample": Encoder(src_key_padding_mask=EMPTY),
    "transformer, inverted for the target": Both(tgt_mask=CAUSAL),
    "transformer, inverted for the source, added": Both(src_mask=minus(CAUSAL)),
    "transformer, an empty source": Both(src_key_padding_mask=EMPTY),
    "transformer, an empty target": Both(tgt_key_padding_mask=EMPTY),
    "transformer, an empty memory": Both(memory_key_padding_mask=EMPTY),
    "by hand, inverted": ByHand(~CAUSAL, -math.inf),
    "by hand, inverted, -1e9": ByHand(~CAUSAL, -1e9),
    "by hand, inverted, the lowest number": ByHand(~CAUSAL, torch.finfo(torch.float32).min),
    "by hand, without itself": ByHand(STRICT, -math.inf),
    "by hand, an empty sample": ByHand(~EMPTY[:, None], -1e9),
}
HEALTHY = {
    "the product": Product(CAUSAL),
    "the product, added": Product(minus(~CAUSAL)),
    "the product, a window": Product(WINDOW),
    "the product, padding": Product(~RIGHT[:, None, None]),
    "the product, padding of rows and keys": Product(~(RIGHT[:, :, None] | RIGHT[:, None])[:, None]),
    "the product, padding before": Product(LEFT_CAUSAL),
    "the product, padding before, added": Product(minus(~LEFT_CAUSAL)),
    "multihead": Multihead(attn_mask=~CAUSAL),
    "multihead, padding": Multihead(weights=False, attn_mask=~CAUSAL, key_padding_mask=RIGHT),
    "multihead, a key of its own for those before anything": Multihead(own="add_bias_kv", attn_mask=~STRICT),
    "multihead, a zero for those before anything": Multihead(own="add_zero_attn", attn_mask=~STRICT),
    "multihead, a zero for an empty sample": Multihead(own="add_zero_attn", key_padding_mask=EMPTY),
    "encoder": Encoder(mask=~CAUSAL),
    "encoder, padding": Encoder(src_key_padding_mask=RIGHT),
    "transformer": Both(tgt_mask=minus(~CAUSAL), src_key_padding_mask=RIGHT, memory_key_padding_mask=RIGHT),
    "by hand": ByHand(CAUSAL, -math.inf),
    "by hand, -1e9": ByHand(CAUSAL, -1e9),
    "by hand, without itself, -1e9": ByHand(STRICT, -1e9),
    "by hand, padding before": ByHand(LEFT_CAUSAL[:, 0], -1e9),
}


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


def told(model: nn.Module) -> list[str]:
    findings = noticed(model.eval(), torch.randn(BATCH, TIME, WIDTH)).run()
    return [finding.id for finding in findings if finding.severity != "note"]


@pytest.mark.parametrize("name", SICK)
@pytest.mark.filterwarnings("ignore")
def test_rows_without_a_key_are_found(name: str) -> None:
    assert "NN310" in told(SICK[name])


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.filterwarnings("ignore")
def test_nothing_is_said_where_every_row_has_one(name: str) -> None:
    assert told(HEALTHY[name]) == []
