"""How keys are gathered into few places: the topmost module that they fill, and places that are alike in blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from inspector.engine.checkpoint.slots import Slots

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


class Place(NamedTuple):
    """A module and the keys that are told of there."""

    path: str
    keys: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Other modules of which the same is true, as in the blocks of a stack."""

    @property
    def names(self) -> list[str]:
        """The keys as the module calls them."""
        return [key[len(self.path) + 1 :] if self.path else key for key in self.keys]


def topmost(keys: Iterable[str], slots: Slots, needless: Collection[str] = ()) -> list[Place]:
    """For keys of the model: the highest modules of which every key is among them, those that are `needless` apart;
    the holders of the rest."""
    keys = list(keys)
    wanted, among = Counter[str](), Counter[str]()
    for key, slot in slots.by_key.items():
        if key not in needless:
            wanted.update(_upwards(slot.holder))
    for key in keys:
        among.update(_upwards(slots.by_key[key].holder))
    found: dict[str, list[str]] = {}
    for key in keys:
        above = _upwards(slots.by_key[key].holder)
        whole = [path for path in above if among[path] == wanted[path]]
        found.setdefault(whole[-1] if whole else above[0], []).append(key)
    return gathered(Place(path, tuple(members)) for path, members in found.items())


def _upwards(path: str) -> list[str]:
    """`a.b` → `a.b`, `a`, and the model itself"""
    found = [path]
    while path:
        path = path.rpartition(".")[0]
        found.append(path)
    return found


def gathered(places: Iterable[Place]) -> list[Place]:
    """One place for all that differ in nothing but numbers in their paths."""
    alike: dict[tuple[str, tuple[str, ...]], list[Place]] = {}
    for place in places:
        alike.setdefault((_NUMBER.sub("*", place.path), tuple(place.names)), []).append(place)
    return [Place(first.path, first.keys, tuple(other.path for other in rest)) for first, *rest in alike.values()]


def pattern(place: Place) -> str:
    """`, and so in 11 more: blocks.*.attn`; nothing of a place that is alone."""
    return f", and so in {len(place.also):,} more: {_NUMBER.sub('*', place.path)}" if place.also else ""
