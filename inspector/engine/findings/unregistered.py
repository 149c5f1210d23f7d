"""NN101 and NN102: modules and parameters in plain containers, where nn.Module does not see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from torch import nn

from inspector.engine.class_text import assigned_value, assignment, class_place, is_users, mentions
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import and_
from inspector.engine.kinds import is_a, is_function, truth
from inspector.engine.source_files import attributes
from inspector.engine.unregistered import Ghost
from inspector.run_schema import Finding
from inspector.schema import Kind, Source

_SWITCHED: tuple[type[nn.Module], ...] = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase, nn.RReLU)
"""What train() and eval() make a difference for."""
_CONTAINERS = {"dict": ("nn.ModuleDict", "nn.ParameterDict")}
_LISTS = ("list", "tuple", "set", "frozenset", "deque")


def outermost(anatomy: Anatomy) -> Iterator[tuple[int, Ghost]]:
    """What is unregistered, without what stands inside such a thing."""
    for row in anatomy.rows(Kind.GHOST):
        if anatomy.kinds[anatomy.parents[row]] != Kind.GHOST:
            yield row, anatomy.told[row]


def alike(anatomy: Anatomy, rows: list[tuple[int, Ghost]]) -> Iterator[tuple[int, Ghost, list[int]]]:
    """The first of each that the same line made in modules of one class, with the rows of all of them."""
    groups: dict[tuple[object, ...], list[tuple[int, Ghost]]] = {}
    for row, ghost in rows:
        holder = type(anatomy.things[anatomy.module_of(row)])
        groups.setdefault((holder, ghost.name, ghost.container, ghost.holds), []).append((row, ghost))
    for group in groups.values():
        yield (*group[0], [row for row, _ in group])


def unregistered(anatomy: Anatomy) -> Iterator[Finding]:
    """Modules and parameters that were to be registered."""
    told = [
        (row, ghost)
        for row, ghost in outermost(anatomy)
        if ghost.holds != "tensor" and ghost.container != "attribute" and not is_librarys(anatomy, row, ghost)
    ]
    for row, ghost, rows in alike(anatomy, told):
        if ghost.holds == "module" and _is_hidden(anatomy, row, ghost):
            continue
        what = _of_modules(ghost) if ghost.holds == "module" else _of_parameters(ghost)
        if what:
            name = "NN101" if ghost.holds == "module" else "NN102"
            where = f"{anatomy.name(row)}: {ghost.type} is not registered: {what}{_more(anatomy, rows)}"
            yield anatomy.finding(name, row, where, _fix(ghost), place_of(anatomy, row, ghost))


def is_librarys(anatomy: Anatomy, row: int, ghost: Ghost) -> bool:
    """Whether the code of an installed package keeps it there: it knows why, and nobody can mend it here."""
    cls = type(anatomy.things[anatomy.module_of(row)])
    return not is_users(cls) and mentions(cls, ghost.name)


def place_of(anatomy: Anatomy, row: int, ghost: Ghost) -> Source | None:
    """The line that made a ghost."""
    cls = type(anatomy.things[anatomy.module_of(row)])
    return assignment(cls, ghost.name) or class_place(cls) or anatomy.place(row)


def _more(anatomy: Anatomy, rows: list[int]) -> str:
    if len(rows) == 1:
        return ""
    cls = type(anatomy.things[anatomy.module_of(rows[0])]).__name__
    return f" (and so in {len(rows) - 1:,} more {cls})"


def _modules(ghost: Ghost) -> Iterator[nn.Module]:
    if is_a(ghost.thing, nn.Module):
        yield ghost.thing  # type: ignore[misc]
    for below in ghost.below:
        yield from _modules(below)


def _is_hidden(anatomy: Anatomy, row: int, ghost: Ghost) -> bool:
    """Whether it is kept out of sight on purpose: frozen, in eval mode already, or alone in a list made for it."""
    modules = list(_modules(ghost))
    holder = anatomy.things[anatomy.module_of(row)]
    parameters = list(_held(list(_parts(modules)), "_parameters"))
    if not parameters:
        return False
    if not any(parameter.requires_grad for parameter in parameters):
        return True
    if truth(attributes(holder).get("training")) and not any(truth(attributes(m).get("training")) for m in modules):
        return True
    value = assigned_value(type(holder), ghost.name)
    return isinstance(value, ast.List | ast.Tuple) and [type(each) for each in value.elts] == [ast.Name]


def _parts(modules: list[nn.Module]) -> Iterator[nn.Module]:
    return iter(dict.fromkeys(part for module in modules for part in nn.Module.modules(module)))


def _of_modules(ghost: Ghost) -> str:
    """What these modules lack by not being registered; empty when they lack nothing."""
    everything = list(_parts(list(_modules(ghost))))
    if ghost.elements or any(True for _ in _held(everything, "_parameters")):
        what = "parameter is" if ghost.elements == 1 else "parameters are"
        number = f"{ghost.elements:,} {what}" if ghost.elements else "lazy parameters are"
        return f"{number} not trained, moved, saved, or switched by train()/eval()"
    if any(buffer.dim() for buffer in _held(everything, "_buffers")):
        return "its buffers are not moved or saved"
    switched = list(dict.fromkeys(type(module).__name__ for module in everything if _is_switched(module)))
    return f"train() and eval() do not switch {and_(switched[:3])}" if switched else ""


def _held(modules: list[nn.Module], table: str) -> Iterator[Any]:
    for module in modules:
        yield from (tensor for tensor in (attributes(module).get(table) or {}).values() if tensor is not None)


def _is_switched(module: nn.Module) -> bool:
    """Whether a module does something else in train mode than in eval mode."""
    if is_a(module, *_SWITCHED):
        return True
    if type(module).__module__.startswith("torch."):
        return False
    functions = [value for base in type(module).__mro__ for value in vars(base).values() if base is not nn.Module]
    codes = [getattr(value, "__code__", None) for value in functions if is_function(value)]
    return any("training" in code.co_names for code in codes if code is not None and code.co_name != "__init__")


def _of_parameters(ghost: Ghost) -> str:
    what = "parameter is" if ghost.elements == 1 else "parameters are"
    return f"{ghost.elements:,} {what} not trained, moved or saved"


def _fix(ghost: Ghost) -> str:
    kind = 0 if ghost.holds == "module" else 1
    outer = ghost.type.partition(" of ")[0]
    if ghost.container == "class attribute":
        return f"assign it in __init__: self.{ghost.name} = ..."
    if outer in _CONTAINERS:
        return f"use {_CONTAINERS[outer][kind]}"
    if outer in _LISTS:
        return f"use {('nn.ModuleList', 'nn.ParameterList')[kind]}"
    return "assign what it holds to attributes of the module itself"
