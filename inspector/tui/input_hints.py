"""Help while an input is typed: what stands under the cursor may be, and the next kind of values or dtype."""

from __future__ import annotations

from inspector.tui.input_text import KINDS, TensorText, tensor_text

COMMON_DTYPES = ("float32", "float16", "bfloat16", "float64", "int64", "int32", "bool")
"""Those that one key goes through."""
_HINTS = {
    "empty": "2x3x32x32 a tensor · @batch.pt a file · 3 · 'text' · True · None · (…, …) several",
    "kind": f"values: {' '.join(KINDS)}, then a colon and the shape",
    "shape": "shape: sizes with x between them; 5x is one axis, scalar none · then :dtype, :range",
    "dtype": "dtype: float32 float16 bfloat16 float64 int64 int32 uint8 bool complex64 …",
    "range": "range: 0-999 of whole numbers, the last one included; -1..1 of others",
    "file": "file: .pt and .pth (tensors alone), .npy, .npz, .safetensors",
    "value": "a number, 'text', True, False, None, or (…), […], {'key': …} of such and of tensors",
}


def hint(text: str, cursor: int) -> str:
    """What may stand where the cursor is."""
    return _HINTS[part_at(text, cursor)]


def part_at(text: str, cursor: int) -> str:
    """Which part of the grammar the cursor is in."""
    if not text.strip():
        return "empty"
    if text.lstrip().startswith("@"):
        return "file"
    typed = tensor_text(text)
    if typed is None:
        return "value"
    parts = ["kind", "shape", "dtype", "range"][0 if typed.kind else 1 :]
    return parts[min(text[:cursor].count(":"), len(parts) - 1)]


def next_kind(text: str) -> str:
    """The same tensor with other values: random, evenly random, zeros, ones, counted; other text as it is."""
    typed = tensor_text(text)
    if typed is None:
        return text
    kinds = ["", "uniform", "zeros", "ones", "arange"] if typed.floating else ["", "zeros", "ones", "arange"]
    present = "" if typed.kind in ("normal", "uniform") and typed.kind not in kinds else typed.kind
    present = "" if present == "normal" else present
    kind = kinds[(kinds.index(present) + 1) % len(kinds)] if present in kinds else ""
    keeps_range = kind in ("", "uniform")
    return typed._replace(kind=kind, range=typed.range if keeps_range else None).spelled()


def next_dtype(text: str) -> str:
    """The same tensor in another dtype, without a range that this one does not have; other text as it is."""
    typed = tensor_text(text)
    if typed is None:
        return text
    present = typed.whole_dtype
    at = COMMON_DTYPES.index(present) + 1 if present in COMMON_DTYPES else 0
    changed = typed._replace(dtype=COMMON_DTYPES[at % len(COMMON_DTYPES)])
    return changed._replace(range=None if _is_foreign(changed) else changed.range).spelled()


def _is_foreign(typed: TensorText) -> bool:
    """Whether the range has no meaning in this dtype."""
    return typed.dtype == "bool" or (not typed.floating and "." in (typed.range or "").replace("..", ""))
