"""What lies in a checkpoint, and what a model would load: names, shapes and dtypes, nothing that holds memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry of a state dict."""

    shape: tuple[int, ...] | None
    """None of a lazy tensor, and of what is no tensor."""
    dtype: str = ""
    layout: str = ""
    """Said only when it is not strided: `sparse_coo`, `quantized`."""
    what: str = ""
    """Class name of what is no tensor."""

    @property
    def is_tensor(self) -> bool:
        """Whether load_state_dict would try to copy it."""
        return not self.what


@dataclass(frozen=True, slots=True)
class StateDict:
    """A state dict in a checkpoint."""

    place: str
    """`["state_dict"]`, or what else leads to it; empty when it is all that the file holds."""
    entries: Mapping[str, Stored]
    versions: Mapping[str, Any] | None = None
    """What torch writes beside it: module path → the version of its layout; None where it was lost."""

    def version(self, path: str) -> Any:
        """The version under which a module's tensors were written; None where nobody knows."""
        about = (self.versions or {}).get(path)
        return about.get("version") if isinstance(about, Mapping) else None


@dataclass(frozen=True, slots=True)
class Contents:
    """A file that was read."""

    format: str
    top: Any
    """What was saved: mappings, tensors without memory of their own, or whatever else."""
    notes: tuple[str, ...] = field(default=())


def stored(value: object) -> Stored:
    """What a state dict's entry is like."""
    if not isinstance(value, Tensor):
        return Stored(None, what=type(value).__name__)
    if is_lazy(value):
        return Stored(None, dtype_name(value.dtype))
    layout = "quantized" if value.is_quantized else "" if value.layout is torch.strided else str(value.layout)[6:]
    return Stored(tuple(map(int, value.shape)), dtype_name(value.dtype), layout)


def dtype_name(dtype: torch.dtype) -> str:
    """`float32`"""
    return str(dtype).removeprefix("torch.")
