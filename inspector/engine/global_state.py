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


_AUTOCAST_DEVICES = ("cpu", "cuda")
_GLOBAL_HOOKS = (
    "_global_forward_pre_hooks",
    "_global_forward_hooks",
    "_global_forward_hooks_always_called",
    "_global_forward_hooks_with_kwargs",
    "_global_backward_pre_hooks",
    "_global_backward_hooks",
)


class _Hooks(tuple[tuple[int, int, Any], ...]):
    """Key, identity and hook of every entry of a table. The identity comes first: so nothing that compares two of them
    asks the hooks whether they are equal, and nothing that tells of them asks the hooks what they are called."""

    @classmethod
    def of(cls, table: dict[int, Any]) -> _Hooks:
        return cls((key, id(hook), hook) for key, hook in table.items())

    def __repr__(self) -> str:
        return str(len(self))


def _global_hooks() -> list[dict[int, Any]]:
    """The tables of the hooks that are registered for all modules."""
    return [getattr(module_hooks, name) for name in _GLOBAL_HOOKS if hasattr(module_hooks, name)]


_SETTINGS: dict[str, Callable[[], Any]] = {
    "default dtype": torch.get_default_dtype,
    "default device": _default_device,
    "grad mode": torch.is_grad_enabled,
    "inference mode": torch.is_inference_mode_enabled,
    "anomaly detection": lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
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
    "global module hooks": lambda: tuple(map(_Hooks.of, _global_hooks())),
    "autocast": lambda: tuple(
        (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)) for device in _AUTOCAST_DEVICES
    ),
}


def _write_cudnn(flags: tuple[bool, bool, bool]) -> None:
    cudnn = torch.backends.cudnn
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic = flags


def _write_print_options(options: dict[str, Any]) -> None:
    held = vars(torch._tensor_str.PRINT_OPTS)
    held.clear()
    held.update(options)


def _write_global_hooks(tables: tuple[_Hooks, ...]) -> None:
    for table, entries in zip(_global_hooks(), tables, strict=True):
        table.clear()
        table.update({key: hook for key, _, hook in entries})


def _write_autocast(states: tuple[tuple[bool, torch.dtype], ...]) -> None:
    for device, (enabled, dtype) in zip(_AUTOCAST_DEVICES, states, strict=True):
        torch.set_autocast_enabled(device, enabled)
        torch.set_autocast_dtype(device, dtype)


_WRITERS: dict[str, Callable[[Any], object]] = {
    "default dtype": torch.set_default_dtype,
    "default device": lambda device: torch.set_default_device(None if device == "cpu" else device),
    "grad mode": torch._C._set_grad_enabled,
    "anomaly detection": lambda state: torch.autograd.set_detect_anomaly(*state),
    # torch.use_deterministic_algorithms would import the compiler in some releases.
    "deterministic algorithms": lambda state: torch._C._set_deterministic_algorithms(state[0], warn_only=state[1]),
    "float32 matmul precision": torch.set_float32_matmul_precision,
    "cuDNN flags": _write_cudnn,
    "number of threads": torch.set_num_threads,
    "print options": _write_print_options,
    "global module hooks": _write_global_hooks,
    "autocast": _write_autocast,
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


def put_back_settings(before: dict[str, Any]) -> None:
    """Set every setting that differs to what it was; inference mode can only be left by who entered it."""
    now = settings()
    for name, write in _WRITERS.items():
        if now[name] != before[name]:
            write(before[name])


def put_back_random_states(before: dict[str, Any]) -> None:
    """Let every generator that has moved on give the same numbers again."""
    now = random_states()
    for name, write in _RANDOM_WRITERS.items():
        if name in before and now.get(name) != before[name]:
            with torch._C.DisableTorchFunction():
                write(before[name])


def _write_numpy(state: Any) -> None:
    name, key, *rest = state
    numpy = sys.modules["numpy"]
    numpy.random.set_state((name, numpy.frombuffer(key, numpy.uint32), *rest))


def _state(numbers: list[int]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.uint8, device="cpu")


_RANDOM_WRITERS: dict[str, Callable[[Any], object]] = {
    "torch": lambda state: torch.set_rng_state(_state(state)),
    "Python": random.setstate,
    "CUDA": lambda states: torch.cuda.set_rng_state_all([_state(state) for state in states]),
    "NumPy": _write_numpy,
}


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
