"""The conditions of a pass: modes, seeds, gradients, and inputs of its own, so that every pass is the same one."""

from __future__ import annotations

import copy
import io
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Literal

import torch
from torch import Tensor, nn

Mode = Literal["train", "eval", "kept"]


@contextmanager
def conditions(seed: int, gradients: bool) -> Iterator[None]:
    """Every generator of random numbers begins at the seed; the grad mode is the one that was chosen."""
    reseed(seed)
    with torch.set_grad_enabled(gradients):
        yield


def reseed(seed: int) -> None:
    """Seed every generator that somebody may draw from without naming it. The guard puts them back."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would import the compiler.
    random.seed(seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for generator in torch.cuda.default_generators:
            generator.manual_seed(seed)
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed(seed % 2**32)


def set_mode(model: nn.Module, mode: Mode) -> str:
    """Put the model into a mode as its user would, by `train()` or `eval()`; returns what must be said of it.

    A class may override `train`, to keep frozen parts in eval mode or to merge weights: a run in a mode is what comes
    of that. Only where it raises are the flags set without it.
    """
    if mode == "kept":
        return ""
    training = mode == "train"
    try:
        model.train(training)
    except Exception as error:
        for module in nn.Module.modules(model):
            module.training = training
        return f"{mode}() of the model raised {type(error).__name__}: only the flags of its modules were set"
    return ""


def own_inputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A copy of a sample, tensors and all: forward may write into it."""
    try:
        return copy.deepcopy((args, kwargs))
    except Exception:  # a tensor that some operation made, a generator, an object of the user's that refuses
        return tuple(_copied(value) for value in args), {name: _copied(value) for name, value in kwargs.items()}


def _copied(value: Any) -> Any:
    kind = type(value)
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if kind in (list, tuple):
        return kind(_copied(part) for part in value)
    if kind is dict:
        return {key: _copied(part) for key, part in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:  # then there is only this one
        return value


@contextmanager
def unheard() -> Iterator[None]:
    """What a repeated pass prints through Python was printed by the first one."""
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
