"""What is otherwise while a dry run goes on: switches of torch that ask for values, and put back afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.distributions import Distribution
from torch.utils._python_dispatch import _disable_current_modes

from inspector.engine.forward.fake_mode import ShapesOnly
from inspector.engine.forward.lazy import sizes_without_memory
from inspector.engine.forward.packed_sequences import padding_without_values

_RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


@contextmanager
def dry_conditions(mode: ShapesOnly, fast_paths: bool) -> Iterator[None]:
    """Let torch's own code do without values; without `fast_paths` its attention takes padding for what it is."""
    with ExitStack() as stack:
        stack.enter_context(sizes_without_memory())
        stack.enter_context(padding_without_values())
        stack.enter_context(_unvalidated())
        stack.enter_context(_unlogged())
        stack.enter_context(_listed_by_values())
        stack.enter_context(_recurrent_on_meta(mode))
        if not fast_paths:
            stack.enter_context(_without_fast_paths())
        yield


@contextmanager
def _unvalidated() -> Iterator[None]:
    """Distributions ask whether the values of their parameters are allowed."""
    validates = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(validates)


@contextmanager
def _recurrent_on_meta(mode: ShapesOnly) -> Iterator[None]:
    """Recurrent layers compare the device of their weights with that of their input before anybody else sees either:
    weights on the meta device are to be where everything in a dry run seems to be."""
    functions: Any = torch._VF
    before = {name: getattr(functions, name) for name in _RECURRENT}
    for name, function in before.items():
        setattr(functions, name, partial(_with_fakes, mode, function))
    try:
        yield
    finally:
        for name in before:
            delattr(functions, name)


def _with_fakes(mode: ShapesOnly, function: Callable[..., Any], *args: Any) -> Any:
    """Call with fakes for what stands in lists: weights and states. The batch sizes of a packed sequence stay real."""
    weights = [value for part in args if isinstance(part, (tuple, list)) for value in part]
    if any(isinstance(value, Tensor) and not isinstance(value, FakeTensor) and value.is_meta for value in weights):
        with _disable_current_modes(), torch._C.DisableTorchFunction():
            args = tuple([*map(mode.fake, part)] if isinstance(part, (tuple, list)) else part for part in args)
    return function(*args)


@contextmanager
def _unlogged() -> Iterator[None]:
    """torch logs every failure on its way to whoever handles it, with its whole traceback."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    disabled = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = disabled


@contextmanager
def _listed_by_values() -> Iterator[None]:
    """torch 2.4 makes symbols of what stands in a list, also where the values are known; and there are none here."""
    held: Any = FakeTensor
    its_own = held.tolist
    held.tolist = _as_list
    try:
        yield
    finally:
        held.tolist = its_own


def _as_list(tensor: Any) -> Any:
    return [_as_list(part) for part in tensor] if tensor.dim() else tensor.item()


@contextmanager
def _without_fast_paths() -> Iterator[None]:
    """Attention turns padded sequences into nested tensors, which have no one shape."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)
