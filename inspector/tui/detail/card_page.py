"""The card of a row: what the building block is, with this layer's own numbers; of the user's classes what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rich.cells import cell_len
from rich.style import Style

from inspector import card_drawings, loss_labels, own_class
from inspector.card_flow import flow_of, flow_of_call, function_card, registered
from inspector.cards.explaining import Explained, ExplainedArgument, explain_arguments, explain_module, with_tryout
from inspector.cards.transliteration import in_ascii
from inspector.format import duration, end_cut, literal, plural
from inspector.run_schema import CallRecord
from inspector.schema import ModuleDetail, TensorStats
from inspector.tui import card_questions
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel
from inspector.tui.palette import Palette

_ELSEWHERE = ("device", "dtype")
"""Arguments that every layer has, and that the tree tells of."""
_STYLES: dict[str, Callable[[Palette], Style]] = {
    "here": lambda palette: palette.accent,
    "pitfalls": lambda palette: palette.warning,
}
"""Of the sections that do not look like the others."""


def write(page: Page, model: OpenModel, row: int) -> None:
    """The card of the module at a row; of a tensor or a function that of the module that it belongs to."""
    if page.ascii_only:
        page.spell = in_ascii
    detail = model.details.get(row)
    if detail is None:
        page.line(("reading…" if model.alive else "the engine has ended; R loads again", page.palette.dim))
        return
    stats = {tensor: told.stats for tensor, told in model.measured.items()}
    flow = flow_of(model.flow, row) if model.flow is not None else None
    explained = explain_module(detail, flow, registered(model.table, row, stats))
    if explained is None:
        _write_own_class(page, model, row, detail)
        return
    if (trial := model.losses.get((row, ""))) is not None:
        explained = with_tryout(explained, loss_labels.TITLE, loss_labels.lines(trial))
    write_explained(page, model, row, explained, detail)


def write_explained(page: Page, model: OpenModel, row: int, explained: Explained, detail: ModuleDetail) -> None:
    """Every section, and the drawings where they belong."""
    record = _last_call(model, row)
    page.line((explained.name, page.palette.strong), (f"  {explained.family}", page.palette.dim))
    for section in explained.sections:
        _write_section(page, explained, section.key, section.title, section.lines)
        if section.key == "what":
            _write_offer_of_loss(page, model, row, explained)
        if section.key == "formula":
            _write_curve(page, explained, detail, _input_statistics(model, row))
            if card_drawings.has_curve(explained):
                _write_offer(page, model, row, "draws how they lie")
        if section.key == "shape":
            _write_window(page, explained, detail, record)


def write_class(page: Page, explained: Explained) -> None:
    """A class by itself, of which the model has no layer."""
    if page.ascii_only:
        page.spell = in_ascii
    page.line((explained.name, page.palette.strong), (f"  {explained.family}", page.palette.dim))
    for section in explained.sections:
        _write_section(page, explained, section.key, section.title, section.lines)


def write_function(page: Page, model: OpenModel, call: int) -> bool:
    """The card of the layer that does what a function did; False where there is none for it."""
    found = function_card(model.flow, call) if model.flow is not None else None
    if found is None or model.flow is None:
        return False
    if page.ascii_only:
        page.spell = in_ascii
    (card, detail), flow = found, flow_of_call(model.flow, call)
    explained = explain_arguments(card, detail.arguments, flow)
    page.line((literal(model.flow.run.name(call)), page.palette.strong), (f"  as nn.{card.name}", page.palette.dim))
    for section in explained.sections:
        _write_section(page, explained, section.key, section.title, section.lines)
        if section.key == "formula":
            _write_curve(page, explained, detail, _statistics_of_call(model, call))
        if section.key == "shape":
            _write_window(page, explained, detail, model.flow.run.record(call))
    return True


def _last_call(model: OpenModel, row: int) -> CallRecord | None:
    return model.flow.last(row) if model.flow is not None else None


# --- sections ---------------------------------------------------------------------------------------------------------


def _write_section(page: Page, explained: Explained, key: str, title: str, lines: tuple[str, ...]) -> None:
    if title:
        page.heading(title)
    if key == "arguments":
        shown = [each for each in explained.arguments if each.name not in _ELSEWHERE or each.changed]
        column = min(max((len(each.name) for each in shown), default=0) + 2, max(page.width // 2, 12))
        for argument in shown:
            _write_argument(page, argument, column)
        return
    style = _STYLES[key](page.palette) if key in _STYLES else page.palette.base
    for line in in_parts(lines, page) if key == "formula" else lines:
        page.prose(line.lstrip(), style, indent=len(line) - len(line.lstrip()))


def in_parts(lines: tuple[str, ...], page: Page) -> Iterator[str]:
    """Formulas, parted at their widest gaps where they are too long: what follows says what the signs are."""
    for line in lines:
        if cell_len(page.spell(line)) <= page.width:
            yield line
            continue
        first, *rest = re.split(r"(?<=\S) {3,}", line)
        yield first
        yield from (f"    {part}" for part in rest)


def _write_argument(page: Page, argument: ExplainedArgument, column: int) -> None:
    """Its value here, loud where it is not the default; then what it means."""
    value = argument.value if argument.value is not None else argument.default
    loud = page.palette.accent if argument.changed else page.palette.base
    said = literal(value) if value is not None else "required"
    default = f"  default {literal(argument.default)}" if argument.changed and argument.default is not None else ""
    page.fact(literal(argument.name), (said, loud), (default, page.palette.dim), column=column)
    page.prose(argument.meaning, page.palette.dim, indent=2)


def _input_statistics(model: OpenModel, row: int) -> TensorStats | None:
    """What was measured of the first tensor that went in: with a histogram, once that has come."""
    call = model.flow.last_call(row) if model.flow is not None else None
    return None if call is None else _statistics_of_call(model, call)


def _statistics_of_call(model: OpenModel, call: int) -> TensorStats | None:
    if model.flow is None:
        return None
    measured = model.flow_stats.get(call)
    if measured is not None and measured.elements:
        return measured
    record = model.flow.run.record(call)
    given = next((value for value in record.inputs if value.shape is not None), None) if record is not None else None
    made = model.flow.run.record(given.maker) if given is not None and given.maker >= 0 else None
    outputs = made.outputs if made is not None else ()
    return next((value.stats for value in outputs if given is not None and value.shape == given.shape), None)


def _write_curve(page: Page, explained: Explained, detail: ModuleDetail, stats: TensorStats | None) -> None:
    """The activation and, dotted, its derivative, with what came in below them where that was measured."""
    drawing = card_drawings.curve(explained, detail, stats, page.width - 2, ascii_only=page.ascii_only)
    if drawing is None:
        return
    styles = {"f": page.palette.accent, "b": page.palette.accent, "h": page.palette.good}
    page.blank()
    for line, kinds in zip(drawing.lines, drawing.kinds, strict=True):
        page.line(*((sign, styles.get(kind, page.palette.dim)) for sign, kind in zip(line, kinds, strict=False)))
    page.line((card_drawings.LEGEND, page.palette.dim))
    if stats is not None and (words := card_drawings.got(stats)):
        page.prose(words, page.palette.good)


def _write_offer(page: Page, model: OpenModel, row: int, does: str) -> None:
    """Of what takes too long to be done because somebody looks at a page."""
    if card_questions.missing(model, row) is not None and not card_questions.is_short(model) and model.run is not None:
        page.line((f"v {does}: a forward of {duration(model.run.seconds)}", page.palette.dim))


def _write_offer_of_loss(page: Page, model: OpenModel, row: int, explained: Explained) -> None:
    """How to try a loss that was not: there has to be an output, and it may take long to have it again."""
    called = model.flow is not None and model.flow.last_call(row) is not None
    if explained.family != "loss" or called or (row, "") in model.losses:
        return
    if model.run is None or model.run.dry:
        page.line(("r runs the model: then it is tried on the output", page.palette.dim))
    else:
        _write_offer(page, model, row, "tries it on the output")


def _write_window(page: Page, explained: Explained, detail: ModuleDetail, record: CallRecord | None) -> None:
    """What a convolution or a pooling reads for one output, and for the next."""
    given = next((value.shape for value in record.inputs if value.shape), None) if record is not None else None
    lines = card_drawings.window(explained, detail, given, page.width, ascii_only=page.ascii_only)
    if lines:
        page.blank()
    for line in lines:
        page.line((line, page.palette.accent))


# --- the user's own classes -------------------------------------------------------------------------------------------


def _write_own_class(page: Page, model: OpenModel, row: int, detail: ModuleDetail) -> None:
    """What a class of the user's says of itself, and what its forward was seen to call."""
    own, base, dim = own_class.of(model.table, model.flow, row, detail), page.palette.base, page.palette.dim
    page.prose(own.signature, page.palette.strong)
    page.prose(f"a class of its own, made from {own.made_from}", dim)
    if own.here:
        page.prose(own.here, page.palette.accent)
    if own.doc:
        page.blank()
    for line in own.doc:
        page.prose(line)
    if own.children:
        page.heading(f"holds {plural(len(own.children) + own.more_children, 'child', 'children')}")
        page.facts([(literal(name), (literal(kind), base)) for name, kind in own.children])
    if own.more_children:
        page.line((f"and {own.more_children:,} more", dim))
    if own.calls:
        page.heading("its forward calls")
    column = min(max((len(name) for name, _ in own.calls), default=0) + 2, 24)
    for name, where in own.calls:
        page.fact(literal(name), (end_cut(literal(where), page.width - column), dim), column=column)
    if own.more_calls:
        page.line((f"and {own.more_calls:,} more", dim))
    if row == 0 and model.run is not None and model.run.ok and not model.run.dry:
        page.blank()
        page.line(("L tries a loss on its output", dim))
    if own.note:
        page.blank()
        page.prose(own.note, dim)
    elif not (own.doc or own.children or own.calls):
        page.line(("it says nothing of itself: page 2 has its source", dim))
