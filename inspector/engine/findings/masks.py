"""NN209: an attention mask of another shape than the attention has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine.findings.phrases import by
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor


@dataclass(frozen=True, slots=True)
class _Attention:
    """Sizes of one attention, and the masks that it got."""

    batch: int | None
    """None: without a batch axis."""
    target: int
    source: int
    heads: int
    batch_first: bool
    pairs: tuple[str, Any]
    """Name and value of the mask of pairs (target, source)."""
    padding: tuple[str, Any]
    """Name and value of the mask of keys (batch, source)."""


def _prove(scene: Scene) -> Proof | None:
    if scene.operation == "scaled_dot_product_attention":
        return _functional(scene)
    attention = _attention(scene)
    if attention is None:
        return None
    return _padding(scene, attention) or _pairs(scene, attention)


# --- modules ----------------------------------------------------------------------------------------------------------


def _attention(scene: Scene) -> _Attention | None:
    bound = scene.bound()
    if (module := scene.module(nn.MultiheadAttention)) is not None:
        query, key, inner = bound.get("query"), bound.get("key"), module
        names = ("attn_mask", "key_padding_mask")
    elif (module := scene.module(nn.TransformerEncoderLayer)) is not None:
        query = key = bound.get("src")
        inner, names = module.self_attn, ("src_mask", "src_key_padding_mask")
    else:
        return None
    if not is_tensor(query) or not is_tensor(key) or query.dim() not in (2, 3) or key.dim() != query.dim():
        return None
    axis = 1 if inner.batch_first and query.dim() == 3 else 0
    batch = query.shape[1 - axis] if query.dim() == 3 else None
    pairs, padding = ((name, bound.get(name)) for name in names)
    return _Attention(batch, query.shape[axis], key.shape[axis], inner.num_heads, inner.batch_first, pairs, padding)


def _read(attention: _Attention) -> str:
    sizes = [("target", attention.target), ("source", attention.source)]
    if attention.batch is not None:
        sizes.insert(0 if attention.batch_first else 2, ("batch", attention.batch))
    named = ", ".join(f"{name}={size}" for name, size in sizes)
    return f"{named} with batch_first={bool(attention.batch_first)}"


def _padding(scene: Scene, attention: _Attention) -> Proof | None:
    name, mask = attention.padding
    wanted = (attention.source,) if attention.batch is None else (attention.batch, attention.source)
    if not is_tensor(mask) or tuple(mask.shape) == wanted:
        return None
    swapped = len(wanted) == 2 and tuple(mask.shape) == wanted[::-1]
    return Proof(
        message=f"{scene.who} expects {name} of {by(wanted)} (batch, source), got {by(mask.shape)}: {_read(attention)}",
        fix=_padding_fix(attention) if swapped else "",
        received=f"{name} {by(mask.shape)}",
        expected=f"{name} {by(wanted)}",
        producer=scene.origin(mask),
    )


def _padding_fix(attention: _Attention) -> str:
    if attention.batch_first:
        return "mask.T: it is (batch, source)"
    return "batch_first=True, if axis 0 is the batch; else mask.T: it is (batch, source) whatever batch_first is"


def _pairs(scene: Scene, attention: _Attention) -> Proof | None:
    name, mask = attention.pairs
    plain = (attention.target, attention.source)
    per_head = ((attention.batch or 1) * attention.heads, *plain)
    if not is_tensor(mask) or tuple(mask.shape) in (plain, per_head):
        return None
    heads = f"{by(per_head)} (batch × heads, target, source)"
    return Proof(
        message=f"{scene.who} expects {name} of {by(plain)} (target, source) or {heads}, got {by(mask.shape)}: "
        f"{_read(attention)}",
        fix=_pairs_fix(attention, mask),
        received=f"{name} {by(mask.shape)}",
        expected=f"{name} {by(plain)} or {by(per_head)}",
        producer=scene.origin(mask),
    )


def _pairs_fix(attention: _Attention, mask: Tensor) -> str:
    got, batch = tuple(mask.shape), attention.batch
    if got == (batch, attention.source):
        return f"this is the shape of a padding mask: {attention.padding[0]}=mask"
    if batch is not None and got == (batch, batch) and attention.target == attention.source:
        return f"batch_first={not attention.batch_first}, if axis {int(attention.batch_first)} is the batch"
    if got == (batch, attention.target, attention.source):
        return f"one for each head: mask.repeat_interleave({attention.heads}, 0)"
    return ""


# --- scaled_dot_product_attention -------------------------------------------------------------------------------------


def _functional(scene: Scene) -> Proof | None:
    query, key, mask = scene.given(0, "query"), scene.given(1, "key"), scene.given(3, "attn_mask")
    if not all(is_tensor(tensor) and tensor.dim() >= 2 for tensor in (query, key, mask)):
        return None
    scores = (*query.shape[:-1], key.shape[-2])
    if _broadcasts(tuple(mask.shape), scores):
        return None
    return Proof(
        message=f"{scene.who}: a mask of {by(mask.shape)} does not broadcast to the scores of {by(scores)} "
        "(..., target, source)",
        fix=_functional_fix(tuple(mask.shape), scores),
        received=f"attn_mask {by(mask.shape)}",
        expected=f"attn_mask {by(scores[-2:])} or {by(scores)}",
        producer=scene.origin(mask),
    )


def _functional_fix(mask: tuple[int, ...], scores: tuple[int, ...]) -> str:
    if len(scores) == 4 and mask == (scores[0], scores[3]):
        return "mask[:, None, None, :], if it tells which keys count"
    if len(scores) == 4 and mask == (scores[0], scores[2], scores[3]):
        return "mask[:, None]: the same for every head"
    return ""


def _broadcasts(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        return tuple(torch.broadcast_shapes(one, other)) == other  # type: ignore[no-untyped-call]
    except RuntimeError:
        return False


MASKS = Rule(
    "NN209",
    (RuntimeError, AssertionError, ValueError),
    _prove,
    r"mask",
)
