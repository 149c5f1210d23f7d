"""From places to rows: every place gets its rows, runs are folded, and what is made stands above what makes it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from inspector.engine.derived import made_by_parametrization
from inspector.engine.examination import Examiner, Own
from inspector.engine.lines import lines_of, made_line, repeat_line
from inspector.engine.runs import SHORTEST, Sibling, run_lengths
from inspector.engine.table import Chunk, Line, Table
from inspector.engine.walk import Places
from inspector.schema import Flag, Kind


@dataclass(slots=True)
class Fold:
    """A run of equal siblings, folded to one row."""

    first: str
    last: str
    count: int
    module: nn.Module
    """The first of them, and what its extra_repr said."""
    text: str


@dataclass(slots=True)
class Cap:
    """A row that stands between some siblings and their parent."""

    line: Line
    first: int
    """Place of the first sibling below it."""
    last: int


@dataclass(slots=True)
class Rows:
    """The rows of a model, and how they belong to places."""

    table: Table
    rows: list[int] = field(default_factory=list)
    """Row of each place."""
    nodes: list[int] = field(default_factory=list)
    """Rows of modules and runs, in preorder."""
    above: list[int] = field(default_factory=list)
    """For each of the nodes the one that counts it in."""
    first_tensors: list[int] = field(default_factory=list)
    """For each place, how many tensors stand before its own."""
    owns: list[Own] = field(default_factory=list)

    def row_of_tensor(self, ordinal: int) -> int:
        """The row of a tensor, given as its position among all tensors."""
        place = bisect_right(self.first_tensors, ordinal) - 1
        slot = ordinal - self.first_tensors[place]
        chunk: Chunk = self.owns[place].chunk
        return self.rows[place] + chunk.rows_of_tensors[slot]


def lay_out(places: Places, examiner: Examiner) -> Rows:
    """Give every place its rows, in preorder."""
    caps, elided = find_caps(places, examiner)
    table = Table()
    laid = Rows(table, owns=places.owns)
    starts: list[int] = []
    under: dict[int, int] = {}
    rows, nodes, above, tensors = laid.rows, laid.nodes, laid.above, examiner.tensors
    ordinal = 0
    for place, own in enumerate(places.owns):
        starts.append(len(table.kinds))
        cap = caps.get(place)
        if cap is not None:
            _add_cap(cap, laid, places, under)
        up = rows[places.parents[place]] if place else 0
        laid.first_tensors.append(ordinal)
        parent = under.pop(place, up)
        counted_by = up if table.kinds and table.kinds[parent] == Kind.MADE else parent
        if place in places.repeats:
            line = repeat_line(own, Kind.CYCLE if place in places.cycles else Kind.SHARED)
            row = table.append(table.chunk([line]), parent, places.modules[place], ())
        else:
            chunk = own.chunk
            if chunk is None:
                chunk = own.chunk = table.chunk(lines_of(own, examiner.classes))
            end = ordinal + len(own.body.names)
            row = table.append(chunk, parent, places.modules[place], tensors[ordinal:end])
            ordinal = end
        table.names[row] = table.index_of_name(places.names[place])
        table.signatures[row] = places.signatures[place]
        rows.append(row)
        nodes.append(row)
        above.append(counted_by)
    for place in elided:
        table.flags[rows[place]] |= Flag.ELIDED
    _measure(laid, places, caps, starts)
    return laid


def _add_cap(cap: Cap, laid: Rows, places: Places, under: dict[int, int]) -> None:
    table = laid.table
    up = laid.rows[places.parents[cap.first]]
    row = table.append(table.chunk([cap.line]), up, None, ())
    if cap.line.kind is Kind.RUN:
        laid.nodes.append(row)
        laid.above.append(up)
    place = cap.first
    while place <= cap.last:
        under[place] = row
        place += places.spans[place]


def _measure(laid: Rows, places: Places, caps: Mapping[int, Cap], starts: list[int]) -> None:
    """Write down how many rows each subtree has, once all rows have their places."""
    sizes, rows, spans = laid.table.sizes, laid.rows, places.spans
    starts.append(len(laid.table))
    for place, row in enumerate(rows):
        sizes[row] = starts[place + spans[place]] - row
    for place, cap in caps.items():
        sizes[starts[place]] = starts[cap.last + spans[cap.last]] - starts[place]


def find_caps(places: Places, examiner: Examiner) -> tuple[dict[int, Cap], set[int]]:
    """Rows to put above places, by the first of these; and the places that a tree does not show."""
    caps: dict[int, Cap] = {}
    elided: set[int] = set()
    for place, span in enumerate(places.spans):
        if places.owns[place].special.parametrized and place not in places.repeats:
            elided.update(_cap_parametrized(places, place, examiner, caps))
        if span > SHORTEST and place not in elided:
            children = list(places.children(place))
            if len(children) >= SHORTEST:
                _cap_runs(places, children, caps)
    return caps, elided


def _cap_runs(places: Places, children: list[int], caps: dict[int, Cap]) -> None:
    siblings: list[Sibling] = [
        (str(places.names[child]), places.signatures[child], child not in places.repeats) for child in children
    ]
    for start, count in run_lengths(siblings):
        first, last = children[start], children[start + count - 1]
        own = places.owns[first]
        fold = Fold(siblings[start][0], siblings[start + count - 1][0], count, places.modules[first], own.text)
        caps[first] = Cap(run_line(fold, own, places.signatures[first]), first, last)


def run_line(fold: Fold, own: Own, signature: int) -> Line:
    """The row of a run; the signature is that of each of its siblings."""
    return Line(
        f"{fold.first}-{fold.last}",
        Kind.RUN,
        fold,
        type=own.type,
        flags=Flag.TRAINING if own.training else 0,
        signature=hash(("run", fold.first, fold.last, signature)),
    )


def _cap_parametrized(places: Places, place: int, examiner: Examiner, caps: dict[int, Cap]) -> list[int]:
    """Put each parametrized tensor above the modules that make it; returns the places of these containers."""
    elided = []
    names = places.owns[place].special.parametrized
    for holder in places.children(place):
        if places.names[holder] != "parametrizations" or holder in places.repeats:
            continue
        elided.append(holder)
        for steps in places.children(holder):
            if places.names[steps] in names:
                made = made_by_parametrization(places.modules[place], places.names[steps], examiner.forms)
                caps[steps] = Cap(made_line(made, size=1), steps, steps)
                elided.append(steps)
    return elided
