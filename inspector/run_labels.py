"""What a run says of itself in words: shapes, times, costs and failures, one spelling for window and reports alike.

They only place and colour it. Everything here is safe to print, whatever the user's values are called.
"""

from __future__ import annotations

import math

from rich.cells import cell_len

from inspector.format import duration, end_cut, flops, literal, plural, shape, size
from inspector.run_rows import Part, RunRows
from inspector.run_schema import AND_MORE, Finding, InputSet, RunRecord, SampleArgument, Seen, Warned
from inspector.schema import Failure

_UNNAMED_DTYPE = "float32"
"""Said of no tensor, because most are."""

# --- values -----------------------------------------------------------------------------------------------------------


def sizes(value: Seen) -> str:
    """One value as a column shows it: `2×64×56×56`, `None`, `'conv'`."""
    return shape(value.shape) if value.shape is not None else literal(value.text) or "?"


def shapes(values: tuple[Seen, ...], width: int | None = None) -> str:
    """Values in at most `width` cells: `2×5×32, 1×2×32`; those that find no room are counted: `2×5×32 +1`,
    `2×5×32 +255…` of more than were told."""
    if width is None:
        return ", ".join(map(sizes, values))
    text, best = "", end_cut(sizes(values[0]), width) if values else ""
    for left_out, seen in zip(reversed(range(len(values))), values, strict=True):
        text += f", {sizes(seen)}" if text else sizes(seen)
        left = f"{left_out - 1}…" if values[-1].text == AND_MORE else f"{left_out}"
        counted = f"{text} +{left}" if left_out else text
        if cell_len(counted) <= width:
            best = counted
        elif cell_len(text) > width:
            break
    return best


def value(seen: Seen) -> str:
    """One value in full: `x  2×1×32×32 float32 cuda:0, not contiguous`."""
    words = [literal(seen.path)] if seen.path else []
    words.append(sizes(seen))
    if seen.shape is not None:
        words += [literal(word) for word in (seen.dtype, seen.text) if word]
        if seen.device not in ("", "cpu"):
            words.append(literal(seen.device))
    return " ".join(words) + (", not contiguous" if seen.strides is not None else "")


def argument(given: SampleArgument) -> str:
    """One argument of forward: `x 2×1×32×32`, `ids 2×16 int64`; `hidden (1×2×8, 1×2×8)`."""
    said = ", ".join(_with_dtype(seen) for seen in given.values)
    if len(given.values) > 1:
        said = f"({said})"
    return f"{literal(given.name)} {said}".strip()


def _with_dtype(seen: Seen) -> str:
    return f"{sizes(seen)} {literal(seen.dtype)}" if seen.dtype not in ("", _UNNAMED_DTYPE) else sizes(seen)


# --- rows of the tree -------------------------------------------------------------------------------------------------


def output(rows: RunRows, row: int, width: int | None = None) -> str:
    """What came out of the row's last call, or what became of it: `2×10`, `✗ got 2×400`, `not called`."""
    part, last = rows.part(row), rows.last(row)
    if part is Part.CALLED:
        return shapes(last.outputs, width) if last is not None else ""
    if part is Part.FAILED:
        got = shapes(last.inputs, None if width is None else width - len("✗ got ")) if last is not None else ""
        text = f"✗ got {got}" if got else "✗"
    elif part is Part.UNWOUND:
        text = "✗ inside"
    else:
        text = part.value
        if part is Part.NOT_CALLED and rows.any_called_below(row):
            text = "not called itself"
    return text if width is None else end_cut(text, width)


def calls(rows: RunRows, row: int) -> str:
    """`×5` of what was called several times, `×1…5` of blocks that differ in it; empty of the rest."""
    numbers = rows.numbers(row)
    most, least = max(numbers, default=0), min(numbers, default=0)
    if most == least:
        return f"×{most:,}" if most > 1 else ""
    return f"×{least:,}…{most:,}"


def row_seconds(rows: RunRows, row: int) -> str:
    """Time of all calls of the row; empty where nothing was timed."""
    return seconds(rows.cost(row).seconds) if rows.calls(row) else ""


def row_flops(rows: RunRows, row: int) -> str:
    """FLOPs of all calls of the row; empty of none."""
    number = rows.cost(row).flops
    return flops(number) if number else ""


def row_memory(rows: RunRows, row: int) -> str:
    """Bytes that all calls of the row made; empty of none."""
    number = rows.cost(row).memory
    return size(number) if number else ""


# --- numbers ----------------------------------------------------------------------------------------------------------


def seconds(number: float, spread: float = math.nan) -> str:
    """`12.3 ms`, `12.3 ms ± 0.4 ms`; empty where nothing was timed.

    `spread` is half of what the middle half of the times spans. Where that is as much as the time itself, ± would tell
    of times below zero: `0.33 ms, unsteady by 2.68 ms` names the whole span.
    """
    if not math.isfinite(number):
        return ""
    if not (math.isfinite(spread) and spread > 0):
        return duration(number)
    if spread >= number:
        return f"{duration(number)}, unsteady by {duration(2 * spread)}"
    return f"{duration(number)} ± {duration(spread)}"


def cost(run: RunRecord) -> str:
    """`4.09 GFLOP`, and how much stands beside it; empty when nothing could be counted."""
    if not run.flops_by:
        return "FLOPs not counted"
    left_out = sum(times for _, times in run.uncounted)
    return flops(run.flops, "FLOP") + (f" + {plural(left_out, 'uncounted operation')}" if left_out else "")


def uncounted(run: RunRecord) -> str:
    """`lstm ×2, erf`: what no formula counts; empty when there is nothing of it."""
    return ", ".join(f"{literal(name)} ×{times:,}" if times > 1 else literal(name) for name, times in run.uncounted)


# --- the whole run ----------------------------------------------------------------------------------------------------


def origin(inputs: InputSet) -> str:
    """Where the inputs come from: `given`, `guessed: conv1 takes 1 channel`, `from example_inputs, lenet.py:40`."""
    if inputs.origin == "none":
        return f"no inputs: {literal(inputs.reason)}" if inputs.reason else "no inputs"
    if inputs.origin == "guessed":
        return f"guessed: {literal(inputs.reason)}" if inputs.reason else "guessed"
    if inputs.origin == "given" or not inputs.where:
        return {"given": "given", "file": "from the file", "model": "from the model"}[inputs.origin]
    return f"from {literal(inputs.where)}"


def inputs_line(inputs: InputSet) -> str:
    """`x 2×1×32×32  guessed: conv1 takes 1 channel, fc1 wants 576`"""
    given = ", ".join(map(argument, inputs.arguments))
    if not given and inputs.origin != "none":
        given = "no arguments"
    return f"{given}  {origin(inputs)}".strip()


def mode(run: RunRecord) -> str:
    """`eval`, `train`, or `own modes`: every module in its own, found or set; a dry run says so."""
    words = "own modes" if run.mode == "kept" else run.mode
    return f"{words}, dry: shapes alone" if run.dry else words


def stopped(run: RunRecord) -> str:
    """`forward failed in fc1, line 21`"""
    return f"forward failed{where_stopped(run.finding, run.failure)}"


def exception(failure: Failure) -> str:
    """`RuntimeError: text` as Python writes it, not yet safe to print; of an exception without a text its class."""
    return ": ".join(filter(None, (failure.type, failure.message)))


def where_stopped(found: Finding | None, failure: Failure | None) -> str:
    """` in fc1, line 21`, as far as it is known."""
    where = f" in {literal(found.path)}" if found is not None and found.path else ""
    source = (found.source if found is not None else None) or (failure.source if failure is not None else None)
    return where + (f", line {source.line}" if source is not None else "")


def whole_seconds(run: RunRecord) -> str:
    """`12.3 ms ± 0.1 ms`: how long the forward took, around the median of several where there were some."""
    return seconds(run.seconds, run.spread if run.repeats > 1 else math.nan)


def measured(run: RunRecord) -> list[str]:
    """What a run as a whole took: `12.3 ms ± 0.1 ms`, `4.09 GFLOP`, `peak 97.5 MiB`; of a dry run no time."""
    words = []
    if not run.dry and run.ok and run.seconds:
        words.append(whole_seconds(run))
    if run.ok or run.flops_by:
        words.append(cost(run))
    if run.peak_bytes is not None:
        words.append(f"peak {size(run.peak_bytes)}")
    if run.training_bytes is not None:
        words.append(f"{size(run.training_bytes)} held for training")
    return words


def warned(warning: Warned) -> str:
    """`UserWarning: text (model.py:12, 3 times)`"""
    place = f"{literal(warning.source.file)}:{warning.source.line}" if warning.source is not None else ""
    times = f"{warning.times:,} times" if warning.times > 1 else ""
    where = ", ".join(word for word in (place, times) if word)
    return f"{literal(warning.category)}: {literal(warning.text)}" + (f" ({where})" if where else "")
