"""The walk: every place at which a module is registered, in preorder, without recursion.

A place where a module is met again is listed too, and points to the first one; nothing below it is walked twice.
"""

from __future__ import annotations

import weakref
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from inspector.engine.examination import Examiner, Own

_OPEN = 0
"""Span of a place whose subtree is still being walked."""


@dataclass(slots=True)
class Places:
    """Places in preorder, one list a column; place 0 is the root."""

    modules: list[nn.Module] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    owns: list[Own] = field(default_factory=list)
    """What each module is in itself; of a place that repeats another: the other's."""
    signatures: list[int] = field(default_factory=list)
    spans: list[int] = field(default_factory=list)
    """Places of the subtree, itself included."""
    repeats: dict[int, int] = field(default_factory=dict)
    """Place of a module that was met before → its first place."""
    cycles: set[int] = field(default_factory=set)
    """Those of the repeats that lead back to an ancestor."""

    def children(self, place: int) -> Iterator[int]:
        """The places directly below one."""
        child, end = place + 1, place + self.spans[place]
        while child < end:
            yield child
            child += self.spans[child]

    def enter(self, module: nn.Module, parent: int, name: str, own: Own) -> None:
        """Add a place. (`walk` does the same by hand: a hundred thousand calls are felt.)"""
        self.modules.append(module)
        self.parents.append(parent)
        self.names.append(name)
        self.owns.append(own)
        self.signatures.append(own.signature)
        self.spans.append(1)

    def repeat(self, place: int, met: int, parent: int, name: str) -> int:
        """Add a place of a module that was met before, and return its signature."""
        self.enter(self.modules[met], parent, name, self.owns[met])
        self.repeats[place] = met
        if self.spans[met] == _OPEN:
            self.cycles.add(place)
            self.signatures[place] = hash(("cycle", self.owns[met].signature))
        else:
            self.signatures[place] = self.signatures[met]
        return self.signatures[place]


def walk(model: nn.Module, examiner: Examiner) -> Places:
    """Visit every module of a model as `named_modules()` does, and describe each once."""
    places = Places()
    modules, parents, names, owns = places.modules, places.parents, places.names, places.owns
    signatures, spans = places.signatures, places.spans
    first: dict[object, int] = {}
    stack: list[tuple[int, Iterator[tuple[str, Any]], list[object]]] = []
    here, children, told = 0, iter(list[tuple[str, Any]]([("", model)])), list[object]()
    while True:
        for name, child in children:
            place = len(modules)
            try:
                met = first.setdefault(child, place)
            except Exception:
                if (child := referent(child)) is None:
                    continue
                met = first.setdefault(identity(child, first), place)
            if met != place:
                told += (name, places.repeat(place, met, here, name))
                continue
            own, kids = examiner.examine(child)
            modules.append(child)
            parents.append(here)
            names.append(name)
            owns.append(own)
            signatures.append(own.signature)
            if kids:
                spans.append(_OPEN)
                stack.append((here, children, told))
                here, children, told = place, iter([kid for kid in kids.items() if kid[1] is not None]), [own.signature]
                break
            spans.append(1)
            told += (name, own.signature)
        else:
            if not stack:
                return places
            name, signature = names[here], hash(tuple(told))
            signatures[here], spans[here] = signature, len(modules) - here
            here, children, told = stack.pop()
            told += (name, signature)


def referent(module: Any) -> Any:
    """The module that a `weakref.proxy` stands for, as torch's own walk sees it; None when it is gone."""
    if type(module) not in weakref.ProxyTypes:
        return module
    try:
        return module.__init__.__self__
    except ReferenceError:
        return None


def identity(module: nn.Module, known: Container[object]) -> object:
    """What a module is known by in a set or dictionary: itself, as `modules()` has it; where that raises, its id.

    A class may define __eq__ and no __hash__, or an __eq__ that raises or returns a tensor.
    """
    try:
        module in known  # noqa: B015 - asking is the test
    except Exception:
        return id(module)
    return module
