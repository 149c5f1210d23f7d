"""What becomes of a value in the text of one method: whether it is moved to a device before it is computed with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from inspector.engine.class_text import ClassText, Function, is_own, self_of, tree_of

_MOVES = {"to", "type_as", "cuda", "xpu", "npu", "mps"}
_ASKED = {"shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "layout", "grad", "itemsize", "nbytes"}
_ASKED_BY_CALL = {
    "item",
    "tolist",
    "cpu",
    "numpy",
    "size",
    "dim",
    "numel",
    "nelement",
    "is_floating_point",
    "data_ptr",
    "stride",
    "element_size",
}
_LIKE = {"new_tensor", "new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like"}
_HARMLESS_CALLS = {"len", "isinstance", "type", "id", "hasattr", "print", "repr", "str"}
Fate = Literal["moved", "asked", "computed"]
_ALIASES = 3
"""How often a value may be given another name before it is lost sight of."""


class Method:
    """One method, with the way from every node to what stands around it."""

    def __init__(self, node: Function, text: ClassText, texts: tuple[ClassText, ...], axes: int = -1) -> None:
        self.node, self.name = node, node.name
        self._axes = axes
        self._text, self._texts = text, texts
        self._around = {below: above for above in ast.walk(node) for below in ast.iter_child_nodes(above)}

    def uses_of_self(self) -> set[str]:
        """Names that it asks its module for."""
        mine = self_of(self.node)
        return {
            node.attr
            for node in ast.walk(self.node)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == mine
        }

    def loads(self, name: str) -> list[ast.expr]:
        """Where it reads the attribute."""
        return [node for node in ast.walk(self.node) if isinstance(node, ast.expr) and self._reads(node, name)]

    def calls(self, method: str) -> list[ast.Call]:
        """Where it calls another method of its module."""
        every = (node for node in ast.walk(self.node) if isinstance(node, ast.Call))
        return [call for call in every if is_own(call.func, self.node, method)]

    def _reads(self, node: ast.expr, name: str) -> bool:
        if isinstance(node, ast.Call):
            called = isinstance(node.func, ast.Name) and node.func.id == "getattr"
            return called and any(isinstance(each, ast.Constant) and each.value == name for each in node.args)
        if not is_own(node, self.node, name) and not self._is_of_class(node, name):
            return False
        return isinstance(getattr(node, "ctx", None), ast.Load) or isinstance(self._around.get(node), ast.AugAssign)

    def _is_of_class(self, node: ast.expr, name: str) -> bool:
        """Whether it is `Net.name`, `cls.name`, `type(self).name` or `self.__class__.name`."""
        if not isinstance(node, ast.Attribute) or node.attr != name:
            return False
        holder = node.value
        if isinstance(holder, ast.Name):
            return holder.id == "cls" or holder.id in {text.node.name for text in self._texts}
        called = getattr(holder, "func", None)
        return getattr(holder, "attr", "") == "__class__" or getattr(called, "id", "") == "type"

    def moves_others(self, name: str) -> bool:
        """Whether it moves an attribute of that name of whatever module."""
        named = (node for node in ast.walk(self.node) if isinstance(node, ast.Attribute) and node.attr == name)
        return any(self.fate(node) == "moved" for node in named)

    def stores(self, name: str) -> list[tuple[ast.stmt, ast.expr | None]]:
        """The statements that assign the attribute, with what they assign."""
        found: list[tuple[ast.stmt, ast.expr | None]] = []
        for node in ast.walk(self.node):
            if is_own(node, self.node, name) and isinstance(getattr(node, "ctx", None), ast.Store):
                statement = self._statement(node)
                found.append((statement, getattr(statement, "value", None)))
        return found

    def stores_moved(self, name: str) -> bool:
        """Whether it puts something there that was made on a device it knows."""
        return any(value is not None and _on_a_known_device(value) for _, value in self.stores(name))

    def places(self, name: str) -> bool:
        """Whether it says on which device what it assigns is to be."""
        values = [value for _, value in self.stores(name) if value is not None]
        return any(_is_placed(value) or self._names_what_is_placed(value) for value in values)

    def _names_what_is_placed(self, value: ast.expr) -> bool:
        """Whether it is a local name that was given something on a known device, and nothing more."""
        if not isinstance(value, ast.Name):
            return False
        assigned = [node for node in ast.walk(self.node) if isinstance(node, ast.Assign)]
        return any(
            _is_placed(each.value)
            for each in assigned
            if any(isinstance(target, ast.Name) and target.id == value.id for target in each.targets)
        )

    def reads_unmoved(self, name: str) -> bool:
        """Whether it computes with the attribute as it is."""
        first = min((statement.lineno for statement, _ in self.stores(name)), default=None)
        return any(
            self.fate(load) == "computed" and (first is None or load.lineno <= first) for load in self.loads(name)
        )

    def reads_moved(self, name: str) -> bool:
        """Whether it moves the attribute somewhere: whoever does that once knows where it is."""
        return any(self.fate(load) == "moved" for load in self.loads(name))

    # --- the way of one value ---------------------------------------------------------------------------------------

    def fate(self, node: ast.AST, aliases: int = _ALIASES) -> Fate:
        """What becomes of an expression: it is moved, asked for its shape and the like, or computed with as it is."""
        if self._is_one_value(node):
            return "asked"
        plain = True
        while (above := self._around.get(node)) is not None and not isinstance(above, ast.stmt):
            if isinstance(above, ast.Attribute) and (fate := self._of_attribute(above)) != "computed":
                return fate
            if isinstance(above, ast.Call) and node is not above.func:
                if (fate := self._of_argument(above)) != "computed":
                    return fate
                plain = plain and isinstance(above.func, ast.Name) and above.func.id in ("zip", "enumerate", "reversed")
            if isinstance(above, ast.Compare) and any(isinstance(each, ast.Is | ast.IsNot) for each in above.ops):
                return "asked"
            if isinstance(above, ast.IfExp) and above.test is node:
                return "asked"
            if isinstance(above, ast.BinOp) and not _is_fixed(above.left if above.right is node else above.right):
                return "computed"
            if isinstance(above, ast.comprehension) and above.iter is node and aliases:
                return self._of_name(above.target, aliases)
            node = above
        if isinstance(above, ast.If | ast.While | ast.Assert) and above.test is node:
            return "asked"
        return self._under_another_name(above, aliases) if plain and aliases else "computed"

    def _is_one_value(self, node: ast.AST) -> bool:
        """Whether it is indexed with a number for each of its axes."""
        above = self._around.get(node)
        if not isinstance(above, ast.Subscript) or above.value is not node:
            return False
        indices = above.slice.elts if isinstance(above.slice, ast.Tuple) else [above.slice]
        return len(indices) == self._axes and all(map(self._is_number, indices))

    def _is_number(self, index: ast.expr) -> bool:
        """A whole number as written, an argument that is said to be one, or what counts through a range."""
        if isinstance(index, ast.BinOp):
            return self._is_number(index.left) and self._is_number(index.right)
        if isinstance(index, ast.UnaryOp):
            return self._is_number(index.operand)
        if isinstance(index, ast.Constant):
            return isinstance(index.value, int)
        return isinstance(index, ast.Name) and index.id in self._numbers

    @cached_property
    def _numbers(self) -> set[str]:
        found = {
            each.arg
            for each in (*self.node.args.args, *self.node.args.kwonlyargs)
            if isinstance(each.annotation, ast.Name) and each.annotation.id == "int"
        }
        for node in ast.walk(self.node):
            if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Call):
                called = getattr(node.iter.func, "id", "")
                target = node.target.elts[0] if isinstance(node.target, ast.Tuple) else node.target
                if called in ("range", "enumerate") and isinstance(target, ast.Name):
                    found.add(target.id)
        return found

    def _of_attribute(self, attribute: ast.Attribute) -> Fate:
        call = self._around.get(attribute)
        if not isinstance(call, ast.Call) or call.func is not attribute:
            return "asked" if attribute.attr in _ASKED else "computed"
        if attribute.attr in _MOVES and not _converts_only(call):
            return "moved"
        return "asked" if attribute.attr in _ASKED_BY_CALL else "computed"

    def _of_argument(self, call: ast.Call) -> Fate:
        """What a function makes of it that is told a device too, or that moves what it gets."""
        named = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if named in _HARMLESS_CALLS:
            return "asked"
        if named in _LIKE or any(word.arg == "device" for word in call.keywords):
            return "moved"
        knows = any(map(_names_a_device, (call.func, *call.args)))
        knows = knows or any(map(_on_a_known_device, self._bodies(named, call.func)))
        return "moved" if knows else "computed"

    def _bodies(self, name: str, function: ast.expr) -> Iterator[ast.AST]:
        """What runs when a function of this file, or a method of this class, is called."""
        if isinstance(function, ast.Name):
            yield from (each for each in tree_of(self._text.file).body if getattr(each, "name", "") == name)
        elif is_own(function, self.node, name):
            yield from (each for text in self._texts for each in text.methods if each.name == name)

    def _under_another_name(self, statement: ast.AST | None, aliases: int) -> Fate:
        targets = [*statement.targets] if isinstance(statement, ast.Assign) else []
        targets += [statement.target] if isinstance(statement, ast.For) else []
        return _one_of({self._of_name(target, aliases) for target in targets})

    def _of_name(self, target: ast.expr, aliases: int) -> Fate:
        """What becomes of the local names that a value is given."""
        names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
        reads = (node for node in ast.walk(self.node) if isinstance(node, ast.Name) and node.id in names)
        return _one_of({self.fate(node, aliases - 1) for node in reads if isinstance(node.ctx, ast.Load)})

    def _statement(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self._around[node]
        return node


def _one_of(fates: set[Fate]) -> Fate:
    """What is to be said of a value that goes several ways."""
    return "moved" if "moved" in fates else "asked" if fates == {"asked"} else "computed"


def _converts_only(call: ast.Call) -> bool:
    """Whether `.to()` gets a dtype and nothing else."""
    words = {word.arg for word in call.keywords}
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "to":
        return False
    dtypes = [each for each in call.args if _is_dtype(each)]
    return len(dtypes) == len(call.args) and words <= {"dtype", "non_blocking", "copy"}


def _is_dtype(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "dtype"
    if not isinstance(node, ast.Attribute):
        return False
    return node.attr == "dtype" or node.attr.rstrip("0123456789") in ("float", "bfloat", "complex", "half", "double")


def _is_fixed(node: ast.expr) -> bool:
    """Whether an operand is a number."""
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and _is_fixed(node.operand))


def _names_a_device(node: ast.AST) -> bool:
    names = (
        getattr(each, "attr", "") or getattr(each, "id", "") or getattr(each, "arg", "") for each in ast.walk(node)
    )
    return any(name == "dev" or "device" in (name or "") for name in names)


def _on_a_known_device(node: ast.AST) -> bool:
    """Whether an expression, or the body of a function, makes or moves something to where something else is."""
    return _is_placed(node) or any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in _LIKE
        for each in ast.walk(node)
    )


def _is_placed(node: ast.AST) -> bool:
    """Whether an expression speaks of a device, or moves something."""
    return _names_a_device(node) or any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in _MOVES
        and not _converts_only(each)
        for each in ast.walk(node)
    )
