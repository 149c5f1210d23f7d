"""Everything that a model holds, as it was found: which objects stand where, however deep; and how to put them back.

A module, a list, a dictionary, a set, an object of the user's own class: each is a holder, remembered as the objects in
it. Objects are compared by identity alone, so no code of the user's runs. What is in a tensor is the business of
`tensor_marks`; generators of random numbers and arrays are remembered by their content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from inspector.engine.failure import message_of, sendable
from inspector.engine.manners import CLASS, Manner, State, manners_of, own_classes

MOST_HOLDERS = 2_000_000
"""Holders that are remembered: a model that reaches more reaches what is no part of it."""


class Holder(NamedTuple):
    """One thing that holds others, with what it held."""

    thing: Any
    manner: Manner
    state: State
    around: int
    """Index of the holder in which it was met first."""
    name: str
    """Its name there."""


class Belongings:
    """What is reachable from a model through attributes and containers, as it was when this was made."""

    def __init__(self, model: nn.Module, others: Iterable[Tensor] = ()) -> None:
        """`others` are tensors of the model that no attribute leads to, as those of a compiled one."""
        self._holders: list[Holder] = []
        self._met: dict[int, Any] = {}
        """By identity; alive, so that nothing else gets it."""
        self.tensors: list[tuple[Tensor, int, str]] = []
        """Every tensor that was met, with the index of the holder that it is in and its name there."""
        self.cut = False
        """Whether there is more than is remembered."""
        self.unread: list[str] = []
        """Paths of what could not be read."""
        self._meet(model, 0, "")
        index = 0
        while index < len(self._holders):  # which grow meanwhile
            for name, held in self._holders[index].manner.below(self._holders[index].state):
                if id(held) not in self._met and (found := manners_of(type(held))):
                    self._hold(held, found, index, name)
            index += 1
        for tensor in others:
            self._meet(tensor, 0, "")

    def restore(self) -> Iterator[str]:
        """Put back every holder that holds something else now; tell those that cannot be."""
        for index, (thing, manner, state, _, _) in enumerate(self._holders):
            try:
                if manner.same(state, manner.read(thing)):
                    continue
                manner.write(thing, state)
                trouble = "" if manner.same(state, manner.read(thing)) else "it keeps another content"
            except Exception as error:
                trouble = f"{type(error).__name__}: {message_of(error)}"
            if trouble:
                yield sendable(f"{self.path(index)}: cannot be put back ({trouble})")

    def path(self, index: int, name: str = "") -> str:
        """The dotted path of a holder, or of what stands in it under a name; of the root, what to call it."""
        names = [name] if name else []
        while index:
            _, _, _, around, own = self._holders[index]
            if own:
                names.append(own)
            index = around
        return ".".join(reversed(names)) or "the model itself"

    def _meet(self, thing: Any, around: int, name: str) -> None:
        if id(thing) not in self._met:
            self._hold(thing, manners_of(type(thing)), around, name)

    def _hold(self, thing: Any, manners: tuple[Manner, ...], around: int, name: str) -> None:
        if len(self._holders) >= MOST_HOLDERS:
            self.cut = True
            return
        self._met[id(thing)] = thing
        cls = type(thing)
        if issubclass(cls, Tensor):
            self.tensors.append((thing, around, name))
        for manner in manners:
            self._remember(thing, manner, around, name)
        for base in own_classes(cls):
            if id(base) not in self._met:
                self._met[id(base)] = base
                self._remember(base, CLASS, 0, base.__name__)

    def _remember(self, thing: Any, manner: Manner, around: int, name: str) -> None:
        try:
            state = manner.read(thing)
        except Exception:  # a generator without a state, an array whose memory is gone
            self.unread.append(self.path(around, name))
        else:
            self._holders.append(Holder(thing, manner, state, around, name))
