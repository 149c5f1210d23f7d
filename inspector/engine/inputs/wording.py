"""Recipes and values as they would be typed after --input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inspector.engine.inputs.recipes import DTYPES, Drawn, Plain, Recipe, Several, Stored, whole_range

_DTYPE_NAMES = {dtype: name for name, dtype in reversed(DTYPES.items())}
_MOST_PARTS = 64
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def spell(recipe: Recipe) -> str:
    """The text of a recipe, without the argument's name; empty when no text says it."""
    match recipe:
        case Drawn():
            return _drawn(recipe)
        case Plain(spelled=spelled):
            return spelled
        case Stored(file=file):
            return f"@{file}"
        case Several():
            return _several(recipe)


def named(name: str, text: str) -> str:
    """`x=2x3`; of an argument without a name, or without a text, the text alone."""
    return f"{name}={text}" if name and text else text


def recipe_of(value: Any) -> Recipe | None:
    """How a value at hand would be drawn: its shape, dtype and range; None of what no text says."""
    if isinstance(value, Tensor):
        return _recipe_of_tensor(value)
    kind = type(value)
    if kind in _PLAIN:
        return Plain(value, repr(value))
    if kind not in (tuple, list, dict) or len(value) > _MOST_PARTS:
        return None
    found = [recipe_of(part) for part in (value.values() if kind is dict else value)]
    parts = tuple(part for part in found if part is not None)
    name: Any = kind.__name__
    if len(parts) < len(found) or (kind is dict and any(type(key) not in _PLAIN for key in value)):
        return None
    return Several(name, parts, tuple(value) if kind is dict else ())


def _recipe_of_tensor(tensor: Tensor) -> Recipe | None:
    with torch._C.DisableTorchFunctionSubclass():
        dtype = _DTYPE_NAMES.get(tensor.dtype)
        if dtype is None or tensor.is_nested or tensor.layout is not torch.strided:
            return None
        recipe = Drawn(tuple(tensor.shape), dtype)
        if recipe.floating or dtype == "bool" or tensor.device.type == "meta" or not tensor.numel():
            return recipe
        low, high = (int(bound.item()) for bound in tensor.detach().to(torch.int64).aminmax())
        return Drawn(recipe.shape, dtype, "normal", low, high)


def _drawn(recipe: Drawn) -> str:
    shape = "x".join(map(str, recipe.shape)) or "scalar"
    text = f"{shape}:{recipe.dtype}"
    if recipe.how in ("zeros", "ones", "arange"):
        return f"{recipe.how}:{text}"
    if recipe.floating:
        if recipe.low is None and recipe.high is None:
            return text if recipe.how == "normal" else f"{recipe.how}:{text}"
        return f"{text}:{bounds(recipe.low or 0.0, 1.0 if recipe.high is None else recipe.high)}"
    if recipe.dtype == "bool" and recipe.low is None and recipe.high is None:
        return text
    return f"{text}:{bounds(*whole_range(recipe))}"


def bounds(low: float, high: float) -> str:
    """`0-29999`, and where a dash could be read as a minus `-1..1`."""
    between = "-" if low >= 0 and high >= 0 and float(low).is_integer() and float(high).is_integer() else ".."
    return f"{low:.12g}{between}{high:.12g}"


def _several(recipe: Several) -> str:
    parts = [spell(part) for part in recipe.parts]
    if not all(parts):
        return ""
    if recipe.kind == "dict":
        return "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(recipe.keys, parts, strict=True)) + "}"
    inside = ", ".join(parts)
    if recipe.kind == "list":
        return f"[{inside}]"
    return f"({inside},)" if len(parts) == 1 else f"({inside})"
