"""The card of a class of the user's own: what it says of itself, what it holds, what its forward was seen to call.

Shared by window and reports; names and code in it are the user's, as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from inspector.card_flow import flow_of
from inspector.cards.explaining import passage
from inspector.figures import flops, plural
from inspector.run_rows import RunRows
from inspector.schema import ModuleDetail, ModuleRow
from inspector.table import ModelTable

_MOST_CHILDREN = 20
_MOST_CALLS = 40
_MOST_DOC_LINES = 20
_MOST_DOC_CHARACTERS = 1_200
_HOME = re.compile(r"^torch\.nn\.modules\.\w+\.")


class OwnClass(NamedTuple):
    """What there is to say, in the order in which it is read."""

    signature: str
    """`Net(width=64, depth=2)`: the values of this one where it keeps them under the same name, else the defaults."""
    made_from: str
    here: str
    """`2×1×32×32 → 2×10; 81,290 parameters; 1.29 MFLOP a call`; empty when nothing is known."""
    doc: tuple[str, ...]
    """Its first lines, and whether there are more."""
    children: tuple[tuple[str, str], ...]
    """Name, and what it is: `Conv2d 1→6 k5`."""
    more_children: int
    calls: tuple[tuple[str, str], ...]
    """Of functions: the name, and the line that called it with its code."""
    more_calls: int
    note: str
    """Why source is missing, when it is."""


def of(table: ModelTable, rows: RunRows | None, row: int, detail: ModuleDetail) -> OwnClass:
    """What is known of the class of the module at a row."""
    children = [child for child in table.members(row) if table.is_module(child)]
    calls = [] if rows is None else rows.run.operations_of(table.first_place(row))
    return OwnClass(
        signature=_signature(detail),
        made_from=", ".join(_HOME.sub("nn.", base) for base in detail.bases[:2]),
        here=_here(table, rows, row),
        doc=tuple(_doc(detail.doc)),
        children=tuple((table.name(child), _kind(table, child)) for child in children[:_MOST_CHILDREN]),
        more_children=max(len(children) - _MOST_CHILDREN, 0),
        calls=tuple(_call(rows, call) for call in calls[:_MOST_CALLS] if rows is not None),
        more_calls=max(len(calls) - _MOST_CALLS, 0),
        note=detail.note,
    )


def _signature(detail: ModuleDetail) -> str:
    """`Net(width=64, depth=2)`: the values here; of what it does not keep the default, or the bare name."""
    known = ((each.name, each.value if each.value is not None else each.default) for each in detail.arguments)
    inside = ", ".join(name if value is None else f"{name}={value}" for name, value in known)
    return f"{detail.qualified_type.rpartition('.')[2]}({inside})"


def _here(table: ModelTable, rows: RunRows | None, row: int) -> str:
    flow = flow_of(rows, row) if rows is not None else None
    facts = [passage(flow)] if flow is not None else []
    if table.elements[row]:
        facts.append(plural(table.elements[row], "parameter"))
    if flow is not None and flow.flops:
        facts.append(f"{flops(flow.flops, 'FLOP')} a call")
    return "; ".join(filter(None, facts))


def _doc(text: str) -> Iterator[str]:
    lines = text[:_MOST_DOC_CHARACTERS].split("\n")
    yield from lines[:_MOST_DOC_LINES] if text else ()
    left = text.count("\n") + 1 - min(len(lines), _MOST_DOC_LINES)
    if left or len(text) > _MOST_DOC_CHARACTERS:
        yield "… and more"


def _kind(table: ModelTable, row: int) -> str:
    record = table.row(row)
    facts = record.facts if isinstance(record, ModuleRow) else ""
    return f"{table.type(row).name} {facts}".rstrip()


def _call(rows: RunRows, call: int) -> tuple[str, str]:
    record = rows.run.record(call)
    source = record.source if record is not None else None
    return rows.run.name(call), f":{source.line}  {source.code.strip()}" if source is not None else ""
