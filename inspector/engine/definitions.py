"""What a file defines at its top level, and which of its definitions refer to which, read from the source alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from inspector.engine.source_files import parse_source

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


class Definition(NamedTuple):
    """One binding of a name at the top level of a file."""

    name: str
    file: str
    line: int
    node: ast.stmt


class Definitions:
    """The top-level bindings of some files, by name; the last one of a name is the one that holds."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = tuple(dict.fromkeys(files))
        self._by_name: dict[str, list[Definition]] = {}
        for file in self.files:
            for definition in _bindings(file, parse_source(file)):
                self._by_name.setdefault(definition.name, []).append(definition)

    def find(self, name: str, file: str = "", line: int = 0) -> Definition | None:
        """The definition of a name; with a line, the one about that line if the name is defined more than once."""
        known = [definition for definition in self._by_name.get(name, []) if not file or definition.file == file]
        for definition in known:
            if _first_line(definition.node) <= line <= (definition.node.end_lineno or definition.line):
                return definition
        return known[-1] if known else None

    def used_by(self, user: str, parts: frozenset[str]) -> frozenset[str]:
        """Which of these names a class refers to outside its bases: itself, or through functions, variables and other
        classes that are none of them."""
        reached: set[str] = set()
        waiting = [user]
        seen = {user}
        while waiting:
            for name in self._references(waiting.pop()) - seen:
                seen.add(name)
                if name in parts:
                    reached.add(name)
                elif name in self._by_name:
                    waiting.append(name)
        return frozenset(reached)

    def _references(self, name: str) -> set[str]:
        found = _References()
        try:
            for definition in self._by_name.get(name, []):
                found.of_definition(definition.node)
        except RecursionError:
            pass  # An expression of thousands of terms: what was found so far must do.
        return found.names


class Hidden(NamedTuple):
    """A class, function or variable that an import of the file does not give."""

    name: str
    line: int
    is_module: bool
    """Whether it is a class with a base that ends in Module."""
    where: str
    """`under if __name__ == "__main__"`, or `inside main()`."""


def hidden_definitions(file: str) -> list[Hidden]:
    """What a file binds where an import does not reach: under the script guard, or inside functions."""
    found: list[Hidden] = []
    for statement in _statements(parse_source(file).body):
        if isinstance(statement, _Function):
            found += _hidden(statement.body, f"inside {statement.name}()")
        elif isinstance(statement, ast.If) and _is_guard(statement.test):
            found += _hidden(statement.body, 'under if __name__ == "__main__"')
    return found


def _first_line(node: ast.stmt) -> int:
    """Where it begins, its decorators included, as Python counts in code objects."""
    decorators = node.decorator_list if isinstance(node, ast.ClassDef | _Function) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _hidden(body: list[ast.stmt], where: str) -> Iterator[Hidden]:
    for statement in _statements(body):
        for name in _names_bound(statement):
            yield Hidden(name, statement.lineno, _derives_from_module(statement), where)


def _derives_from_module(statement: ast.stmt) -> bool:
    bases = statement.bases if isinstance(statement, ast.ClassDef) else []
    return any(ast.unparse(base).endswith("Module") for base in bases)


def _is_guard(test: ast.expr) -> bool:
    return "__name__" in ast.unparse(test) and "__main__" in ast.unparse(test)


def _bindings(file: str, tree: ast.Module) -> Iterator[Definition]:
    for statement in _statements(tree.body):
        for name in _names_bound(statement):
            yield Definition(name, file, statement.lineno, statement)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of the blocks below it, but not of the functions and classes."""
    for statement in body:
        yield statement
        if isinstance(statement, _BLOCKS):
            for field in ("body", "handlers", "orelse", "finalbody"):
                for below in getattr(statement, field, []):
                    yield from _statements(below.body if isinstance(below, ast.ExceptHandler) else [below])


def _names_bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases]
        case ast.Assign(targets=targets):
            return [name for target in targets for name in _stored(target)]
        case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
            return _stored(target)
    return []


def _stored(target: ast.AST) -> list[str]:
    nodes = ast.walk(target)
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


class _References(ast.NodeVisitor):
    """Collects the names that code refers to at the top level of its file, leaving out what its functions bind."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._local: list[set[str]] = []

    def of_definition(self, node: ast.stmt) -> None:
        """Take in a definition: of a class its body alone, since what it derives from is no part of it."""
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                self.visit(statement)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not any(node.id in names for names in self._local):
            self.names.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def visit_arg(self, node: ast.arg) -> None:
        if node.annotation is not None:
            self._visit_annotation(node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_annotation(node.annotation)
        if node.value is not None:
            self.visit(node.value)

    def _visit_function(self, node: _Function) -> None:
        for outside in (node.args, *node.decorator_list):
            self.visit(outside)
        if node.returns is not None:
            self._visit_annotation(node.returns)
        self._local.append(_local_names(node))
        for statement in node.body:
            self.visit(statement)
        self._local.pop()

    def _visit_annotation(self, annotation: ast.expr) -> None:
        """Annotations may be text, whole or in parts: `"Encoder"`, `Optional["Encoder"]`."""
        self.visit(annotation)
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    self._visit_annotation(ast.parse(node.value, mode="eval").body)
                except SyntaxError:
                    pass  # A string of some other meaning, as in Literal["relu"].


def _local_names(function: _Function) -> set[str]:
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    shared: set[str] = set()
    for node in (below for statement in function.body for below in ast.walk(statement)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Global(names=declared):
                shared.update(declared)
    return names - shared
