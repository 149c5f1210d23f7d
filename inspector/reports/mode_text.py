"""Train against eval under the table of a plain report: where the difference starts, why, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import run_labels
from inspector.format import literal, plural, shape
from inspector.mode_rows import ModeRows, by_chance, headline, moves, named, stopped, told_in_reason
from inspector.mode_schema import ModeDifference, OutputDifference
from inspector.reports.problem_text import short_place

_SOURCES = 20
"""Sources that are told with their reasons."""
_OUTPUTS = 8
_LEGEND = "differs: |train - eval| / |eval| of the output; noise: the same between two runs of one mode"


def section(rows: ModeRows) -> Iterator[tuple[str, str]]:
    """The answer first: how many modules make the difference, how far the outputs move; then each, with why."""
    comparison = rows.comparison
    if comparison.failed_in:
        yield "train/eval", f"not compared: {stopped(comparison)}"
    else:
        yield "train/eval", headline(rows)
        if rows.largest():
            yield "", _LEGEND
        for at, output in enumerate(comparison.outputs[:_OUTPUTS]):
            yield "" if at else "output", _output(output)
        if len(comparison.outputs) > _OUTPUTS:
            yield "", f"and {len(comparison.outputs) - _OUTPUTS:,} more"
        sources = rows.sources()
        for source in sources[:_SOURCES]:
            yield from _source(rows, source)
        if len(sources) > _SOURCES:
            yield "", f"and {plural(len(sources) - _SOURCES, 'more source')}"
    if comparison.guard:
        yield "guard", literal(comparison.guard)
    yield from (("note", literal(note)) for note in comparison.notes)
    yield from (("warning", run_labels.warned(warning)) for warning in comparison.warnings)


def _source(rows: ModeRows, source: ModeDifference) -> Iterator[tuple[str, str]]:
    calls = len(rows.calls(source.row))
    of = f", call {source.number:,} of {calls:,}" if calls > 1 else ""
    place = f"  {short_place(source.source)}" if source.source is not None else ""
    yield "SOURCE", f"{named(rows, source)}{of}{place}"
    if source.reason:
        yield "", literal(source.reason)
    if source.looks is not None and not told_in_reason(source):
        yield "", f"looks at training: {short_place(source.looks)}  {literal(source.looks.code.strip())}"
    if source.note:
        yield "", literal(source.note)


def _output(output: OutputDifference) -> str:
    path = f"{literal(output.path)} " if output.path else ""
    return f"{path}{shape(output.shape)}  {moves(output)}; by chance {by_chance(output)}"
