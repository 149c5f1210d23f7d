"""One module beyond its row: where its class is written and how, what its constructor was given, what it keeps.

Everything is read from the class's and the module's own dictionaries, so that no property of the user's runs; the one
thing that does run is `repr` of small values.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

import msgspec
import torch
from torch import nn

from inspector.engine.arguments import describe_arguments
from inspector.engine.classes import qualified_name, scripted_class, written_class
from inspector.engine.constructors import constructor_of
from inspector.engine.failure import message_of, sendable
from inspector.engine.kinds import home
from inspector.engine.source_code import (
    MissingSourceError,
    class_code,
    function_code,
    generated_code,
    is_outdated,
)
from inspector.engine.spelling import is_plain, spelled
from inspector.schema import Argument, Code, ModuleDetail

MOST_ATTRIBUTES = 60
_TORCHS_OWN = frozenset(vars(nn.Module()))
_NOT_PLAIN = _TORCHS_OWN | {"forward"}


def describe_module(module: nn.Module) -> ModuleDetail:
    """Describe the class of a module as a person wrote it, and what this one was made with."""
    if isinstance(module, torch.jit.ScriptModule):
        return _describe_scripted(module)
    cls = written_class(type(module))
    notes: list[str] = []
    if cls is torch.fx.GraphModule:
        class_text = None  # torch's own, and no word in it about this module
    else:
        if cls is not type(module):
            notes.append(
                f"{type(module).__name__} is made at run time; what is shown is the class that it is made from"
            )
        class_text = _told(lambda: class_code(cls), notes)
    forward = _told(lambda: _forward_code(module, notes), notes)
    if any(code is not None and is_outdated(code.file) for code in (class_text, forward)):
        notes.append("the file was saved since it was loaded: this is the source as it was loaded")
    arguments = _arguments(cls, module)
    return ModuleDetail(
        qualified_type=sendable(qualified_name(cls)),
        bases=tuple(sendable(qualified_name(base)) for base in cls.__bases__),
        doc=_doc(cls),
        arguments=arguments,
        class_code=class_text,
        forward_code=forward,
        attributes=tuple(_attributes(module, {argument.name for argument in arguments})),
        note=sendable("; ".join(dict.fromkeys(notes))),
    )


def _describe_scripted(module: nn.Module) -> ModuleDetail:
    """TorchScript keeps the name of the class, and of its code what it compiled."""
    notes = ["TorchScript: the Python source is not kept, what is shown is the compiled code"]
    return ModuleDetail(
        qualified_type=sendable(scripted_class(module)),
        bases=(sendable(qualified_name(type(module))),),
        doc="",
        arguments=(),
        class_code=None,
        forward_code=_told(lambda: generated_code("TorchScript", str(module.code)), notes),
        attributes=tuple(_attributes(module, set())),
        note=sendable("; ".join(notes)),
    )


def _told(read: Callable[[], Code | None], notes: list[str]) -> Code | None:
    """What was read, or None and a note why it could not be: classes are the user's, and may be anything."""
    try:
        return read()
    except MissingSourceError as reason:
        notes.append(str(reason))
    except Exception as error:
        notes.append(f"its source cannot be found: {type(error).__name__}: {message_of(error)}")
    return None


def _doc(cls: type) -> str:
    doc = vars(cls).get("__doc__")
    return sendable(inspect.cleandoc(doc)) if isinstance(doc, str) else ""


# --- forward ----------------------------------------------------------------------------------------------------------


def _forward_code(module: nn.Module, notes: list[str]) -> Code | None:
    """The source of what runs when the module is called; None when nobody has written a forward."""
    if isinstance(module, torch.fx.GraphModule):
        notes.append("made by torch.fx: forward is code that it generated")
        return generated_code("torch.fx", str(module.code).strip("\n"))
    if "forward" in vars(module):
        notes.append("forward was set on this module, it is not its class's")
        forward = vars(module)["forward"]
    else:
        forward = next((vars(cls)["forward"] for cls in type(module).__mro__ if "forward" in vars(cls)), None)
    if forward is None or forward is vars(nn.Module)["forward"]:
        return None
    function = _function(forward)
    if function is None:
        raise MissingSourceError(f"forward is no function with source, but of type {type(forward).__name__}")
    return function_code(function)


def _function(forward: object) -> FunctionType | None:
    """The function that a person wrote, from under static methods, bound methods and decorators."""
    for _ in range(100):
        if isinstance(forward, (staticmethod, classmethod, MethodType)):
            forward = forward.__func__
        elif isinstance(forward, FunctionType) and "__wrapped__" in vars(forward):
            forward = vars(forward)["__wrapped__"]
        else:
            break
    return forward if isinstance(forward, FunctionType) else None


# --- arguments and attributes -----------------------------------------------------------------------------------------


def _arguments(cls: type, module: nn.Module) -> tuple[Argument, ...]:
    if isinstance(module, torch.fx.GraphModule):
        return ()  # its constructor takes a graph
    arguments, read = describe_arguments(cls), _read_from_parts(cls, module)
    if read and all(argument.name.startswith("*") for argument in arguments):
        return tuple(read.values())  # recurrent layers hide what they take behind *args
    described = (_with_value(argument, module) for argument in arguments)
    return tuple(_or(argument, read.get(argument.name)) for argument in described)


def _read_from_parts(cls: type, module: nn.Module) -> dict[str, Argument]:
    """What layers of torch tell of arguments that they keep under no name of their own: MultiheadAttention's bias."""
    if not home(cls).startswith("torch.nn."):
        return {}
    try:
        told = {argument.name: argument for argument in constructor_of(module).arguments}
    except Exception:  # containers have none, and a layer that somebody has taken apart tells nothing
        return {}
    return {name: _written_out(module, argument) for name, argument in told.items()}


def _written_out(module: nn.Module, argument: Argument) -> Argument:
    """Of a layer that was given to one of torch's stacks, and copied there, the call that makes one like it."""
    read = _COPIED.get((type(module).__name__, argument.name))
    try:
        call = constructor_of(read(module)).changed(()).call if read is not None else None
    except Exception:  # none was given, or one of the user's own that does not tell how it was made
        return argument
    return argument if call is None else msgspec.structs.replace(argument, value=sendable(call))


_COPIED: dict[tuple[str, str], Callable[[Any], nn.Module]] = {
    ("TransformerEncoder", "encoder_layer"): lambda stack: stack.layers[0],
    ("TransformerDecoder", "decoder_layer"): lambda stack: stack.layers[0],
    ("TransformerEncoder", "norm"): lambda stack: stack.norm,
    ("TransformerDecoder", "norm"): lambda stack: stack.norm,
}
"""Where the layer is that stands for an argument."""


def _or(argument: Argument, other: Argument | None) -> Argument:
    """The argument with its value, or with the value that is told elsewhere."""
    if other is None or other.value is None or (argument.value is not None and argument.name != "norm"):
        return argument
    return msgspec.structs.replace(argument, value=other.value)


def _with_value(argument: Argument, module: nn.Module) -> Argument:
    """The argument with its value, where the module keeps it under its name.

    A layer or a tensor under the name of a plain argument was made with its value, and is not the value itself:
    `self.dropout = nn.Dropout(dropout)`. Only of a switch it tells that, as `bias` of torch's layers.
    """
    attributes, name = vars(module), argument.name
    tables = (attributes.get(table) or {} for table in ("_parameters", "_buffers", "_modules"))
    registered = {key: value for table in tables for key, value in table.items()}
    if name in registered:
        if argument.annotation == "bool" or argument.default in ("True", "False"):
            return msgspec.structs.replace(argument, value=str(registered[name] is not None))
        return argument if _is_scalar(argument) else msgspec.structs.replace(argument, value=spelled(registered[name]))
    if name in attributes and name not in _TORCHS_OWN:
        return msgspec.structs.replace(argument, value=spelled(attributes[name]))
    return argument


def _is_scalar(argument: Argument) -> bool:
    """Whether an argument wants a number or a text, by its annotation or else by its default."""
    if argument.annotation:
        return bool(_SCALAR.fullmatch(argument.annotation))
    return bool(argument.default) and argument.default != "None" and bool(_LITERAL.match(argument.default or ""))


_SCALAR = re.compile(r"(Optional\[)?(int|float|bool|str)(\])?( \| None)?")
_LITERAL = re.compile(r"[-\d'\"]|True$|False$")


def _attributes(module: nn.Module, shown: set[str]) -> Iterator[tuple[str, str]]:
    """Plain values that the module keeps under other names; of torch's own classes the public ones."""
    is_torchs = home(type(module)).startswith("torch.")
    plain = [
        (name, value)
        for name, value in vars(module).items()
        if name not in _NOT_PLAIN and name not in shown and is_plain(value)
        if not (is_torchs and (name.startswith("_") or callable(value)))
    ]
    for name, value in plain[:MOST_ATTRIBUTES]:
        yield sendable(str(name)), spelled(value)
    if len(plain) > MOST_ATTRIBUTES:
        yield "…", f"and {len(plain) - MOST_ATTRIBUTES:,} more"
