"""What is written in a class: its syntax tree, and the lines that assign an attribute.

A class is looked for in the text of its file as it was imported. Everything here is read; nothing of the user's runs.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, ParamSpec, TypeVar

from torch import nn

from inspector.engine.classes import source_of, written_class
from inspector.engine.failure import place
from inspector.engine.kinds import home
from inspector.engine.source_files import is_library
from inspector.schema import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SETTERS = ("setattr", "__setattr__", "add_module", "register_module", "register_buffer", "register_parameter")
"""What gives a module an attribute by its name; with None it only keeps a place for one."""
CONSTRUCTORS = ("__init__", "__post_init__", "__new__", "setup")


Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def remembered(function: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Answer a question about a class once: ten thousand modules may be of it, and its text stays what it is."""
    return lru_cache(maxsize=4096)(function)  # type: ignore[return-value]


class ClassText(NamedTuple):
    """One class statement."""

    file: str
    node: ast.ClassDef

    @property
    def methods(self) -> Iterator[Function]:
        """The functions in its body."""
        return (node for node in self.node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@remembered
def texts_of(cls: type) -> tuple[ClassText, ...]:
    """The class and those that it derives from, torch's apart, as far as their text is to be had."""
    bases = [base for base in written_class(cls).__mro__ if base is not object and not home(base).startswith("torch.")]
    return tuple(text for base in bases if (text := text_of(base)) is not None)


def text_of(cls: type) -> ClassText | None:
    """The class statement of one class."""
    source = source_of(cls)
    if source is None:
        return None
    for node in ast.walk(tree_of(source.file)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__ and node.lineno == source.line:
            return ClassText(source.file, node)
    return None


def tree_of(file: str) -> ast.Module:
    """The syntax tree of a file as it was imported; an empty one when it has none."""
    return _parsed("".join(linecache.getlines(file)))


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


@remembered
def is_users(cls: type) -> bool:
    """Whether a class of modules is written in a file of the user's."""
    source = source_of(written_class(cls))
    return source is not None and not is_library(source.file)


@remembered
def class_place(cls: type) -> Source | None:
    """Where a class of the user's begins."""
    source = source_of(written_class(cls))
    return place(source.file, source.line) if source is not None and not is_library(source.file) else None


# --- assignments ------------------------------------------------------------------------------------------------------


@remembered
def assignment(cls: type, name: str) -> Source | None:
    """The line on which a class gives itself an attribute: in its constructor if it does so there."""
    found = [
        (method.name not in CONSTRUCTORS, order, node.lineno, text.file)
        for order, text in enumerate(texts_of(cls))
        for method in text.methods
        for node in ast.walk(method)
        if isinstance(node, ast.expr) and _assigns(node, method, name)
    ]
    found += [
        (True, order, node.lineno, text.file)
        for order, text in enumerate(texts_of(cls))
        for node in text.node.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in _names(node)
    ]
    if not found:
        return None
    _, _, line, file = min(found)
    return None if is_library(file) else place(file, line)


@remembered
def assigned_value(cls: type, name: str) -> ast.expr | None:
    """What a class gives one of its attributes when it is built, as it is written."""
    for text in texts_of(cls):
        for method in text.methods:
            for node in ast.walk(method):
                if isinstance(node, ast.Assign) and any(is_own(target, method, name) for target in node.targets):
                    return node.value
    return None


@remembered
def mentions(cls: type, name: str) -> bool:
    """Whether the text of a class speaks of an attribute by its name."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.Constant) and node.value == name)
        for text in texts_of(cls)
        for node in ast.walk(text.node)
    )


def self_of(method: Function) -> str:
    """What a method calls its module."""
    arguments = [*method.args.posonlyargs, *method.args.args]
    return arguments[0].arg if arguments else ""


def is_own(node: ast.AST, method: Function, name: str) -> bool:
    """Whether an expression is `self.name`."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == self_of(method)
    )


def _assigns(node: ast.AST, method: Function, name: str) -> bool:
    if is_own(node, method, name):
        return isinstance(getattr(node, "ctx", None), ast.Store)
    if not isinstance(node, ast.Call) or getattr(node.func, "id", getattr(node.func, "attr", "")) not in _SETTERS:
        return False
    given = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    return name in given and None not in given


def _names(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


@remembered
def is_torchs_module(cls: type) -> bool:
    """Whether a class of modules is one of torch's own."""
    return issubclass(cls, nn.Module) and home(written_class(cls)).startswith("torch.")
