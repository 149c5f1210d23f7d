"""What a module is: its class and arguments, its tensors, what stands inside, its hooks and its docstring."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath

from rich.style import Style

from inspector.format import literal, plural, shape, size, whole
from inspector.schema import Argument, Flag, Kind, ModuleDetail, ModuleRow, RunRow, TensorRow, TypeRecord
from inspector.table import ModelTable
from inspector.tui.detail.page import Page, Piece, write_path

_MANY = 60
"""Children or tensors listed one by one; beyond that only their number is said."""


def write_title(page: Page, table: ModelTable, row: int, record: ModuleRow) -> None:
    """Its name and class, and the constructor facts in short."""
    kind = table.type(row)
    title = (literal(table.name(row)), page.palette.strong), (" · ", page.palette.base)
    page.line(*title, (literal(kind.name), _group(page, kind)))
    if record.facts:
        page.prose(record.facts)
    page.blank()


def write(page: Page, table: ModelTable, row: int, record: ModuleRow, detail: ModuleDetail | None) -> None:
    """All facts of one module, below its title."""
    plain, accent, kind = page.palette.base, page.palette.accent, table.type(row)
    write_path(page, table, row)
    if kind.source is not None:
        page.fact("class", (f"{_short(kind.source.file)}:{kind.source.line}", plain))
    page.fact("qualified", (literal(kind.qualified), page.palette.dim))
    _write_state(page, table, row, record)
    if record.wraps:
        page.fact("wrapper", (literal(record.wraps), accent))
    if record.same_as is not None:
        place = literal(table.path(record.same_as)) or "the root"
        page.fact("same as", (f"{place}: one object, counted there", accent))
    for place in record.also_at:
        page.fact("also at", (literal(place), accent))
    if record.note:
        page.fact("note", (literal(record.note), plain))
    _write_tensors(page, table, row)
    _write_arguments(page, record, detail)
    _write_children(page, table, row)
    if record.hooks:
        page.heading(plural(len(record.hooks), "hook"))
        for hook in record.hooks:
            page.prose(hook)
    if detail is not None and detail.doc:
        page.heading("docstring")
        page.prose(_prose(detail.doc))


def write_run(page: Page, table: ModelTable, row: int, record: RunRow) -> None:
    """What a folded run of blocks holds together and each."""
    plain, kind = page.palette.base, table.type(row)
    title = f"{literal(record.first)} … {literal(record.last)}"
    page.line(
        (title, page.palette.strong), (f" · {record.count:,} × ", plain), (literal(kind.name), _group(page, kind))
    )
    page.blank()
    page.line(("identical in structure, classes and shapes; their values are their own", page.palette.dim))
    page.blank()
    first = next(table.children(row), None)
    if first is None:  # in the first outline of a large model
        page.line(("reading…", page.palette.dim))
        return
    page.fact("in", (literal(table.path(table.above(row))) or "(the model itself)", plain))
    page.fact("params", (f"{whole(table.elements[first])} each, {whole(table.elements[row])} together", plain))
    page.fact("memory", (f"{size(table.held[first])} each, {size(table.held[row])} together", plain))
    page.line(("Space or → opens them", page.palette.dim))
    _write_children(page, table, first, title="inside each")


def _write_state(page: Page, table: ModelTable, row: int, record: ModuleRow) -> None:
    plain = page.palette.base
    mode = "train" if table.has(row, Flag.TRAINING) else "eval"
    if table.has(row, Flag.MIXED_MODE):
        mode += f", some below in {'eval' if mode == 'train' else 'train'}"
    page.fact("mode", (mode, plain))
    total, own = table.elements[row], record.own_parameters
    text = whole(total) if own == total or not own else f"{whole(total)}  ({whole(own)} of its own)"
    if table.has(row, Flag.LAZY):
        text += "  + lazy ones, not known yet"
    page.fact("params", (text, plain))
    if total:
        trains = table.trainable[row]
        words = "all" if trains == total else "none: frozen" if not trains else f"{whole(trains)} of {whole(total)}"
        page.fact("trainable", (words, plain))
    if table.buffers[row]:
        page.fact("buffers", (plural(table.buffers[row], "element"), plain))
    where = f" on {literal(table.device(row))}" if table.device(row) else ""
    held = f"{whole(table.held[row])} bytes  ({size(table.held[row])})" if table.held[row] else "none"
    page.fact("memory", (held + where + (", not allocated" if table.has(row, Flag.META) else ""), plain))
    if table.dtype(row):
        page.fact("dtype", (table.dtype(row), plain))


def _write_tensors(page: Page, table: ModelTable, row: int) -> None:
    tensors = [r for r in table.children(row) if table.kinds[r] in (Kind.PARAMETER, Kind.BUFFER, Kind.MADE)]
    if not tensors:
        return
    page.heading("tensors")
    records = [(r, table.row(r)) for r in tensors[:_MANY]]
    widest = max(min(len(literal(table.name(r))), 20) for r, _ in records)
    for tensor, record in records:
        if isinstance(record, TensorRow):
            name = literal(table.name(tensor))
            state = _tensor_state(table, tensor, record)
            page.line(
                (f"{name:<{widest}}  ", page.palette.dim),
                (f"{shape(record.shape)}  ", page.palette.strong),
                (f"{record.dtype}  {size(record.bytes)}  ", page.palette.base),
                (state, page.palette.dim),
            )
    if len(tensors) > _MANY:
        page.line((f"and {len(tensors) - _MANY:,} more", page.palette.dim))


def _tensor_state(table: ModelTable, row: int, record: TensorRow) -> str:
    if table.kinds[row] == Kind.BUFFER:
        return "buffer" if record.persistent else "buffer, not saved"
    if record.tied_to is not None:
        return f"= {literal(table.path(record.tied_to))}"
    if table.kinds[row] == Kind.MADE:
        return literal(record.note) or "computed"
    return "lazy" if record.lazy else "" if record.requires_grad else "frozen"


def _write_arguments(page: Page, record: ModuleRow, detail: ModuleDetail | None) -> None:
    if detail is not None and detail.arguments:
        page.heading("arguments")
        page.facts([(literal(argument.name), _argument(page, argument)) for argument in detail.arguments])
    if detail is not None and detail.attributes:
        page.heading("attributes")
        page.facts([(literal(name), (literal(value), page.palette.base)) for name, value in detail.attributes])
    if detail is None and record.extra_repr and record.extra_repr != record.facts:
        page.heading("arguments")
        page.prose(record.extra_repr)


def _argument(page: Page, argument: Argument) -> Piece:
    """Its value here; else its default, or that the module does not keep it."""
    if argument.value is not None:
        return literal(argument.value), page.palette.base
    if argument.default is not None:
        return f"{literal(argument.default)} (default)", page.palette.dim
    return "not kept by the module", page.palette.dim


def _prose(doc: str) -> str:
    """A docstring without the marks that are for Sphinx: :ref:`words <target>` → words."""
    return re.sub(r":[a-z:]+:`~?([^`<]+?)(?:\s*<[^`>]*>)?`", r"\1", doc)


def _write_children(page: Page, table: ModelTable, row: int, title: str = "inside") -> None:
    """How many modules of which class are registered below, and how many things that are not."""
    kinds, types = table.kinds, table.type_index
    children = list(table.children(row))
    classes = Counter(table.types[index].name for index in (types[c] for c in children if table.is_module(c)))
    for child in (c for c in children if kinds[c] == Kind.RUN):
        record = table.row(child)
        classes[table.type(child).name] += record.count if isinstance(record, RunRow) else 0
    if classes:
        page.heading(f"{title}: {plural(sum(classes.values()), 'child', 'children')}")
    for name, number in classes.most_common(12):
        page.line((f"{number:>6,} × ", page.palette.dim), (literal(name), page.palette.base))
    if lost := sum(kinds[c] == Kind.GHOST for c in children):
        page.line((f"{lost:>6,} × ", page.palette.dim), ("not registered, in plain attributes", page.palette.warning))


def _group(page: Page, kind: TypeRecord) -> Style:
    return page.palette.group(kind.group)


def _short(file: str) -> str:
    """The last two parts of a path: enough to recognise a file by."""
    return literal("/".join(PurePath(file).parts[-2:]))
