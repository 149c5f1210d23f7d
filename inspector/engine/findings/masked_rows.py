"""NN310: attention rows of which every key is masked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inspector.engine.findings.run_rule import Noticed, RunRule, RunScene, short
from inspector.engine.findings.softmax_axis import axis_of, is_softmax
from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.kinds import is_a, truth
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind

_AS_GOOD_AS_MINUS_INFINITY = -1e4
"""What is added for a masked key where -inf would give NaN; float16 allows no less."""
_NEAR = 2e-3
_FEWEST = 3
"""Positions that an attention must have for its mask to have a form."""
_LARGEST = 1 << 26


_ATTENTION = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)


class _Masked(NamedTuple):
    rows: int
    of: int
    samples: int
    """Whole samples of which no row has a key left."""
    name: str
    """Of the mask."""
    nan: bool
    """Whether NaN came of it."""
    inverted: bool
    """Whether hiding the other keys instead would leave every row some."""
    stranded: bool = False
    """Whether one of these rows is itself a key of others: padding is neither."""


class MaskedRows(RunRule):
    id = "NN310"
    modes = ("eval", "train")

    def __init__(self) -> None:
        self._met: dict[int, _Masked] = {}

    def heeds(self, call: Call) -> bool:
        if call.kind == CallKind.MODULE and is_a(call.module, *_ATTENTION):
            return True
        return is_softmax(call) or short(call) == "scaled_dot_product_attention"

    def watch(self, returned: Returned) -> None:
        call = returned.call
        if call.kind == CallKind.MODULE and is_a(call.module, nn.MultiheadAttention):
            if _adds_a_key(call.module):
                return
            found = _of_attention(returned, ("attn_mask", 5), ("key_padding_mask", 3))
        elif call.kind == CallKind.MODULE and is_a(call.module, nn.TransformerEncoderLayer):
            found = _of_attention(returned, ("src_mask", 1), ("src_key_padding_mask", 2))
        elif call.kind == CallKind.MODULE and is_a(call.module, nn.TransformerEncoder):
            found = _of_attention(returned, ("mask", 1), ("src_key_padding_mask", 2))
        elif call.kind == CallKind.OPERATION and short(call) == "scaled_dot_product_attention":
            found = _of_function(returned)
        elif is_softmax(call) and returned.given:
            found = _of_softmax(returned)
        else:
            return
        if found is not None:
            nan = any(seen.stats is not None and seen.stats.nan for seen in call.outputs)
            self._met[call.index] = found._replace(nan=nan)

    def find(self, scene: RunScene) -> Iterable[Noticed]:
        told: set[tuple[int, int]] = set()
        for index, met in self._met.items():
            call = scene.calls[index]
            if not met.samples and not met.nan and not met.stranded:
                continue
            if _inside_one(call, self._met) or (call.row, met.rows) in told or self._is_mended(scene, call, met):
                continue
            told.add((call.row, met.rows))
            yield _noticed(scene, call, met)

    def _is_mended(self, scene: RunScene, call: Call, met: _Masked) -> bool:
        """Whether the NaN of some rows is gone by the end: then somebody knew of them."""
        outputs = [seen.stats for seen in scene.calls[0].outputs if seen.stats is not None]
        return met.nan and not met.stranded and bool(outputs) and not any(stats.nan for stats in outputs)


def _noticed(scene: RunScene, call: Call, met: _Masked) -> Noticed:
    rows = f"{met.rows:,} of {met.of:,} rows" if not met.samples else f"all rows of {met.samples:,} along axis 0"
    if met.name.endswith("key_padding_mask") and met.samples:
        rows = f"{met.samples:,} of {met.of:,} samples"
    what = f"{rows} have every key masked"
    result = "softmax over -inf alone gives NaN" if met.nan else "what comes out there tells nothing of the keys"
    return Noticed(
        call.row,
        f"{scene.who(call)}: {what}{f' by {met.name}' if met.name else ''}: {result}",
        _fix(call, met),
        scene.line(call),
        call.index,
    )


def _fix(call: Call, met: _Masked) -> str:
    if not met.inverted:
        return "leave every row at least one key, or keep such samples out of the batch"
    if call.kind == CallKind.MODULE:
        return f"~{met.name}: in nn.MultiheadAttention True means that a key is ignored"
    return "the mask may mean the opposite: in scaled_dot_product_attention True means that a key is used"


def _inside_one(call: Call, met: dict[int, _Masked]) -> bool:
    around = call.parent
    while around is not None:
        if around.index in met:
            return True
        around = around.parent
    return False


# --- masks of nn.MultiheadAttention -----------------------------------------------------------------------------------


def _of_attention(returned: Returned, pairs: tuple[str, int], padding: tuple[str, int]) -> _Masked | None:
    """Rows that either mask, or both together, leave no key."""
    pairs_mask, padding_mask = returned.argument(pairs[1], pairs[0]), returned.argument(padding[1], padding[0])
    hidden_pairs, hidden_keys = _hidden(pairs_mask), _hidden(padding_mask)
    if hidden_keys is not None and hidden_keys.dim() == 2:
        whole = hidden_keys.all(-1)
        if bool(whole.any()):
            inverted = not bool((~hidden_keys).all(-1).any())
            return _Masked(int(whole.sum()), len(whole), int(whole.sum()), padding[0], False, inverted)
    if hidden_pairs is None:
        return None
    rows = hidden_pairs.all(-1)
    if bool(rows.any()):
        inverted = not bool((~hidden_pairs).all(-1).any())
        return _Masked(int(rows.sum()), rows.numel(), 0, pairs[0], False, inverted, _strands(hidden_pairs, rows))
    if hidden_keys is None or hidden_keys.dim() != 2 or hidden_pairs.dim() != 2:
        return None
    rows = (hidden_pairs[None] | hidden_keys[:, None]).all(-1)
    if not bool(rows.any()):
        return None
    return _Masked(int(rows.sum()), rows.numel(), int(rows.all(-1).sum()), f"{pairs[0]} and {padding[0]}", False, False)


def _adds_a_key(module: nn.Module) -> bool:
    """Whether every row has a key of the layer's own, which no mask hides: add_bias_kv and add_zero_attn."""
    mine = attributes(module)
    return truth(mine.get("add_zero_attn")) or (mine.get("_parameters") or {}).get("bias_k") is not None


def _hidden(mask: Any) -> Tensor | None:
    """Where a mask hides a key; None of what is none."""
    if not is_a(mask, Tensor) or mask.numel() > _LARGEST or not mask.numel() or mask.dim() < 2:
        return None
    if mask.dtype is torch.bool:
        return torch.as_tensor(mask)
    return torch.as_tensor(mask) <= _AS_GOOD_AS_MINUS_INFINITY if mask.is_floating_point() else None


def _strands(hidden: Tensor, rows: Tensor) -> bool:
    """Whether a position that may attend to nothing is attended to by others, as where a causal mask is inverted.

    `hidden` is (…, rows, keys), `rows` (…, rows) those without a key. What is padding has neither row nor column.
    """
    if hidden.shape[-2] != hidden.shape[-1] or hidden.shape[-1] < _FEWEST:
        return False
    return bool((rows & ~hidden.all(-2)).any())


# --- scaled_dot_product_attention ------------------------------------------------------------------------------------


def _of_function(returned: Returned) -> _Masked | None:
    mask = returned.argument(3, "attn_mask")
    hidden = _hidden(mask)
    if hidden is None:
        return None
    hidden = ~hidden if mask.dtype is torch.bool else hidden
    rows = hidden.all(-1)
    if not bool(rows.any()):
        return None
    samples = int(rows.flatten(1).all(-1).sum()) if rows.dim() >= 2 else int(bool(rows.all()))
    inverted = mask.dtype is torch.bool and not bool((~hidden).all(-1).any())
    return _Masked(int(rows.sum()), rows.numel(), samples, "attn_mask", False, inverted, _strands(hidden, rows))


# --- softmax ----------------------------------------------------------------------------------------------------------


def _of_softmax(returned: Returned) -> _Masked | None:
    """Rows of scores that are all -inf; or as low as what stands for it, where that is true of whole samples."""
    tensor, met = returned.given[0]
    if not tensor.is_floating_point() or tensor.numel() > _LARGEST or tensor.dim() < 2:
        return None
    stats = returned.stats(tensor, met)
    axis, _ = axis_of(returned)
    if stats is None or axis is None or not -tensor.dim() <= axis < tensor.dim():
        return None
    stranded = False
    if stats.negative_infinity:
        rows = tensor.amax(axis) == -torch.inf
    elif stats.minimum is not None and stats.minimum <= _AS_GOOD_AS_MINUS_INFINITY:
        rows = _hidden_by_numbers(tensor, axis)
        stranded = axis % tensor.dim() == tensor.dim() - 1 and bool(rows.any()) and _hides_the_past(tensor)
    else:
        return None
    if not bool(rows.any()):
        return None
    samples = int(rows.flatten(1).all(-1).sum())
    return _Masked(int(rows.sum()), rows.numel(), samples, "", False, False, stranded)


def _hidden_by_numbers(scores: Tensor, axis: int) -> Tensor:
    """Rows whose scores are all about the one large negative number that masks write."""
    highest, lowest = scores.amax(axis), scores.amin(axis)
    near = (highest - lowest).abs() <= _NEAR * highest.abs()
    return (highest <= _AS_GOOD_AS_MINUS_INFINITY) & near


def _hides_the_past(scores: Tensor) -> bool:
    """Whether of every position exactly what comes before it and itself is masked: a causal mask, inverted.

    One that hides a position from itself alone besides the future may be meant.
    """
    rows, keys = scores.shape[-2:]
    if rows != keys or keys < _FEWEST:
        return False
    past = torch.ones(rows, keys, dtype=torch.bool, device=scores.device).tril()
    return bool(((scores <= _AS_GOOD_AS_MINUS_INFINITY) == past).all())
