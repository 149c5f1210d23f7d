"""A safetensors file by its header alone: eight bytes of length, then JSON with every name, dtype and shape."""

from __future__ import annotations

import json
import os
from typing import Any

import torch
from torch import Tensor

from inspector.engine.checkpoint.refusals import refuse_file

_LENGTH = 8
_LONGEST = 100_000_000
"""Bytes of a header; the format allows no more."""

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu", "C64": "complex64", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def looks_like_one(begin: bytes, size: int) -> bool:
    """Whether the first nine bytes of a file announce such a header."""
    return len(begin) > _LENGTH and begin[_LENGTH : _LENGTH + 1] == b"{" and _length(begin) <= min(size, _LONGEST)


def _length(begin: bytes) -> int:
    return int.from_bytes(begin[:_LENGTH], "little")


def read(file: str) -> dict[str, Tensor]:
    """Every tensor of the file without memory. Raises LoadFailed of a file that is cut off or garbled."""
    name = os.path.basename(file)
    with open(file, "rb") as opened:
        length = _length(opened.read(_LENGTH))
        text = opened.read(length) if length <= _LONGEST else b""
    try:
        header: dict[str, Any] = json.loads(text)
        header.pop("__metadata__", None)
        tensors = {key: _tensor(about) for key, about in header.items()}
        end = max((int(about["data_offsets"][1]) for about in header.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError) as error:
        raise refuse_file(
            f"{name} is no whole safetensors file: its header cannot be read ({type(error).__name__})",
            "it may have broken off on its way here: download or copy it again",
        ) from None
    if (missing := _LENGTH + length + end - os.path.getsize(file)) > 0:
        raise refuse_file(f"{name} is cut off: {missing:,} bytes are missing at its end", "download or copy it again")
    return tensors


def _tensor(about: dict[str, Any]) -> Tensor:
    dtype = getattr(torch, _DTYPES.get(about["dtype"], ""), torch.uint8)
    return torch.empty([int(size) for size in about["shape"]], dtype=dtype, device="meta")
