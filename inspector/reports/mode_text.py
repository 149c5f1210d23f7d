"""Train against eval under the table of a plain report: where the difference starts, why, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator

from inspector import run_labels
from inspector.format import literal, number, plural, shape
from inspector.mode_rows import ModeRows, headline, named, relative, stopped
from inspector.mode_schema import ModeDifference, OutputDifference
from inspector.reports.problem_text import short_place

_SOURCES = 20
"""Sources that are told with their reasons."""
_OUTPUTS = 8
_LEGEND = "differs: |train - eval| / |eval| of the output; noise: the same between two runs of one mode"


def section(rows: ModeRows) -> Iterator[tuple[str, str]]:
    """The answer first: how many modules make the difference; then each with its reason, and the model's outputs."""
    comparison = rows.comparison
    if comparison.failed_in:
        yield "train/eval", f"not compared: {stopped(comparison)}"
    else:
        yield "train/eval", headline(rows)
        if rows.largest():
            yield "", _LEGEND
        sources = rows.sources()
        for source in sources[:_SOURCES]:
            yield from _source(rows, source)
        if len(sources) > _SOURCES:
            yield "", f"and {plural(len(sources) - _SOURCES, 'more source')}"
        for at, output in enumerate(comparison.outputs[:_OUTPUTS]):
            yield "" if at else "output", _output(output)
        if len(comparison.outputs) > _OUTPUTS:
            yield "", f"and {len(comparison.outputs) - _OUTPUTS:,} more"
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
    if source.looks is not None:
        yield "", f"looks at training: {short_place(source.looks)}  {literal(source.looks.code.strip())}"
    if source.note:
        yield "", literal(source.note)


def _output(output: OutputDifference) -> str:
    path = f"{literal(output.path)} " if output.path else ""
    moved = f"differs by {relative(output.difference)}, at most {number(output.largest)}"
    chance = f"by chance {relative(output.noise_train)} in train, {relative(output.noise_eval)} in eval"
    return f"{path}{shape(output.shape)}  {moved}; {chance}"
