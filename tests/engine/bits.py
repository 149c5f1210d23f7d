"""A second opinion on what a model is, bit for bit: plain and slow, and nothing of it from the guard."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


def of_process() -> Any:
    """What a forward could change without the model."""
    return (
        torch.get_rng_state().numpy().tobytes(),
        random.getstate(),
        repr(np.random.get_state()),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_anomaly_enabled(),
        torch._tensor_str.PRINT_OPTS.precision,
    )


def of(thing: Any, seen: dict[int, int] | None = None) -> Any:
    """Everything that can be reached, as plain data with numbers for what is met again."""
    seen = {} if seen is None else seen
    if thing is None or isinstance(thing, (int, float, str, bytes, torch.dtype, torch.device)):
        return thing
    if id(thing) in seen:
        return ("again", seen[id(thing)])
    seen[id(thing)] = len(seen)
    name = (type(thing).__name__, id(thing))
    if isinstance(thing, Tensor):
        return (*name, *_tensor(thing, seen))
    if isinstance(thing, nn.Module):
        own = [(key, of(value, seen)) for key, value in sorted(vars(type(thing)).items()) if not key.startswith("__")]
        return (*name, of(vars(thing), seen), own)
    if isinstance(thing, dict):
        return (*name, [(of(key, seen), of(value, seen)) for key, value in thing.items()])
    if isinstance(thing, (list, tuple, deque)):
        return (*name, [of(value, seen) for value in thing])
    if isinstance(thing, set):
        return (*name, sorted(map(repr, thing)))
    if isinstance(thing, torch.Generator):
        return (*name, thing.get_state().numpy().tobytes())
    if isinstance(thing, random.Random):
        return (*name, thing.getstate())
    if isinstance(thing, np.random.Generator):
        return (*name, repr(thing.bit_generator.state))
    if isinstance(thing, np.random.RandomState):
        return (*name, repr(thing.get_state()))
    if isinstance(thing, np.ndarray):
        return (*name, thing.tobytes())
    if hasattr(type(thing), "__slots__"):
        return (*name, [(slot, of(getattr(thing, slot, "absent"), seen)) for slot in type(thing).__slots__])
    return name


def _tensor(tensor: Tensor, seen: dict[int, int]) -> Any:
    if is_lazy(tensor):
        return ("lazy", tensor.requires_grad)
    plain = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    hooks = [id(hook) for hook in (tensor._backward_hooks or {}).values()]
    where = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), str(tensor.dtype), tensor.requires_grad)
    return (plain, *where, tensor.grad_fn is None, hooks, of(tensor.grad, seen) if tensor.is_leaf else None)


def contents(thing: Any) -> bytes | None:
    """The bytes of a result; None when there is none."""
    return thing.detach().contiguous().numpy().tobytes() if isinstance(thing, Tensor) else None
