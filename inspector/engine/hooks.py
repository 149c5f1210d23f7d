"""The hooks that somebody registered on a module, by name and place; torch's own machinery is left out.

Pruning, weight_norm, spectral_norm, parametrizations and lazy modules work through hooks too: what they do is told
where their tensors stand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

HOOK_TABLES = (
    ("forward_pre_hook", "_forward_pre_hooks"),
    ("forward_hook", "_forward_hooks"),
    ("full_backward_pre_hook", "_backward_pre_hooks"),
    ("full_backward_hook", "_backward_hooks"),
    ("state_dict_pre_hook", "_state_dict_pre_hooks"),
    ("state_dict_hook", "_state_dict_hooks"),
    ("load_state_dict_pre_hook", "_load_state_dict_pre_hooks"),
    ("load_state_dict_post_hook", "_load_state_dict_post_hooks"),
)
"""What a hook is registered as, and the attribute of its module that holds it."""


_MACHINERY = ("torch.nn.", "torch.distributed.", "torch.ao.")
"""Where torch keeps the hooks with which it does its own work: sharding a model, preparing it for quantization."""


def hooks_of(attributes: dict[str, Any]) -> tuple[str, ...]:
    """`forward_hook: function (file:line)` for every hook in a module's attributes."""
    return tuple(f"{kind}: {_place(function)}" for kind, function in _registered(attributes))


def hook_names(attributes: dict[str, Any]) -> tuple[str, ...]:
    """Kind and function of every hook, without its place: what makes two modules equal in structure."""
    return tuple(f"{kind}: {_name(function)}" for kind, function in _registered(attributes))


def _registered(attributes: dict[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for kind, table in HOOK_TABLES:
        if kind == "full_backward_hook" and attributes.get("_is_full_backward_hook") is False:
            kind = "backward_hook"
        for hook in tuple((attributes.get(table) or {}).values()):
            function = _unwrapped(hook)
            if not _is_torchs_own(function):
                yield kind, function


def _unwrapped(hook: Any) -> Any:
    """The function that was registered, from under torch's wrapper and functools.partial."""
    for _ in range(8):
        if isinstance(hook, functools.partial):
            hook = hook.func
        elif type(hook).__name__ == "_WrappedHook" and type(hook).__module__ == "torch.nn.modules.module":
            hook = hook.hook
        else:
            break
    return hook


def _holder(function: Any) -> Any:
    """The function itself, or the class of a callable object: its attributes can be read without running code."""
    return function if isinstance(function, (FunctionType, MethodType, BuiltinFunctionType)) else type(function)


def _is_torchs_own(function: Any) -> bool:
    holder = _holder(function)
    if isinstance(holder, type):
        return any(str(base.__module__).startswith("torch.nn.utils.") for base in holder.__mro__)
    return str(holder.__module__).startswith(_MACHINERY)


def _name(function: Any) -> str:
    return str(_holder(function).__qualname__)


def _place(function: Any) -> str:
    holder = _holder(function)
    called = "__call__" if isinstance(holder, type) else "__func__"
    code = getattr(getattr(holder, called, holder), "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    return f"{_name(function)}{where}"
