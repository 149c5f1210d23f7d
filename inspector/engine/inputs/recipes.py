"""How the value of one argument is made: drawn at random, written out, read from a file, or put together from such.

What was typed, and what is guessed, become recipes alike: they are made into tensors by one function, and spelled as
text by another, so that a guess can be typed again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

How = Literal["normal", "uniform", "zeros", "ones", "arange"]

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in vars(torch).values()
    if isinstance(dtype, torch.dtype) and not str(dtype).startswith(("torch.q", "torch.bits"))
}
"""Every dtype by the name that torch prints."""
SHORT_DTYPES = {
    "float": "float32", "double": "float64", "half": "float16", "bf16": "bfloat16", "fp16": "float16",
    "fp32": "float32", "f16": "float16", "f32": "float32", "f64": "float64", "int": "int32", "long": "int64",
    "short": "int16", "byte": "uint8", "i32": "int32", "i64": "int64", "u8": "uint8",
}  # fmt: skip
"""What people type for them."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A tensor of which only the shape, the dtype and the range of its values are known."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    how: How = "normal"
    low: float | None = None
    high: float | None = None
    """Of integers the last value, of floats the end of the range; None: what is usual for the dtype."""

    @property
    def floating(self) -> bool:
        """Whether its values are real or complex numbers rather than integers or truth values."""
        return DTYPES[self.dtype].is_floating_point or DTYPES[self.dtype].is_complex


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that is no tensor: a number, a text, None, or a container of such."""

    value: Any = field(compare=False)
    spelled: str = ""
    """How it is written; what two of them are compared by."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A value that lies in a file, already read."""

    file: str
    value: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class Several:
    """A tuple, list or dict of recipes; the keys of a dict stand beside them."""

    kind: Literal["tuple", "list", "dict"]
    parts: tuple[Recipe, ...]
    keys: tuple[Any, ...] = ()


Recipe = Drawn | Plain | Stored | Several


def plain(value: Any) -> Plain:
    """A value that is no tensor, with its spelling."""
    return Plain(value, repr(value))


def make(recipe: Recipe, generator: torch.Generator, device: torch.device) -> Any:
    """The value. Random numbers come from the generator alone; on the meta device there are none."""
    match recipe:
        case Drawn():
            return _draw(recipe, generator, device)
        case Plain(value=value):
            return value
        case Stored(value=value):
            return moved(value, device)
        case Several(kind="dict"):
            values = [make(part, generator, device) for part in recipe.parts]
            return dict(zip(recipe.keys, values, strict=True))
        case Several():
            values = [make(part, generator, device) for part in recipe.parts]
            return values if recipe.kind == "list" else tuple(values)


def bytes_of(recipe: Recipe) -> int:
    """What making it takes of the CPU's memory; nothing of what is there already."""
    match recipe:
        case Drawn():
            return math.prod(recipe.shape) * DTYPES[recipe.dtype].itemsize
        case Several():
            return sum(map(bytes_of, recipe.parts))
    return 0


def moved(value: Any, device: torch.device) -> Any:
    """The same value with its tensors on the device."""
    if isinstance(value, Tensor):
        return value.to(device)
    kind = type(value)
    if kind is dict:
        return {key: moved(part, device) for key, part in value.items()}
    if kind in (list, tuple):
        return kind(moved(part, device) for part in value)
    return value


def _draw(recipe: Drawn, generator: torch.Generator, device: torch.device) -> Tensor:
    """Made on the CPU, from where it goes to its device: so the values are the same on each."""
    dtype = DTYPES[recipe.dtype]
    if device.type == "meta":
        return torch.empty(recipe.shape, dtype=dtype, device=device)
    return _values(recipe, dtype, generator).to(device)


def _values(recipe: Drawn, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    shape, cpu = recipe.shape, torch.device("cpu")
    if recipe.how in ("zeros", "ones"):
        return torch.full(shape, 0 if recipe.how == "zeros" else 1, device=cpu).to(dtype)
    if recipe.how == "arange":
        count = torch.Size(shape).numel()
        return torch.arange(count, device=cpu).reshape(shape).to(dtype)
    if not recipe.floating:
        low, high = whole_range(recipe)
        return torch.randint(low, high + 1, shape, generator=generator, device=cpu, dtype=torch.int64).to(dtype)
    drawn = torch.complex64 if dtype.is_complex else torch.float64 if dtype is torch.float64 else torch.float32
    if recipe.low is None and recipe.high is None and recipe.how == "normal":
        return torch.randn(shape, generator=generator, device=cpu, dtype=drawn).to(dtype)
    values = torch.rand(shape, generator=generator, device=cpu, dtype=drawn)
    first = 0.0 if recipe.low is None else recipe.low
    last = 1.0 if recipe.high is None else recipe.high
    return values.mul_(last - first).add_(first).to(dtype)


def whole_range(recipe: Drawn) -> tuple[int, int]:
    """First and last value of an integer or truth-valued recipe."""
    if recipe.low is not None or recipe.high is not None:
        return int(recipe.low or 0), int(recipe.high if recipe.high is not None else 9)
    if recipe.dtype == "bool":
        return 0, 1
    return 0, 255 if recipe.dtype == "uint8" else 9
