"""What torch and Python keep for the whole process: settings and random numbers, which the user's code may rely on, and
the garbage collector."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module as module_hooks
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext


def _default_device() -> str:
    """What torch.get_default_device tells, without the tensor that it makes: a mode of the user's may refuse that."""
    modes = reversed(_get_current_function_mode_stack())  # type: ignore[no-untyped-call]
    return next((str(mode.device) for mode in modes if isinstance(mode, DeviceContext)), "cpu")


_SETTINGS: dict[str, Callable[[], Any]] = {
    "default dtype": torch.get_default_dtype,
    "default device": _default_device,
    "grad mode": torch.is_grad_enabled,
    "inference mode": torch.is_inference_mode_enabled,
    "anomaly detection": torch.is_anomaly_enabled,
    "deterministic algorithms": lambda: (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    ),
    "float32 matmul precision": torch.get_float32_matmul_precision,
    "cuDNN flags": lambda: (
        torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
    ),
    "number of threads": torch.get_num_threads,
    "print options": lambda: dict(vars(torch._tensor_str.PRINT_OPTS)),
    "global module hooks": lambda: tuple(
        tuple(getattr(module_hooks, name, ()))
        for name in ("_global_forward_pre_hooks", "_global_forward_hooks", "_global_backward_hooks")
    ),
}


def settings() -> dict[str, Any]:
    """Every setting by its name."""
    return {name: read() for name, read in _SETTINGS.items()}


def random_states() -> dict[str, Any]:
    """The state of every generator of random numbers that somebody may draw from without naming it.

    Those of CUDA are read only where the user's code has opened CUDA already, and NumPy's where it is imported.
    """
    states: dict[str, Any] = {"torch": _numbers(torch.get_rng_state()), "Python": random.getstate()}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states["CUDA"] = [_numbers(state) for state in torch.cuda.get_rng_state_all()]
    if numpy_random := sys.modules.get("numpy.random"):
        name, key, *rest = numpy_random.get_state()
        states["NumPy"] = (name, key.tobytes(), *rest)
    return states


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection, where many objects are made and no garbage: looking for some takes half of the time,
    because all that was made is looked at again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _numbers(state: Tensor) -> list[int]:
    with torch._C.DisableTorchFunction():
        numbers: list[int] = state.tolist()
    return numbers


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Each setting that differs, in words."""
    for name, value in before.items():
        if now[name] != value:
            yield f"{name}: {value} before, {now[name]} now"


def changed_random_states(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Each generator that has been drawn from, or seeded, in words."""
    for name, state in before.items():
        if now.get(name) != state:
            yield f"the random numbers of {name} have moved on"
