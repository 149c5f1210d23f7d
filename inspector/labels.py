"""What a row of the model says of itself in words: its marks and its numbers, one spelling for window and reports.

They only place and colour it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inspector.format import count, literal, plural, share, size
from inspector.schema import Flag, GhostRow, Kind, ModuleRow, TensorRow
from inspector.table import ModelTable

_PLACES = 3
"""Other places of one object that are named."""


class Mark(NamedTuple):
    """Something out of the ordinary, in a word or two."""

    text: str
    quiet: bool = False
    """Whether it may be dim: good to know, and nothing to act on."""


# --- numbers ----------------------------------------------------------------------------------------------------------


def params(table: ModelTable, row: int) -> str:
    """Parameters of the row; in parentheses those that are in no total, because nothing registers them."""
    kind, elements = table.kinds[row], table.elements[row]
    if kind in (Kind.BUFFER, Kind.MADE):
        return ""
    if not elements:
        return "lazy" if table.has(row, Flag.LAZY) else ""
    if kind != Kind.GHOST:
        return count(elements)
    record = table.row(row)
    return f"({count(elements)})" if isinstance(record, GhostRow) and record.holds != "tensor" else ""


def percent(table: ModelTable, row: int) -> str:
    """The row's share of the model's parameters."""
    return share(table.counted(row), table.totals.parameters)


def memory(table: ModelTable, row: int) -> str:
    """Bytes of the row's tensors; empty when there are none."""
    return size(table.held[row]) if table.held[row] else ""


# --- marks ------------------------------------------------------------------------------------------------------------


def marks(table: ModelTable, row: int, *, ties: bool = False) -> Iterator[Mark]:
    """Everything about a row that is out of the ordinary, the most urgent first.

    With ties=True also where a module's own tensors live elsewhere too: their rows may be folded.
    """
    record = table.row(row)
    if isinstance(record, ModuleRow):
        yield from _of_module(table, row, record)
        yield from _ties(table, row) if ties else ()
    elif isinstance(record, TensorRow):
        yield from _of_tensor(table, row, record)
    yield from _of_flags(table, row)


def _of_module(table: ModelTable, row: int, record: ModuleRow) -> Iterator[Mark]:
    if record.same_as is not None:
        place = literal(table.path(record.same_as)) or "the root"
        yield Mark(f"↑ back to {place}" if table.kinds[row] == Kind.CYCLE else f"= {place}")
    else:
        yield from _also(record.also_at)
    if record.wraps:
        yield Mark(literal(record.wraps))
    if record.hooks:
        yield Mark(plural(len(record.hooks), "hook"))
    if record.note:
        yield Mark(literal(record.note), quiet=True)


def _of_tensor(table: ModelTable, row: int, record: TensorRow) -> Iterator[Mark]:
    kind = table.kinds[row]
    if kind == Kind.BUFFER:
        yield Mark(saved(record), quiet=True)
    if kind == Kind.MADE:
        yield Mark(f"made: {literal(record.note)}")
    elif record.note:
        yield Mark(literal(record.note), quiet=True)
    if record.tied_to is None:
        yield from _also(record.also_at)
    if tie := _tie(table, record):
        yield Mark(tie)
    if record.layout:
        yield Mark(literal(record.layout))


def saved(record: TensorRow) -> str:
    """What a buffer is called: one that is not in state_dict says so."""
    return "buffer" if record.persistent else "buffer, not saved"


def registration(record: GhostRow) -> Mark:
    """What is wrong with a thing in a plain attribute: a lost module or parameter loudly, a tensor as what it is."""
    return Mark("plain attribute", quiet=True) if record.holds == "tensor" else Mark("not registered")


def _also(places: tuple[str, ...]) -> Iterator[Mark]:
    if places:
        more = f" and {len(places) - _PLACES:,} more" if len(places) > _PLACES else ""
        yield Mark(f"also {', '.join(map(literal, places[:_PLACES]))}{more}", quiet=True)


def _tie(table: ModelTable, record: TensorRow) -> str:
    """Which earlier tensor this one is, or which one's memory it uses; empty when neither."""
    if record.tied_to is not None:
        return f"= {literal(table.path(record.tied_to))}"
    return f"shares memory of {literal(record.shares)}" if record.shares else ""


def _ties(table: ModelTable, row: int) -> Iterator[Mark]:
    """`weight = embedding.weight` for each tensor of a module's own that lives at an earlier place too."""
    for own in range(row + 1, table.end(row)):
        if table.kinds[own] not in (Kind.PARAMETER, Kind.BUFFER):
            return
        record = table.row(own) if table.flags[own] & (Flag.TIED | Flag.ALIASED) else None
        if isinstance(record, TensorRow) and (tie := _tie(table, record)):
            yield Mark(f"{literal(table.name(own))} {tie}")


def _of_flags(table: ModelTable, row: int) -> Iterator[Mark]:
    """What is known of a row before its record is here; nothing that the row above says already."""
    kind, above = table.kinds[row], _above(table, row)
    is_module = _is_module(table, row)
    if is_module and table.mode(row) != table.mode(above):
        yield Mark(table.mode(row))
    if table.has(row, Flag.FROZEN) and not (row and table.frozen(above)):
        yield Mark("frozen" if table.frozen(row) else "part frozen")
    if table.has(row, Flag.LAZY):
        yield Mark("lazy")
    if kind != Kind.GHOST and table.device(row) not in ("", table.device(above)):
        yield Mark(f"on {literal(table.device(row))}")
    if is_module and table.dtype(row) not in ("", table.dtype(above)):
        yield Mark(table.dtype(row))
    if table.has(row, Flag.CUT):
        yield Mark("reading…", quiet=True)


def _is_module(table: ModelTable, row: int) -> bool:
    """Whether a row has a mode and a dtype; a run of blocks has those of each."""
    return table.is_module(row) or table.kinds[row] == Kind.RUN


def _above(table: ModelTable, row: int) -> int:
    """The nearest module that a row is shown below, past made tensors and unregistered things; the root's is itself."""
    above = table.above(row)
    while above and not _is_module(table, above):
        above = table.above(above)
    return above
