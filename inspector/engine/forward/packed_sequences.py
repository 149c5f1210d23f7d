"""Packed sequences in a dry run: how many steps they have follows from their lengths, which are known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import rnn

PACK = torch.ops.aten._pack_padded_sequence.default
_NAME = "_pad_packed_sequence"


def pack(padded: Tensor, lengths: Tensor, batch_first: bool) -> tuple[tuple[int, ...], Tensor]:
    """The shape of what comes of packing, and the batch sizes, from lengths that have values.

    The batch sizes must stay real: recurrent layers read them without asking anybody.
    """
    data, sizes = PACK(torch.zeros(*padded.shape[:2], 1), lengths, batch_first)
    return (data.shape[0], *padded.shape[2:]), sizes


def pad(data: Tensor, sizes: Tensor, batch_first: bool, value: float, length: int) -> tuple[Tensor, Tensor]:
    """What torch does in C++, by operations that a tensor without values can take part in."""
    batches = sizes.tolist()
    if 0 < length < len(batches):
        raise RuntimeError(
            f"Expected total_length to be at least the length of the longest sequence in input, but got {length}"
        )
    steps = [(step, sequence) for step, batch in enumerate(batches) for sequence in range(batch)]
    places = torch.tensor(steps, dtype=torch.int64).reshape(-1, 2)
    padded = data.new_full((max(length, len(batches)), batches[0], *data.shape[1:]), value)
    padded[places[:, 0], places[:, 1]] = data
    lengths = torch.tensor([sum(batch > sequence for batch in batches) for sequence in range(batches[0])])
    return padded.transpose(0, 1) if batch_first else padded, lengths


@contextmanager
def padding_without_values() -> Iterator[None]:
    """While entered, torch pads by `pad`; its own writes lengths to the memory of a tensor that has none."""
    functions: Any = vars(rnn)["_VF"]
    setattr(functions, _NAME, pad)
    try:
        yield
    finally:
        delattr(functions, _NAME)
