"""The drawings of a card: the curve of an activation above what it got, the window of a convolution over its input.

Shared by window and reports.
"""

from __future__ import annotations

import re

from inspector.cards import card_of
from inspector.cards.card import Card
from inspector.cards.drawing import Counts, Drawing, draw_curve
from inspector.cards.explaining import Explained
from inspector.cards.reading import of_layer
from inspector.cards.window_drawing import Window, draw_window
from inspector.figures import number, whole
from inspector.schema import ModuleDetail, TensorStats

_CURVE_LINES = 9
_CURVE_CELLS = 60
_WINDOW_LINES = 8
_ELSEWHERE = re.compile("Transpose|Unpool|Fractional")
"""Windows that lie over the output, or at random places."""
LEGEND = "line: the function   dots: its slope"


def has_curve(explained: Explained) -> bool:
    """Whether it works on each number alone."""
    card = card_of(explained.name)
    return card is not None and card.curve is not None


def curve(
    explained: Explained, detail: ModuleDetail, measured: TensorStats | None, width: int, *, ascii_only: bool
) -> Drawing | None:
    """The function and, dotted, its slope; under the same axis a histogram of what came in, where one was measured.

    None of what is no function of one number, or where there is no room for one.
    """
    card = card_of(explained.name)
    if card is None or card.curve is None:
        return None
    values, drawn = of_layer(card, detail.arguments, detail.attributes).values, card.curve
    try:
        return draw_curve(
            lambda x: drawn.function(x, values),
            lambda x: drawn.derivative(x, values),
            drawn.interval,
            min(width, _CURVE_CELLS),
            _CURVE_LINES,
            counts=_counts(measured),
            ascii_only=ascii_only,
        )
    except (TypeError, ValueError):  # an argument that is no number, or too little room
        return None


def _counts(measured: TensorStats | None) -> Counts | None:
    if measured is None or not measured.histogram or measured.minimum is None or measured.maximum is None:
        return None
    return Counts(measured.minimum, measured.maximum, measured.histogram)


def got(measured: TensorStats) -> str:
    """What came in, beyond what the drawing says of it: `in this run: mean 0.11, deviation 0.4`; else empty."""
    if measured.minimum is None:
        return ""
    moments = f"mean {number(measured.mean)}, deviation {number(measured.std)}"
    if measured.histogram:
        return f"in this run it got: {moments}"
    span = f"{number(measured.minimum)} … {number(measured.maximum)}"
    return f"in this run it got {whole(measured.elements)} numbers, {span}: {moments}"


def window(
    explained: Explained, detail: ModuleDetail, sizes: tuple[int, ...] | None, width: int, *, ascii_only: bool
) -> tuple[str, ...]:
    """What a convolution or a pooling reads for one output, and for the next; nothing where that is not known.

    `sizes` is the shape of what went in.
    """
    card = card_of(explained.name)
    sliding = _window(card, detail) if card is not None else None
    if sliding is None or sizes is None or len(sizes) < len(sliding.kernel) + 1:
        return ()
    try:
        return draw_window(sliding, sizes[-len(sliding.kernel) :], width, _WINDOW_LINES, ascii_only=ascii_only)
    except ValueError:  # the window is larger than its input: the section of shapes says so
        return ()


def _window(card: Card, detail: ModuleDetail) -> Window | None:
    """The sliding window of a layer, where every number of it is known."""
    values = of_layer(card, detail.arguments, detail.attributes).values
    axes = int(card.name[-2]) if card.name[-2:] in ("1d", "2d", "3d") else 0
    if not axes or "kernel_size" not in values or _ELSEWHERE.search(card.name):
        return None
    kernel = _each(values["kernel_size"], axes)
    stride = _each(values.get("stride") or values["kernel_size"], axes)
    dilation = _each(values.get("dilation", 1), axes)
    if kernel is None or stride is None or dilation is None:
        return None
    padding = _padding(values.get("padding", 0), kernel, dilation)
    return Window(kernel, stride, padding, dilation) if padding is not None else None


def _padding(value: object, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...] | None:
    """One number for each axis; None where 'same' puts more after the input than before it."""
    if value == "valid":
        return (0,) * len(kernel)
    if value == "same":
        around = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        return None if any(each % 2 for each in around) else tuple(each // 2 for each in around)
    return _each(value, len(kernel))


def _each(value: object, axes: int) -> tuple[int, ...] | None:
    """One number for each axis."""
    if type(value) is int:
        return (value,) * axes
    if isinstance(value, tuple | list) and len(value) == axes and all(type(one) is int for one in value):
        return tuple(value)
    return None
