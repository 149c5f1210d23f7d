"""NN116: one module object under several paths."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import and_
from inspector.run_schema import Finding
from inspector.schema import Kind

_LISTED = 3


def shared_modules(anatomy: Anatomy) -> Iterator[Finding]:
    """What is registered again, if it holds a tensor: an activation may stand anywhere as often as it likes."""
    for rows in dict.fromkeys(anatomy.sharing.modules.values()):
        first = rows[0]
        kind = type(anatomy.things[first]).__name__
        if any(anatomy.kinds[row] == Kind.CYCLE for row in rows[1:]):
            again = next(row for row in rows[1:] if anatomy.kinds[row] == Kind.CYCLE)
            message = (
                f"{anatomy.name(again)} is the {kind} that it stands in: train(), to() and state_dict() "
                "never come to an end"
            )
            yield anatomy.finding("NN116", again, message, "keep the way back in a list or a weakref")
        elif anatomy.elements[first] or anatomy.buffers[first]:
            shared = " weights are shared" if anatomy.elements[first] else " buffers are shared"
            message = f"{_paths(anatomy, rows)} are one and the same {kind}:{shared}"
            yield anatomy.finding("NN116", first, message, _fix(anatomy, rows))


def _paths(anatomy: Anatomy, rows: tuple[int, ...]) -> str:
    names = [anatomy.name(row) for row in rows]
    if len(rows) > _LISTED - 1 and _is_repeated(anatomy, rows):
        return f"{names[0]} to {names[-1]}"
    rest = [f"{len(names) - _LISTED:,} more"] if len(names) > _LISTED else []
    return and_(names[:_LISTED] + rest)


def _is_repeated(anatomy: Anatomy, rows: tuple[int, ...]) -> bool:
    """Whether all places are neighbours in one container, as `[layer] * 12` makes them."""
    numbers = [anatomy.path(row).rpartition(".") for row in rows]
    if len({parent for parent, _, _ in numbers}) > 1 or not all(number.isdigit() for _, _, number in numbers):
        return False
    places = [int(number) for _, _, number in numbers]
    return places == list(range(places[0], places[0] + len(places)))


def _fix(anatomy: Anatomy, rows: tuple[int, ...]) -> str:
    if not _is_repeated(anatomy, rows):
        return ""
    return f"[layer] * {len(rows)} shares weights: make a new one in each turn of a loop, if that was not meant"
