"""What an object of the user's is, found out without running any code of its own: proxies and mocks claim anything."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeGuard

from torch import nn

_CACHED = type(functools.lru_cache(lambda: None))


def is_a(value: object, *kinds: type) -> bool:
    """Whether it is an instance by its true type; isinstance would ask its `__class__`."""
    return issubclass(type(value), kinds)


def truth(value: object) -> bool:
    """Whether it counts as true; False also when it will not say, as a tensor of several elements."""
    try:
        return bool(value)
    except Exception:
        return False


def is_instance(value: object) -> TypeGuard[nn.Module]:
    """Whether it is an nn.Module."""
    return is_a(value, nn.Module)


def is_class(value: object) -> TypeGuard[type]:
    """Whether it is a class."""
    return is_a(value, type)


def is_module_class(value: object) -> TypeGuard[type[nn.Module]]:
    """Whether it is a class of nn.Modules."""
    return is_class(value) and issubclass(value, nn.Module)


def is_function(value: object) -> TypeGuard[Callable[..., Any]]:
    """Whether it is a function or method, also a cached one or a partial call of one."""
    return is_a(value, FunctionType, MethodType, BuiltinFunctionType, functools.partial, _CACHED)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it runs nothing yet: coroutines and generators."""
    inner = unwrapped(function)
    checks = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(check(inner) for check in checks)


def unwrapped(value: Any) -> Any:
    """The function below its decorators, below a partial call, and below its binding to an object."""
    while is_a(value, functools.partial, MethodType):
        value = value.func if is_a(value, functools.partial) else value.__func__
    try:
        return inspect.unwrap(value) if is_function(value) else value
    except ValueError:  # It wraps itself.
        return value


def forward_of(cls: type) -> Any:
    """The forward that a class of modules has; None of one that shows it to nobody, as TorchScript's does."""
    return getattr(cls, "forward", None)


def home(value: object) -> str:
    """The name of the module that made a class or function; empty for everything else."""
    if is_class(value):
        name = inspect.getattr_static(value, "__module__", "")
    else:
        name = getattr(unwrapped(value), "__module__", "") if is_function(value) else ""
    return name if isinstance(name, str) else ""


def line_inside(value: object) -> int:
    """A line inside the definition of a class or function, where Python knows one; 0 where it does not."""
    if is_class(value):
        members = [member for member in vars(value).values() if is_a(member, FunctionType)]
        lines = [member.__code__.co_firstlineno for member in members if member.__module__ == home(value)]
        return min(lines, default=0)
    function = unwrapped(value)
    return function.__code__.co_firstlineno if is_a(function, FunctionType) else 0
