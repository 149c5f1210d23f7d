"""A backward pass under the table of a plain report: what was propagated, and the gradient of every parameter."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import gradient_rows
from inspector.format import literal
from inspector.gradient_rows import GradientRows

_PARAMETERS = 100
"""Parameters that are listed; the JSON document has all of them."""
_TITLES = ("norm", "largest", "zeros %", "not finite", "parameter")


def section(rows: GradientRows) -> Iterator[tuple[str, str]]:
    """What was done and how; then a line for each parameter."""
    record = rows.record
    yield "backward", gradient_rows.headline(rows)
    yield "", gradient_rows.conditions(record)
    if record.parameters:
        yield "", gradient_rows.summary(rows)
        for number, line in enumerate(lines(rows)):
            yield "" if number else "gradients", line
    if left_out(rows):
        yield "", f"and {left_out(rows):,} more, with --json"
    yield from (("note", literal(note)) for note in record.notes)
    if record.guard:
        yield "guard", literal(record.guard)


def lines(rows: GradientRows) -> Iterator[str]:
    """A table in aligned columns; one that has nothing to say is left out."""
    table = [_TITLES, *cells(rows)]
    wanted = [place for place in range(len(_TITLES)) if any(line[place] for line in table[1:])]
    widths = {place: max(len(line[place]) for line in table) for place in wanted}
    for line in table:
        yield "  ".join(f"{line[place]:<{widths[place]}}" for place in wanted).rstrip()


def cells(rows: GradientRows) -> Iterator[tuple[str, ...]]:
    """The cells of the first parameters, under `_TITLES`."""
    for gradient in rows.record.parameters[:_PARAMETERS]:
        yield (
            gradient_rows.norm(gradient),
            gradient_rows.largest(gradient),
            gradient_rows.zeros(gradient),
            gradient_rows.not_finite(gradient),
            literal(rows.table.path(gradient.row)),
        )


def left_out(rows: GradientRows) -> int:
    """How many parameters are not listed."""
    return max(0, len(rows.record.parameters) - _PARAMETERS)
