"""The card of a row: what the building block is, with this layer's own numbers; of the user's classes what they say."""

from __future__ import annotations

from inspector.card_flow import flow_of
from inspector.cards import card_of
from inspector.cards.card import Card
from inspector.cards.drawing import Counts, draw_curve
from inspector.cards.explaining import Explained, ExplainedArgument, explain_module
from inspector.cards.reading import of_layer
from inspector.cards.window_drawing import Window, draw_window
from inspector.format import literal, number, plural
from inspector.run_schema import CallRecord
from inspector.schema import Kind, ModuleDetail, TensorStats
from inspector.tui.detail.page import Page
from inspector.tui.open_model import OpenModel

_ORDER = (
    "what", "formula", "shape", "parameters", "takes", "arguments", "initial", "cost", "modes", "pitfalls",
)  # fmt: skip
"""The arithmetic with this layer's numbers before everything that holds for all of its kind."""
_ELSEWHERE = ("device", "dtype")
"""Arguments that every layer has, and that the tree tells of."""
_CURVE_LINES = 9
_WINDOW_LINES = 8


def write(page: Page, model: OpenModel, row: int) -> None:
    """The card of the module at a row; of a tensor or a function that of the module that it belongs to."""
    detail = model.details.get(row)
    if detail is None:
        page.line(("reading…" if model.alive else "the engine has ended; R loads again", page.palette.dim))
        return
    record = _last_call(model, row)
    explained = explain_module(
        detail, flow_of(model.flow, row) if model.flow is not None else None, _measured(model, row)
    )
    if explained is None:
        _write_own_class(page, model, row, detail)
        return
    page.line((explained.name, page.palette.strong), (f"  {explained.family}", page.palette.dim))
    for section in sorted(explained.sections, key=lambda section: _ORDER.index(section.key)):
        _write_section(page, explained, section.key, section.title, section.lines)
        if section.key == "formula":
            _write_curve(page, model, explained, detail, record)
        if section.key == "shape":
            _write_window(page, explained, detail, record)


def _last_call(model: OpenModel, row: int) -> CallRecord | None:
    return model.flow.last(row) if model.flow is not None else None


def _measured(model: OpenModel, row: int) -> dict[str, TensorStats]:
    """The statistics of the layer's own tensors, as far as somebody measured them."""
    table = model.table
    own = (child for child in table.children(row) if table.kinds[child] == Kind.PARAMETER)
    return {table.name(child): model.measured[child].stats for child in own if child in model.measured}


# --- sections ---------------------------------------------------------------------------------------------------------


def _write_section(page: Page, explained: Explained, key: str, title: str, lines: tuple[str, ...]) -> None:
    if title:
        page.heading(title)
    if key == "arguments":
        for argument in explained.arguments:
            if argument.name not in _ELSEWHERE or argument.changed:
                _write_argument(page, argument)
        return
    style = page.palette.base if key != "pitfalls" else page.palette.warning
    for line in lines:
        page.prose(line.lstrip(), style, indent=len(line) - len(line.lstrip()))


def _write_argument(page: Page, argument: ExplainedArgument) -> None:
    """Its value here, loud where it is not the default; then what it means."""
    value = argument.value if argument.value is not None else argument.default
    loud = page.palette.accent if argument.changed else page.palette.base
    said = literal(value) if value is not None else "required"
    default = f"  default {literal(argument.default)}" if argument.changed and argument.default is not None else ""
    page.fact(literal(argument.name), (said, loud), (default, page.palette.dim), column=16)
    page.prose(argument.meaning, page.palette.dim, indent=2)


def _input_statistics(model: OpenModel, record: CallRecord | None) -> TensorStats | None:
    """What was measured of the first tensor that went in, where it came out of another call."""
    given = next((value for value in record.inputs if value.shape is not None), None) if record is not None else None
    made = (
        model.flow.run.record(given.maker)
        if given is not None and model.flow is not None and given.maker >= 0
        else None
    )
    outputs = made.outputs if made is not None else ()
    return next((value.stats for value in outputs if given is not None and value.shape == given.shape), None)


def _write_curve(
    page: Page, model: OpenModel, explained: Explained, detail: ModuleDetail, record: CallRecord | None
) -> None:
    """The activation and, dotted, its derivative, with what came in below them where that was measured."""
    card = card_of(explained.name)
    if card is None or card.curve is None:
        return
    values, curve = of_layer(card, detail.arguments, detail.attributes).values, card.curve
    stats = _input_statistics(model, record)
    counts = None
    if stats is not None and stats.histogram and stats.minimum is not None and stats.maximum is not None:
        counts = Counts(stats.minimum, stats.maximum, stats.histogram)
    try:
        drawing = draw_curve(
            lambda x: curve.function(x, values),
            lambda x: curve.derivative(x, values),
            curve.interval,
            min(page.width - 2, 60),
            _CURVE_LINES,
            counts=counts,
            ascii_only=page.ascii_only,
        )
    except (TypeError, ValueError):  # an argument that is no number, or a pane too narrow for a plot
        return
    styles = {"f": page.palette.accent, "b": page.palette.accent, "h": page.palette.good}
    page.blank()
    for line, kinds in zip(drawing.lines, drawing.kinds, strict=True):
        page.line(*((sign, styles.get(kind, page.palette.dim)) for sign, kind in zip(line, kinds, strict=False)))
    page.line(("line: the function   dots: its slope", page.palette.dim))
    if stats is not None and stats.minimum is not None:
        span = f"{number(stats.minimum)} … {number(stats.maximum)}, {number(stats.mean)} ± {number(stats.std)}"
        page.line((f"in this run it got {span}", page.palette.good))


def _write_window(page: Page, explained: Explained, detail: ModuleDetail, record: CallRecord | None) -> None:
    """What a convolution or a pooling reads for one output, and for the next."""
    card = card_of(explained.name)
    given = next((value.shape for value in record.inputs if value.shape), None) if record is not None else None
    window = _window(card, detail) if card is not None else None
    if window is None or given is None or len(given) < len(window.kernel) + 1:
        return
    try:
        lines = draw_window(window, given[-len(window.kernel) :], page.width, _WINDOW_LINES, ascii_only=page.ascii_only)
    except ValueError:  # the window is larger than its input: the shape section says so
        return
    page.blank()
    for line in lines:
        page.line((line, page.palette.accent))


def _window(card: Card, detail: ModuleDetail) -> Window | None:
    """The sliding window of a layer, where every number of it is known."""
    values = of_layer(card, detail.arguments, detail.attributes).values
    axes = next((int(name[-2]) for name in (card.name,) if name[-2:] in ("1d", "2d", "3d")), 0)
    if not axes or "kernel_size" not in values or "Transpose" in card.name or "Unpool" in card.name:
        return None
    kernel = _each(values["kernel_size"], axes)
    stride = _each(values.get("stride") or values["kernel_size"], axes)
    padding, dilation = _each(values.get("padding", 0), axes), _each(values.get("dilation", 1), axes)
    if kernel is None or stride is None or padding is None or dilation is None:
        return None
    return Window(kernel, stride, padding, dilation)


def _each(value: object, axes: int) -> tuple[int, ...] | None:
    """One number for each axis."""
    if type(value) is int:
        return (value,) * axes
    if isinstance(value, tuple | list) and len(value) == axes and all(type(one) is int for one in value):
        return tuple(value)
    return None


# --- the user's own classes -------------------------------------------------------------------------------------------


def _write_own_class(page: Page, model: OpenModel, row: int, detail: ModuleDetail) -> None:
    """What a class of the user's says of itself, and what its forward was seen to call."""
    table = model.table
    signature = ", ".join(
        literal(argument.name) + (f"={literal(argument.default)}" if argument.default is not None else "")
        for argument in detail.arguments
    )
    name = literal(detail.qualified_type.rpartition(".")[2])
    page.line((f"{name}({signature})", page.palette.strong))
    page.line((f"a class of its own, made from {', '.join(map(literal, detail.bases[:2]))}", page.palette.dim))
    if detail.doc:
        page.blank()
        page.prose(detail.doc)
    children = [child for child in table.members(row) if table.is_module(child)]
    if children:
        page.heading(f"holds {plural(len(children), 'child', 'children')}")
        for child in children[:20]:
            page.fact(literal(table.name(child)), (literal(table.type(child).name), page.palette.base))
    operations = table.operations(row)
    if operations:
        page.heading("its forward calls")
        for operation in operations[:40]:
            call = table.call_of(operation)
            record = model.flow.run.record(call) if model.flow is not None and call is not None else None
            where = f":{record.source.line}  {literal(record.source.code.strip())}" if record and record.source else ""
            page.fact(literal(table.name(operation)), (where, page.palette.dim), column=16)
    if not detail.doc and not children and not operations:
        page.line(("it says nothing of itself: page 2 has its source", page.palette.dim))
