"""What stands at several places, counted once in every subtree that contains it.

The trick: a thing adds its size at each place where it occurs, and takes it away again at the lowest common ancestor of
every two occurrences that follow each other. Then the plain sum over any subtree counts it exactly once if it is there.
A place where a module is registered again is an occurrence of everything that can be reached from that module. When
that leads back to a module above the place, all modules between the two contain each other: they have equal numbers.

Three things are counted apart: parameter objects (elements), buffer objects (elements) and storages (bytes). Two
Parameters over one storage are two parameters, and one piece of memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from inspector.engine.examination import Repeated
from inspector.engine.outlining import Rows
from inspector.engine.table import Table
from inspector.engine.walk import Places
from inspector.schema import Flag, Kind

Size = tuple[int, int, int, int]
"""Parameter elements, trainable ones, buffer elements, bytes."""
NOTHING: Size = (0, 0, 0, 0)
_NODES = (Kind.MODULE, Kind.RUN, Kind.SHARED, Kind.CYCLE)


@dataclass(slots=True)
class Sharing:
    """Which rows are the same thing, or use the same memory."""

    tied: dict[int, int] = field(default_factory=dict)
    """Row of a tensor that stands at an earlier place too → that place's row."""
    objects: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Row of a tensor that stands at several places → the rows of all of them."""
    aliases: dict[int, int] = field(default_factory=dict)
    """Row of a tensor that uses the memory of an earlier, other tensor → that tensor's row."""
    modules: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Row of a module that is registered at several places → the rows of all of them."""
    firsts: dict[int, int] = field(default_factory=dict)
    """Row where a module is registered again → row of its first place."""
    loops: dict[int, int] = field(default_factory=dict)
    """Such a row → the highest module above it that can be reached from there."""


@dataclass(slots=True)
class _Item:
    """Something that is counted once: an object, a storage, or all that only one module holds."""

    size: Size
    rows: list[int]
    """Where it occurs in the tree itself; the sums of these places contain its size already."""


def account(laid: Rows, places: Places, tensors: Sequence[Tensor], repeated: Mapping[Hashable, Repeated]) -> Sharing:
    """Mark what is shared, and correct the modules' own numbers so that their sums count it once."""
    sharing = Sharing()
    items = _shared_tensors(laid, tensors, repeated.values(), sharing)
    sharing.firsts = {laid.rows[place]: laid.rows[first] for place, first in places.repeats.items()}
    at: dict[int, list[int]] = defaultdict(list)
    for row, first in sharing.firsts.items():
        at[first].append(row)
    for first, rows in at.items():
        everywhere = (first, *rows)
        sharing.modules.update(dict.fromkeys(everywhere, everywhere))
    if at:
        hubs = _Hubs(laid.table, sorted(at))
        items += hubs.bundles(laid.nodes, items)
        hubs.connect(sharing.firsts)
        sharing.loops = hubs.loops(sharing.firsts)
        again = hubs.reached_items(items, {r: f for r, f in sharing.firsts.items() if r not in sharing.loops})
    else:
        again = {}
    _count_once(laid.table, items, again)
    return sharing


def close_loops(laid: Rows, sharing: Sharing) -> None:
    """Give all modules of a loop the numbers of the highest: each of them can be reached from each."""
    table = laid.table
    above = dict(zip(laid.nodes, laid.above, strict=True)) if sharing.loops else {}
    for row, highest in sharing.loops.items():
        at = row
        while at != highest:
            for column in (table.elements, table.trainable, table.buffers, table.held):
                column[at] = column[highest]
            at = above[at]


def spread_bits(laid: Rows, sharing: Sharing) -> None:
    """Let every place of a module contain what its first place contains; goes around until nothing changes."""
    table = laid.table
    above = dict(zip(laid.nodes, laid.above, strict=True)) if sharing.firsts else {}
    changed = bool(sharing.firsts)
    while changed:
        changed = False
        for row, first in sharing.firsts.items():
            bits, at = table.bits[first], row
            while table.bits[at] | bits != table.bits[at]:
                table.bits[at] |= bits
                at, changed = above[at], True


def _shared_tensors(
    laid: Rows, tensors: Sequence[Tensor], repeated: Iterable[Repeated], sharing: Sharing
) -> list[_Item]:
    """Mark ties and aliases; one item for each storage and each object that occurs more than once."""
    table = laid.table
    items = []
    for storage in repeated:
        objects: dict[tuple[int, int], list[int]] = defaultdict(list)
        for ordinal in storage.ordinals:
            row = laid.row_of_tensor(ordinal)
            objects[table.kinds[row], id(tensors[ordinal])].append(row)
        places = sorted(sorted(rows) for rows in objects.values())
        if storage.bytes:
            items.append(_Item((0, 0, 0, storage.bytes), sorted(row for rows in places for row in rows)))
            _mark_aliases(table, [rows[0] for rows in places], sharing)
        for rows in places:
            if len(rows) > 1 and rows[0] not in sharing.objects:
                items.append(_Item(_size_of_object(table, rows[0]), rows))
                _mark_tied(table, rows, sharing)
    return items


def _mark_tied(table: Table, rows: list[int], sharing: Sharing) -> None:
    sharing.objects.update(dict.fromkeys(rows, tuple(rows)))
    for row in rows[1:]:
        sharing.tied[row] = rows[0]
        table.flags[row] |= Flag.TIED


def _mark_aliases(table: Table, rows: list[int], sharing: Sharing) -> None:
    for row in rows[1:]:
        sharing.aliases.setdefault(row, rows[0])
        table.flags[row] |= Flag.ALIASED


def _size_of_object(table: Table, row: int) -> Size:
    if table.kinds[row] == Kind.BUFFER:
        return 0, 0, table.elements[row], 0
    return table.elements[row], table.trainable[row], 0, 0


class _Hubs:
    """The modules that are registered more than once, by the row of their first place."""

    def __init__(self, table: Table, rows: list[int]) -> None:
        self._table = table
        self._rows = rows
        self._outer: dict[int, int | None] = {}
        for row in rows:
            self._outer[row] = self._around(row - 1, row)

    def innermost(self, row: int) -> int | None:
        """The innermost of these modules in whose subtree a row stands."""
        return self._around(row, row)

    def _around(self, last: int, row: int) -> int | None:
        position = bisect_right(self._rows, last) - 1
        hub = self._rows[position] if position >= 0 else None
        while hub is not None and hub + self._table.sizes[hub] <= row:
            hub = self._outer[hub]
        return hub

    def bundles(self, nodes: Iterable[int], items: Iterable[_Item]) -> list[_Item]:
        """For each hub one item: all that stands in it, not in a hub inside it, and nowhere else."""
        table = self._table
        sizes = dict.fromkeys(self._rows, NOTHING)
        for row in nodes:
            hub = self.innermost(row)
            if hub is not None:
                sizes[hub] = _plus(sizes[hub], _own_size(table, row))
        for item in items:
            for row in item.rows:
                hub = self.innermost(row)
                if hub is not None:
                    sizes[hub] = _plus(sizes[hub], item.size, -1)
        return [_Item(size, [hub]) for hub, size in sizes.items() if size != NOTHING]

    def connect(self, firsts: Mapping[int, int]) -> None:
        """Find out which hubs can be reached from which."""
        self._position = {hub: position for position, hub in enumerate(self._rows)}
        self._reached = {hub: 1 << position for hub, position in self._position.items()}
        onward: dict[int, set[int]] = {hub: set() for hub in self._rows}
        for hub, outer in self._outer.items():
            if outer is not None:
                onward[outer].add(hub)
        for row, first in firsts.items():
            around = self.innermost(row)
            if around is not None:
                onward[around].add(first)
        changed = True
        while changed:
            changed = False
            for hub in reversed(self._rows):
                bits = self._reached[hub]
                for other in onward[hub]:
                    bits |= self._reached[other]
                if bits != self._reached[hub]:
                    self._reached[hub], changed = bits, True

    def loops(self, firsts: Mapping[int, int]) -> dict[int, int]:
        """The rows from which a module above them can be reached, and the highest such module."""
        loops = {}
        for row, first in firsts.items():
            around = self.innermost(row)
            while around is not None:
                if self._reached[first] >> self._position[around] & 1:
                    loops[row] = around
                around = self._outer[around]
        return loops

    def reached_items(self, items: Sequence[_Item], firsts: Mapping[int, int]) -> dict[int, list[int]]:
        """For each row where a module is registered again, the items that can be reached from there."""
        held: dict[int, set[int]] = {hub: set() for hub in self._rows}
        for index, item in enumerate(items):
            for row in item.rows:
                hub = self.innermost(row)
                if hub is not None:
                    held[hub].add(index)
        reached: dict[int, list[int]] = {}
        for first in set(firsts.values()):
            hubs = (self._rows[position] for position in _bits(self._reached[first]))
            reached[first] = sorted(set().union(*(held[hub] for hub in hubs)))
        return {row: reached[first] for row, first in firsts.items()}


def _bits(number: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    return (position for position, digit in enumerate(reversed(bin(number)[2:])) if digit == "1")


def _count_once(table: Table, items: Sequence[_Item], again: Mapping[int, list[int]]) -> None:
    """Go through all occurrences in the order of rows, and take away at the common ancestor what came before.

    again: row where a module is registered again → the items that can be reached from it.
    """
    events: dict[int, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        for row in item.rows:
            events[row].append(index)
    for row, indices in again.items():
        events[row] += indices
        for index in indices:
            _add(table, row, items[index].size)
    before: dict[int, int] = {}
    for row in sorted(events):
        surplus: dict[int, Size] = defaultdict(lambda: NOTHING)
        for index in events[row]:
            if index in before:
                surplus[before[index]] = _plus(surplus[before[index]], items[index].size)
            before[index] = row
        for earlier, size in surplus.items():
            _add(table, _common_ancestor(table, earlier, row), size, -1)


def _common_ancestor(table: Table, earlier: int, later: int) -> int:
    """The lowest module or run that contains both rows."""
    row = earlier
    while table.kinds[row] not in _NODES or later >= row + table.sizes[row]:
        row = table.parents[row]
    return row


def _own_size(table: Table, row: int) -> Size:
    return table.elements[row], table.trainable[row], table.buffers[row], table.held[row]


def _plus(one: Size, other: Size, sign: int = 1) -> Size:
    return (
        one[0] + sign * other[0],
        one[1] + sign * other[1],
        one[2] + sign * other[2],
        one[3] + sign * other[3],
    )


def _add(table: Table, row: int, size: Size, sign: int = 1) -> None:
    table.elements[row] += sign * size[0]
    table.trainable[row] += sign * size[1]
    table.buffers[row] += sign * size[2]
    table.held[row] += sign * size[3]
