"""A backward pass as the rows of a model see it: which gradient each parameter got, and what that is in words.

Shared by window and reports; they only place and colour it.
"""

from __future__ import annotations

import math
from collections import Counter

from inspector.figures import duration
from inspector.format import literal, number, plural, share
from inspector.gradient_schema import BackwardRecord, GradientState, LayerGradient, ParameterGradient
from inspector.run_labels import where_stopped
from inspector.schema import Kind
from inspector.table import ModelTable


class GradientRows:
    """Joins a model's rows to one backward pass."""

    def __init__(self, table: ModelTable, record: BackwardRecord) -> None:
        self.table = table
        self.record = record
        self._of_rows = {gradient.row: gradient for gradient in record.parameters}
        self._layers: dict[int, list[LayerGradient]] = {}
        for layer in record.layers:
            self._layers.setdefault(layer.row, []).append(layer)

    def of(self, row: int) -> ParameterGradient | None:
        """The gradient of a parameter's row, at any of its places."""
        if self.table.kinds[row] != Kind.PARAMETER:
            return None
        return self._of_rows.get(self.table.first_place(row))

    def below(self, row: int) -> list[ParameterGradient]:
        """Those of all parameters of a row's subtree, each once, in the order of rows."""
        table = self.table
        if row >= table.count:
            return []
        first = table.first_place(row) if table.is_module(row) else row
        found = (self.of(inner) for inner in range(first, table.end(first)))
        return list(dict.fromkeys(gradient for gradient in found if gradient is not None))

    def norm(self, row: int) -> float | None:
        """The Euclidean norm over all parameters of a row's subtree; None where none got a gradient."""
        norms = [gradient.norm for gradient in self.below(row) if gradient.state == "measured"]
        return math.hypot(*norms) if norms else None

    def layers(self, row: int) -> list[LayerGradient]:
        """What reached the output of a module, call by call."""
        return self._layers.get(self.table.first_place(row), []) if self.table.is_module(row) else []

    def counts(self) -> Counter[GradientState]:
        """How many parameters are in which state."""
        return Counter(gradient.state for gradient in self.record.parameters)


def bad(gradient: ParameterGradient) -> int:
    """Values that are not finite."""
    stats = gradient.stats
    return stats.nan + stats.positive_infinity + stats.negative_infinity if stats is not None else 0


def norm(gradient: ParameterGradient) -> str:
    """Its norm, or why there is none."""
    if gradient.state == "measured":
        return number(gradient.norm)
    return "none" if gradient.state == "none" else "not called"


def largest(gradient: ParameterGradient) -> str:
    """The largest absolute value."""
    return number(gradient.largest) if gradient.state == "measured" else ""


def zeros(gradient: ParameterGradient) -> str:
    """The share of exact zeros; `all` of a gradient that is nothing but zeros."""
    stats = gradient.stats
    if stats is None or not stats.elements:
        return ""
    return "all" if stats.zeros == stats.elements else share(stats.zeros, stats.elements)


def not_finite(gradient: ParameterGradient) -> str:
    """`3 NaN, 1 Inf`; empty of a finite one."""
    stats = gradient.stats
    if stats is None:
        return ""
    infinite = stats.positive_infinity + stats.negative_infinity
    words = (f"{stats.nan:,} NaN" if stats.nan else "", f"{infinite:,} Inf" if infinite else "")
    return ", ".join(word for word in words if word)


def stopped(record: BackwardRecord) -> str:
    """`backward failed, line 21`"""
    where = where_stopped(record.finding, record.failure)
    return f"{record.failed_in} failed{' in train mode' if record.failed_in == 'forward' else ''}{where}"


def headline(rows: GradientRows) -> str:
    """What was propagated, or why nothing was."""
    record = rows.record
    if record.failed_in:
        return stopped(record)
    value = f" ({number(record.value)})" if record.value is not None else ""
    return f"{literal(record.words)}{value}"


def conditions(record: BackwardRecord) -> str:
    """`train mode, as training has it; forward 1.2 ms, backward 0.9 ms, watched`"""
    mode = "train mode" if record.mode == "train" else "train mode with parts in eval mode, as found"
    if record.failed_in or not record.objective:
        return mode
    times = f"forward {duration(record.forward_seconds)}, backward {duration(record.backward_seconds)}, both watched"
    return f"{mode}; {times}"


def summary(rows: GradientRows) -> str:
    """`10 of 12 parameters got a gradient, 2 got none, 1 of them is all zeros, 3 frozen`"""
    record, counts = rows.record, rows.counts()
    total = len(record.parameters)
    of = "" if counts["measured"] == total else f"{counts['measured']:,} of "
    words = [f"{of}{plural(total, 'parameter')} got a gradient"]
    if counts["none"]:
        words.append(f"{counts['none']:,} got none")
    if counts["uncalled"]:
        words.append(f"{counts['uncalled']:,} of modules that were not called")
    measured = [gradient for gradient in record.parameters if gradient.state == "measured"]
    if wrong := sum(bad(gradient) > 0 for gradient in measured):
        words.append(f"{wrong:,} with NaN or Inf")
    if empty := sum(zeros(gradient) == "all" for gradient in measured):
        words.append(f"{empty:,} all zeros")
    if record.frozen:
        words.append(f"{record.frozen:,} frozen")
    return ", ".join(words)
