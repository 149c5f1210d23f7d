"""What a parameter, a buffer or any other tensor of the model is, and what its values are once measured."""

from __future__ import annotations

from inspector.format import duration, literal, number, plural, shape, size, whole
from inspector.labels import registration
from inspector.messages import TensorMeasured
from inspector.schema import Flag, GhostRow, Kind, TensorRow, TensorStats
from inspector.table import ModelTable
from inspector.tui.detail.histogram import columns
from inspector.tui.detail.page import Page, write_path

_KIND_NAMES = {Kind.PARAMETER: "Parameter", Kind.BUFFER: "Buffer", Kind.MADE: "Tensor, computed"}


def write(page: Page, table: ModelTable, row: int, record: TensorRow, measured: TensorMeasured | None) -> None:
    """All facts of one registered tensor."""
    kind = table.kind(row)
    plain, strong, accent = page.palette.base, page.palette.strong, page.palette.accent
    page.line((literal(table.name(row)), strong), (f" · {_KIND_NAMES[kind]}", plain))
    page.line((shape(record.shape), strong), (f"  {record.dtype}  {literal(record.device)}", plain))
    page.blank()
    write_path(page, table, row)
    if record.lazy:
        page.fact("size", ("not known before the first run", accent))
    else:
        page.fact("elements", (whole(record.elements), plain))
        page.fact("bytes", (f"{whole(record.bytes)}  ({size(record.bytes)})", plain))
    if record.storage_bytes is not None:
        page.fact("storage", (f"{whole(record.storage_bytes)} bytes in the storage behind it", accent))
    if kind is Kind.BUFFER:
        saved = "saved in state_dict" if record.persistent else "not saved in state_dict (persistent=False)"
        page.fact("buffer", (saved, plain))
    else:
        page.fact("gradient", ("trainable" if record.requires_grad else "frozen: requires_grad is False", plain))
    _write_ties(page, table, record)
    if record.layout:
        page.fact("layout", (literal(record.layout), accent))
    if record.note:
        page.fact("made by" if kind is Kind.MADE else "note", (literal(record.note), plain))
    write_values(page, measured, allocated=not table.has(row, Flag.META), elements=record.elements)


def _write_ties(page: Page, table: ModelTable, record: TensorRow) -> None:
    accent = page.palette.accent
    if record.tied_to is not None:
        page.fact("tied to", (literal(table.path(record.tied_to)), accent), (" (one object, counted there)", accent))
    for place in record.also_at:
        page.fact("also at", (literal(place), accent))
    if record.shares:
        page.fact("shares", (f"the memory of {literal(record.shares)}, as another object: not tied", accent))


def write_ghost(page: Page, table: ModelTable, row: int, record: GhostRow, measured: TensorMeasured | None) -> None:
    """Something that no method of nn.Module sees."""
    plain, mark = page.palette.base, registration(record)
    page.line((literal(table.name(row)), page.palette.strong), (f" · {literal(record.type)}", plain))
    page.line((mark.text, page.palette.accent if mark.quiet else page.palette.warning))
    page.blank()
    page.fact("path", (literal(table.path(row)), plain))
    page.fact("sits in", (literal(record.container), plain))
    if record.shape is not None:
        page.fact("shape", (f"{shape(record.shape)}  {record.dtype}  {literal(record.device)}", plain))
    page.fact("holds", (f"{whole(record.elements)} elements, {size(record.bytes)}", plain))
    page.blank()
    for line in _consequences(record):
        page.prose(line)
    if record.note:
        page.prose(record.note, page.palette.dim)
    if record.holds != "module" and record.shape is not None:
        write_values(page, measured, allocated=record.device != "meta", elements=record.elements)


def _consequences(record: GhostRow) -> tuple[str, ...]:
    if record.holds == "tensor":
        return (
            "A plain attribute: .to() does not move it and state_dict() does not save it.",
            "If it belongs to the model: self.register_buffer(name, tensor).",
        )
    containers = {"list": "nn.ModuleList", "tuple": "nn.ModuleList", "dict": "nn.ModuleDict"}
    mend = containers.get(record.container, "a registered attribute")
    if record.holds == "parameter":
        mend = mend.replace("Module", "Parameter")
    return (
        "parameters() does not yield it: no optimizer trains it, .to() does not move it, state_dict() does not save "
        "it, train() and eval() do not reach it.",
        f"If it belongs to the model, put it into {mend}.",
    )


def write_values(page: Page, measured: TensorMeasured | None, *, allocated: bool, elements: int) -> None:
    """Statistics of the values, or what to press for them."""
    page.heading("values")
    if not allocated:
        page.line(("not allocated: on the meta device there are none", page.palette.dim))
    elif measured is None:
        page.line(("press ", page.palette.dim), ("v", page.palette.strong), (" to measure", page.palette.dim))
    else:
        _write_stats(page, measured.stats)
        taken = f"all {plural(elements, 'value')} in {duration(measured.seconds)}"
        page.line((taken, page.palette.dim))


def _write_stats(page: Page, stats: TensorStats) -> None:
    plain = page.palette.base
    if stats.note:
        page.prose(stats.note, page.palette.dim)
    if stats.minimum is not None:
        page.fact("min … max", (f"{number(stats.minimum)} … {number(stats.maximum)}", plain))
        page.fact("mean ± std", (f"{number(stats.mean)} ± {number(stats.std)}", plain))
    if stats.elements:
        page.fact("zeros", (_of(stats.zeros, stats.elements), plain))
        odd = ((stats.nan, "NaN"), (stats.positive_infinity, "+Inf"), (stats.negative_infinity, "-Inf"))
        for found, label in odd:
            if found:
                page.fact(label, (_of(found, stats.elements), page.palette.error))
        if not any(found for found, _ in odd):
            page.fact("NaN, Inf", ("none", plain))
    if stats.histogram and stats.minimum != stats.maximum:
        for text in columns(stats.histogram[: page.width], 4):
            page.line((text, page.palette.accent))
        left, right = number(stats.minimum), number(stats.maximum)
        gap = len(stats.histogram) - len(left) - len(right)
        page.line((left + " " * max(gap, 1) + right, page.palette.dim))


def _of(part: int, total: int) -> str:
    return f"{whole(part)} of {whole(total)}" if part else "none"
