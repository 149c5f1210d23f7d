"""Sample inputs that the user has written down already: `example_inputs` in the file, or an attribute of the model."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from types import ModuleType
from typing import Any, NamedTuple

from torch import Tensor, nn

from inspector.engine.failure import LoadFailed, describe, place, refuse
from inspector.engine.inputs.random_numbers import seeded
from inspector.engine.inputs.recipes import Drawn
from inspector.engine.inputs.signature import Signature
from inspector.engine.kinds import is_a, is_function
from inspector.engine.source_files import attributes, module_file, parse_source
from inspector.engine.target import Built
from inspector.run_schema import Origin
from inspector.schema import Source

NAME = "example_inputs"
_ABSENT = object()


class Held(NamedTuple):
    """Inputs, and where they were found."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    origin: Origin
    where: str
    meant: bool = True
    """Whether somebody wrote them for this model: transformers gives token ids for models of images too."""


def find_held(model: nn.Module, signature: Signature, built: Built | None, seed: int) -> Held | None:
    """What the file holds, else what the model holds. Raises LoadFailed for what the user's code lets out."""
    return _in_file(model, signature, built, seed) or _in_model(model, signature, seed)


# --- in the file ------------------------------------------------------------------------------------------------------


def _in_file(model: nn.Module, signature: Signature, built: Built | None, seed: int) -> Held | None:
    modules = [built.module if built else None, sys.modules.get(type(model).__module__) if built else None]
    for module in modules:
        if module is not None and NAME in attributes(module):
            return _from_module(module, signature, seed)
    return None


def _from_module(module: ModuleType, signature: Signature, seed: int) -> Held:
    file = module_file(module)
    line = _line_of(file)
    value = attributes(module)[NAME]
    if is_function(value):
        value = _called(value, place(file, line) if line else None, seed)
    args, kwargs = arranged(value, signature)
    where = f"{NAME}, {os.path.basename(file)}" + (f":{line}" if line else "")
    return Held(args, kwargs, "file", where)


def _called(function: Any, source: Source | None, seed: int) -> Any:
    try:
        needed = [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed:
        message = f"{NAME} wants {', '.join(needed)}: it is called without arguments"
        raise refuse(
            "inputs", "BadInput", message, mend=f"Write  def {NAME}(): return torch.randn(2, 3)", source=source
        )
    try:
        with seeded(seed):
            return function()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadFailed(describe(error, "inputs", about=source)) from None


def _line_of(file: str) -> int:
    """Where the name is bound at the top level; 0 where that is not to be seen."""
    for node in reversed(parse_source(file).body):
        if NAME in _bound_by(node):
            return node.lineno
    return 0


def _bound_by(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom(names=names):
            return [alias.asname or alias.name for alias in names]
    return []


def arranged(value: Any, signature: Signature) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments: of a tuple, a dict, a pair of both, or a value that is the only argument.

    A dict with other keys than forward's parameters is itself an argument: a batch.
    """
    kind = type(value)
    if kind in (tuple, list):
        paired = len(value) == 2 and type(value[0]) in (tuple, list) and _names_arguments(value[1], signature)
        return (tuple(value[0]), dict(value[1])) if paired else (tuple(value), {})
    if _names_arguments(value, signature):
        return (), dict(value)
    return (value,), {}


def _names_arguments(value: Any, signature: Signature) -> bool:
    if not is_a(value, dict) or not all(type(key) is str for key in value):
        return False
    return bool(signature.keywords) or not signature.known or all(key in signature.names for key in value)


# --- in the model -----------------------------------------------------------------------------------------------------


def _in_model(model: nn.Module, signature: Signature, seed: int) -> Held | None:
    kind = type(model).__name__
    for name in ("example_input_array", "dummy_inputs"):
        value = _attribute(model, name, seed)
        if value is _ABSENT or value is None or not _is_inputs(value):
            continue
        args, kwargs = arranged(value, signature)
        if len(args) <= len(signature.by_place) or signature.many or not signature.known:
            if is_a(value, dict) and not kwargs:
                continue
            return Held(args, kwargs, "model", f"{kind}.{name}", meant=name != "dummy_inputs")
    for name in ("pretrained_cfg", "default_cfg"):
        shape = _input_size(_attribute(model, name, seed))
        if shape is not None:
            return Held((Drawn((2, *shape)),), {}, "model", f'{kind}.{name}["input_size"]')
    return None


def _attribute(model: nn.Module, name: str, seed: int) -> Any:
    try:
        with seeded(seed):
            return getattr(model, name, _ABSENT)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadFailed(describe(error, "inputs")) from None


def _is_inputs(value: Any) -> bool:
    return is_a(value, Tensor) or type(value) in (tuple, list) or is_a(value, dict)


def _input_size(configuration: Any) -> tuple[int, ...] | None:
    size: Any = configuration.get("input_size") if is_a(configuration, dict) else None
    if type(size) not in (tuple, list) or not all(type(axis) is int and axis > 0 for axis in size):
        return None
    return tuple(size)
