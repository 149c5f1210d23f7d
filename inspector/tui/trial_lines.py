"""What came of a trial, as lines: before and after in one table, why it failed, and what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style

from inspector import run_labels
from inspector.format import end_cut, flops, literal, padded, size, whole
from inspector.run_schema import LayerOutcome, LayerTrial
from inspector.schema import Failure
from inspector.tui.palette import Palette

_NAME, _CELL = 12, 22
_NONE = "–"

Styled = tuple[str, Style]


class Compared(NamedTuple):
    """One line of the table."""

    name: str
    before: str
    after: str
    ratio: str = ""
    """`same`, `×0.25`; empty where there is nothing to compare."""


def compared(trial: LayerTrial) -> tuple[Compared, ...]:
    """Output, parameters, memory, cost and time, with the layer's own arguments and with the changed ones."""
    before, after = trial.before, trial.after
    rows = [
        Compared("output", _output(before), _output(after), _same(_output(before), _output(after))),
        _numbers("parameters", _get(before, "parameters"), after.parameters, whole),
        _numbers("weighs", _get(before, "bytes"), after.bytes if after.parameters is not None else None, size),
        _numbers("FLOPs", _get(before, "flops"), after.flops, flops),
        _numbers("peak memory", _get(before, "peak_bytes"), after.peak_bytes, size),
    ]
    if after.seconds is not None:
        rows.append(Compared("time", _NONE, run_labels.seconds(after.seconds, after.spread)))
    return tuple(rows)


def trial_lines(trial: LayerTrial, palette: Palette, width: int) -> list[Styled]:
    """The table, a failure if there was one, and the notes."""
    lines: list[Styled] = [(end_cut(literal(trial.after.call), width), palette.strong)]
    lines.append((f"{'':{_NAME}}{padded('as it is', _CELL)}{padded('tried', _CELL)}", palette.dim))
    lines += [(_table_line(row, width), palette.base) for row in compared(trial)]
    if not trial.after.ok:
        lines += failure_lines(trial.after, palette)
    lines += [(_uncounted(trial.after), palette.warning)] if trial.after.uncounted else []
    notes = (*trial.notes, *trial.after.notes, *trial.changed)
    lines += [(literal(note), palette.dim) for note in notes]
    lines.append((f"input {literal(trial.origin)} · {literal(trial.guard)}", palette.dim))
    return lines


def failure_lines(outcome: LayerOutcome, palette: Palette) -> list[Styled]:
    """Why it failed: the fault that is proven, else what torch says."""
    found = outcome.finding
    if found is None:
        return refusal_lines(outcome.failure, palette) if outcome.failure is not None else []
    lines: list[Styled] = [(f"✗ {literal(found.id)} {literal(found.message)}", palette.error)]
    return [*lines, (f"  {literal(found.fix)}", palette.accent)] if found.fix else lines


def refusal_lines(failure: Failure, palette: Palette) -> list[Styled]:
    """Why it could not be tried, or built."""
    first = literal(failure.message.strip().partition("\n")[0])
    lines: list[Styled] = [(f"✗ {first}" if first else f"✗ {literal(failure.type)}", palette.error)]
    return [*lines, (f"  {literal(failure.mend)}", palette.accent)] if failure.mend else lines


def _get(outcome: LayerOutcome | None, name: str) -> int | None:
    if outcome is None or (outcome.parameters is None and name == "bytes"):
        return None
    number: int | None = getattr(outcome, name)
    return number


def _output(outcome: LayerOutcome | None) -> str:
    if outcome is None:
        return _NONE
    if not outcome.ok:
        return "✗ fails"
    return run_labels.shapes(outcome.outputs) or _NONE


def _numbers(name: str, before: int | None, after: int | None, spelled: Callable[[int], str]) -> Compared:
    first, second = (_NONE if number is None else spelled(number) for number in (before, after))
    return Compared(name, first, second, "" if before is None or after is None else _ratio(before, after))


def _ratio(before: int, after: int) -> str:
    if before == after:
        return "same"
    return f"×{after / before:.3g}" if before else ""


def _same(before: str, after: str) -> str:
    return "same" if before == after and before != _NONE else ""


def _table_line(row: Compared, width: int) -> str:
    """Columns as far as they fit; a shape that is longer than its column moves the next one."""
    line = f"{row.name:<{_NAME}}"
    for cell in (row.before, row.after):
        line += padded(cell, _CELL) if cell_len(cell) < _CELL else f"{cell}  "
    return end_cut(line + row.ratio, width).rstrip()


def _uncounted(outcome: LayerOutcome) -> str:
    names = ", ".join(f"{literal(name)} ×{times}" for name, times in outcome.uncounted[:4])
    return f"not in the FLOPs, because no formula counts them: {names}"
