"""What a file offers that is, or builds, an nn.Module: instances, factories and classes, each with its place."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from torch import nn

from inspector.engine.arguments import describe_arguments
from inspector.engine.definitions import Definition, Definitions
from inspector.engine.failure import sendable
from inspector.engine.importing import Imported
from inspector.engine.kinds import (
    home,
    is_a,
    is_async,
    is_class,
    is_function,
    is_instance,
    is_module_class,
    line_inside,
    unwrapped,
)
from inspector.engine.source_files import attributes, is_library, module_file
from inspector.schema import Candidate

INSTANCE_NAMES = ("model", "net")
FACTORY_NAMES = ("build_model", "create_model", "make_model", "get_model", "model")
_MODULE_WORDS = frozenset({"nn.Module", "torch.nn.Module", "Module"})
_LONGEST_NOTE = 100


class Offer(NamedTuple):
    """A candidate together with the object that it stands for."""

    candidate: Candidate
    value: Any
    file: str
    users: tuple[str, ...] = ()
    """Of a class: the other classes of the file that use it as a part."""


class Catalogue:
    """Everything that a file offers, sorted by kind, in the order of its lines."""

    def __init__(self, imported: Imported) -> None:
        self._imported = imported
        self._names = {
            name: value
            for name, value in list(attributes(imported.module).items())
            if isinstance(name, str) and name.isidentifier() and not name.startswith("__")
        }
        self.definitions = Definitions([imported.file, *self._package_files()])
        self.instances = self._sorted(self._instances())
        self.factories = self._sorted(self._factories())
        self.classes = self._with_users(self._sorted(self._classes()))

    def __iter__(self) -> Iterator[Offer]:
        yield from self.instances
        yield from self.factories
        yield from self.classes

    @property
    def names(self) -> dict[str, Any]:
        """What stands at the top level of the file, by name."""
        return self._names

    def offer(self, name: str, value: Any) -> Offer:
        """Describe anything by that name as an offer, without judging whether it is a good one."""
        kind: Literal["instance", "factory", "class"] = "factory"
        if is_instance(value):
            kind = "instance"
        elif is_class(value):
            kind = "class"
        source = _file_of(value)
        definition = self._definition(name, value, source)
        file = definition.file if definition is not None else source or self._imported.file
        line = definition.line if definition is not None else line_inside(value) or 1
        arguments = describe_arguments(value) if kind != "instance" else ()
        needed = [argument.name for argument in arguments if argument.required]
        call = name if kind == "instance" else f"{name}({', '.join(needed)})"
        return Offer(Candidate(name, kind, line, call, arguments, _note(value, needed)), value, file)

    def _definition(self, name: str, value: Any, source: str) -> Definition | None:
        """Where a class or function is defined, though it may be imported here; of others where they are bound."""
        line = line_inside(value)
        own_name = getattr(unwrapped(value), "__name__", "")
        if source and own_name and not is_a(value, functools.partial):
            definitions = self.definitions if source in self.definitions.files else Definitions([source])
            found = definitions.find(own_name, source, line)
            if found is not None:
                return found
        return self.definitions.find(name, line=line)

    def _package_files(self) -> list[str]:
        if not self._imported.is_package:
            return []
        files = (_file_of(value) for value in self._names.values() if self.is_defined_here(value))
        return sorted({file for file in files if file})

    def is_defined_here(self, value: Any) -> bool:
        """Whether a class or function comes from this file; of a package, from one of its files."""
        origin, name = home(value), self._imported.name
        return origin == name or (self._imported.is_package and origin.startswith(f"{name}."))

    def _instances(self) -> Iterator[Offer]:
        seen: set[int] = set()
        for name, value in sorted(self._names.items(), key=lambda item: item[0] not in INSTANCE_NAMES):
            if is_instance(value) and id(value) not in seen:
                seen.add(id(value))
                yield self.offer(name, value)

    def _classes(self) -> Iterator[Offer]:
        seen: set[type] = set()
        for name, value in self._names.items():
            if is_module_class(value) and self.is_defined_here(value) and value not in seen:
                seen.add(value)
                own_name = value.__name__
                best = own_name if self._names.get(own_name) is value else name
                yield self.offer(best, value)

    def _factories(self) -> Iterator[Offer]:
        for name, value in self._names.items():
            if not is_function(value) or is_async(value):
                continue
            named = name in FACTORY_NAMES and not is_library(_file_of(value) or self._imported.file)
            if named or (self.is_defined_here(value) and self._returns_module(name, value)):
                yield self.offer(name, value)

    def _returns_module(self, name: str, value: Any) -> bool:
        definition = self.definitions.find(name, line=line_inside(value))
        node = definition.node if definition is not None else None
        if not isinstance(node, ast.FunctionDef) or node.returns is None:
            return False
        returns = node.returns
        text = (
            returns.value
            if isinstance(returns, ast.Constant) and isinstance(returns.value, str)
            else ast.unparse(returns)
        )
        found = self._look_up(text)
        return is_module_class(found) or (found is None and text in _MODULE_WORDS)

    def _look_up(self, dotted: str) -> Any:
        """What a dotted name stands for at the top level of the file; names are followed, nothing is evaluated."""
        first, *rest = dotted.split(".")
        value = self._names.get(first)
        for part in rest:
            value = inspect.getattr_static(value, part, None) if value is not None else None
        return value

    def _with_users(self, offers: list[Offer]) -> list[Offer]:
        names = frozenset(offer.candidate.name for offer in offers)
        parts = {name: self.definitions.used_by(name, names) for name in names}
        return [
            offer._replace(users=tuple(sorted(name for name in names if offer.candidate.name in parts[name])))
            for offer in offers
        ]

    def _sorted(self, offers: Iterator[Offer]) -> list[Offer]:
        return sorted(offers, key=lambda offer: (offer.file != self._imported.file, offer.file, offer.candidate.line))


def implements_forward(kind: type) -> bool:
    """Whether a class can run: abstract bases leave forward out, or only raise NotImplementedError in it."""
    forward = getattr(kind, "forward", None)
    if forward is nn.Module.forward or inspect.isabstract(kind):
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(forward)))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError, ValueError):
        return True
    function = tree.body[0] if tree.body else None
    return not isinstance(function, ast.FunctionDef) or not all(_says_nothing(line) for line in function.body)


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.expr() as raised):
            return "NotImplemented" in ast.unparse(raised)
    return False


def _file_of(value: Any) -> str:
    return module_file(sys.modules.get(home(value)))


def _note(value: Any, needed: list[str]) -> str:
    if needed:
        return f"wants {', '.join(needed)}"
    if is_instance(value):
        return sendable(f"an instance of {type(value).__name__}")
    doc = inspect.getattr_static(value, "__doc__", None)
    first = doc.strip().split("\n")[0] if isinstance(doc, str) and doc.strip() else ""
    return sendable(first[:_LONGEST_NOTE])
