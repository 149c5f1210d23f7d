"""How a class uses one of its own attributes: whether it moves a tensor to its input before it computes with it.

Code that does so by hand is right without a buffer, and nothing is to be said of it. All of this is read from the
text; where the text leaves a doubt, the answer is that the class knows what it does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from inspector.engine.class_text import CONSTRUCTORS, Function, remembered, texts_of, tree_of
from inspector.engine.value_fates import Method


@remembered
def is_handled(cls: type, name: str, axes: int = -1) -> bool:
    """Whether a class moves a tensor attribute by itself, makes it anew before it reads it, or only keeps it.

    `axes` is how many the tensor has, where it is one: a single value of it mixes with tensors on any device.
    """
    texts = texts_of(cls)
    methods = [Method(method, text, texts, axes) for text in texts for method in text.methods]
    if any(each.name == "_apply" for each in methods):
        return True
    building = _building(methods)
    if any(each.places(name) for each in methods if each.name in building):
        return True
    running = [each for each in methods if each.name not in building]
    if any(each.stores_moved(name) or each.reads_moved(name) for each in running):
        return True
    if any(each.reads_unmoved(name) and not _result_is_moved(each.name, running) for each in running):
        return False
    if any(each.loads(name) or each.stores(name) for each in running):
        return True
    if any(each.loads(name) for each in methods):
        return True  # What only the constructor reads is a step on its way.
    return any(Method(node, text, texts).moves_others(name) for text in texts for node in _functions(text.file))


@remembered
def is_made_anew(cls: type, name: str) -> bool:
    """Whether a method other than the constructor assigns the attribute."""
    texts = texts_of(cls)
    methods = [Method(method, text, texts) for text in texts for method in text.methods]
    building = _building(methods)
    return any(each.stores(name) for each in methods if each.name not in building)


@remembered
def is_filled(cls: type, name: str) -> bool:
    """Whether something in the file of a class but a constructor puts items into an attribute of this name: a list
    that is shared among modules is filled by any of them."""
    functions = (node for text in texts_of(cls) for node in _functions(text.file) if node.name not in CONSTRUCTORS)
    return any(_puts_into(node, name) for function in functions for node in ast.walk(function))


def _puts_into(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Store):
        return False
    return isinstance(node.value, ast.Attribute) and node.value.attr == name


def _functions(file: str) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _result_is_moved(name: str, methods: list[Method]) -> bool:
    """Whether whoever calls a method moves what it returns."""
    calls = [(each, call) for each in methods for call in each.calls(name)]
    return bool(calls) and all(each.fate(call) == "moved" for each, call in calls)


def _building(methods: list[Method]) -> set[str]:
    """Names of the methods that only the constructor runs."""
    uses: dict[str, set[str]] = {}
    for method in methods:
        uses.setdefault(method.name, set()).update(method.uses_of_self())
    built = _reached(uses, [name for name in uses if name in CONSTRUCTORS])
    return built - _reached(uses, [name for name in uses if name not in built])


def _reached(uses: dict[str, set[str]], names: list[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in uses and name not in reached:
            reached.add(name)
            waiting += uses[name]
    return reached
