"""Which class a module is of, as a person would name it: its family, and the line of the file where it is written.

torch makes classes on the fly (`ParametrizedLinear`, `FSDPLinear`, one class for each GraphModule); what is shown is
the class that a person wrote. Source lines are found by looking through the text, because `inspect` parses the whole
file for each class.
"""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Iterator
from types import FunctionType

import torch
from torch import nn

from inspector.engine.kinds import home
from inspector.schema import Group, Source, TypeRecord

_FAMILIES: tuple[tuple[str, Group], ...] = (
    ("conv", "convolution"),
    ("linear", "linear"),
    ("batchnorm", "normalization"),
    ("instancenorm", "normalization"),
    ("normalization", "normalization"),
    ("bn_relu", "normalization"),
    ("activation", "activation"),
    ("pooling", "pooling"),
    ("dropout", "dropout"),
    ("rnn", "recurrent"),
    ("transformer", "attention"),
    ("sparse", "embedding"),
    ("embedding", "embedding"),
    ("loss", "loss"),
    ("container", "container"),
)
"""torch.nn's families, by how the names of its files begin."""

_EXCEPTIONS: dict[str, Group] = {"MultiheadAttention": "attention", "Identity": "other", "Module": "container"}
_LAYERS = ("torch.nn.modules.", "torch.ao.nn.")


class Classes:
    """The distinct classes of a model, each with its record."""

    def __init__(self) -> None:
        self.records: list[TypeRecord] = []
        self._indices: dict[object, int] = {}

    def index_of(self, module: nn.Module) -> int:
        """Where the record of this module's class stands."""
        cls = type(module)
        index = self._indices.get(cls)
        if index is None:
            if issubclass(cls, torch.jit.ScriptModule):
                return self._scripted(module)
            written = written_class(cls)
            index = self._indices.get(written)
            if index is None:
                index = self._indices[written] = self._add(record_of(written))
            self._indices[cls] = index
        return index

    def _scripted(self, module: nn.Module) -> int:
        """A compiled TorchScript module is described by the class that it was compiled from."""
        qualified = scripted_class(module)
        index = self._indices.get(qualified)
        if index is None:
            name = qualified.rpartition(".")[2]
            record = TypeRecord(name=name, qualified=qualified, group=_family(qualified.rpartition(".")[0], name))
            index = self._indices[qualified] = self._add(record)
        return index

    def _add(self, record: TypeRecord) -> int:
        self.records.append(record)
        return len(self.records) - 1


def written_class(cls: type) -> type:
    """The class that a person wrote, where torch derived one from it on the fly."""
    if cls.__module__ == "torch.nn.utils.parametrize" and cls.__name__.startswith("Parametrized"):
        return written_class(cls.__bases__[0])
    if cls.__bases__ and cls.__bases__[0].__name__ == "FSDPModule" and len(cls.__bases__) > 1:
        return written_class(cls.__bases__[1])
    if cls.__qualname__ == "GraphModule.__new__.<locals>.GraphModuleImpl":
        return cls.__bases__[0]
    return cls


def scripted_class(module: nn.Module) -> str:
    """The qualified name of the Python class that TorchScript compiled, as far as TorchScript remembers it."""
    holder = vars(module).get("_actual_script_module", module)  # what a traced module keeps inside
    try:
        qualified = str(vars(holder)["_c"]._type().qualified_name())
    except Exception:  # a ScriptModule whose constructor never ran
        return qualified_name(type(module))
    return re.sub(r"___torch_mangle_\d+\.", "", qualified).removeprefix("__torch__.")


def qualified_name(cls: type) -> str:
    """Module and qualified name of a class; both are the user's to set, so both may be anything."""
    return f"{home(cls)}.{cls.__qualname__}".removeprefix(".")


def record_of(cls: type) -> TypeRecord:
    """Name, family and source of a class of modules."""
    return TypeRecord(name=cls.__name__, qualified=qualified_name(cls), group=group_of(cls), source=source_of(cls))


def group_of(cls: type) -> Group:
    """The family of a class: that of the torch.nn layer it is derived from, or `user`."""
    own = home(cls).startswith("torch.")
    for base in cls.__mro__:
        if base is nn.Module and cls is not nn.Module:
            break
        if home(base).startswith(_LAYERS):
            family = _family(home(base), base.__name__)
            return family if own or family != "container" else "user"
    return "other" if own else "user"


def _family(file: str, name: str) -> Group:
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    if not file.startswith(("torch.nn.modules", "torch.ao.nn")):
        return "other" if file.startswith("torch.") else "user"
    last = file.rpartition(".")[2]
    return next((family for beginning, family in _FAMILIES if last.startswith(beginning)), "other")


def source_of(cls: type) -> Source | None:
    """The line on which a class begins, or None when its file cannot be read."""
    file = getattr(sys.modules.get(home(cls)), "__file__", None)
    if not isinstance(file, str):
        return None
    lines = linecache.getlines(file)
    number = _class_line(lines, cls, file)
    return Source(file, number, lines[number - 1].strip()) if number else None


def _class_line(lines: list[str], cls: type, file: str) -> int:
    """The last line `class Name` above the first of its methods: a name may be defined twice in a file."""
    begins = class_statement(cls.__name__)
    own = (line for where, line in method_places(cls) if where == file)
    first_method = min(own, default=len(lines) + 1)
    found = [number for number, line in enumerate(lines, 1) if "class" in line and begins.match(line)]
    return max((number for number in found if number <= first_method), default=0)


def class_statement(name: str) -> re.Pattern[str]:
    """What a line looks like on which a class of this name begins."""
    return re.compile(rf"\s*class\s+{re.escape(name)}\b")


def method_places(cls: type) -> Iterator[tuple[str, int]]:
    """File and line of every function in a class's own dictionary, as its code remembers them."""
    for value in vars(cls).values():
        function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        if isinstance(function, FunctionType):
            yield function.__code__.co_filename, function.__code__.co_firstlineno
