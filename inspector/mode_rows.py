"""Train against eval as the rows of a model see it: for each row the call that differs most, and what that is called.

Shared by window and reports; they only place and colour it.
"""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum

from inspector.format import literal, number, plural
from inspector.mode_schema import Channel, Comparison, ModeDifference, OutputDifference
from inspector.run_labels import where_stopped
from inspector.schema import Kind
from inspector.table import ModelTable


class Word(Enum):
    """What a row is called beside its number, the loudest first."""

    SOURCE = "SOURCE"
    ONLY_TRAIN = "only in train"
    ONLY_EVAL = "only in eval"
    PASSES = "passes on"
    UNCHANGED = "unchanged"


_WORDS = {
    "source": Word.SOURCE,
    "only in train": Word.ONLY_TRAIN,
    "only in eval": Word.ONLY_EVAL,
    "passes on": Word.PASSES,
    "unchanged": Word.UNCHANGED,
}
_LOUDNESS = {word: -index for index, word in enumerate(Word)}


class ModeRows:
    """Joins a model's rows to one comparison."""

    def __init__(self, table: ModelTable, comparison: Comparison) -> None:
        self.table = table
        self.comparison = comparison
        self._of_rows: dict[int, list[ModeDifference]] = {}
        for difference in comparison.differences:
            self._of_rows.setdefault(difference.row, []).append(difference)

    def calls(self, row: int) -> list[ModeDifference]:
        """Every call of a row's module, in order; of a run of blocks those of all its blocks."""
        if self.table.kinds[row] == Kind.RUN:
            return [call for block in self.table.children(row) for call in self.calls(block)]
        return self._of_rows.get(self.table.first_place(row), []) if self.table.is_module(row) else []

    def worst(self, row: int) -> ModeDifference | None:
        """The call that tells most about a row: a source before all others, then the largest difference."""
        calls = self.calls(row)
        return max(calls, key=lambda call: (_LOUDNESS[word(call)], _sortable(call.difference)), default=None)

    def sources(self) -> list[ModeDifference]:
        """The sources, those that matter most first."""
        return [self.comparison.differences[index] for index in self.comparison.sources]

    def counts(self) -> Counter[Word]:
        """How many modules are called what."""
        found = (self.worst(row) for row in self._of_rows)
        return Counter(word(difference) for difference in found if difference is not None)

    def largest(self) -> float:
        """The largest relative difference of all, for bars."""
        finite = (call.difference for call in self.comparison.differences if math.isfinite(call.difference))
        return max(finite, default=0.0)


def word(difference: ModeDifference) -> Word:
    return _WORDS[difference.role]


def in_both(difference: ModeDifference) -> bool:
    """Whether there was something to compare."""
    return word(difference) not in (Word.ONLY_TRAIN, Word.ONLY_EVAL)


def noise(difference: ModeDifference) -> float:
    """How far the output moves by chance, from one run of the same mode to the next: the larger of both modes, or that
    of the one in which it could be told."""
    return max(difference.noise_train, difference.noise_eval, key=_sortable)


def channel_moves(channel: Channel, eps: float) -> float:
    """How far the normalised values of a channel are from one mode to the other: root mean square, before weight and
    bias; -1 where that is no number."""
    one, other = (1 / math.sqrt(max(each, 0.0) + eps) if each + eps > 0 else math.inf for each in _variances(channel))
    shifted = (channel.batch_mean - channel.running_mean) * other
    return _sortable(math.hypot(shifted, math.sqrt(max(channel.batch_variance, 0.0)) * (one - other)))


def _variances(channel: Channel) -> tuple[float, float]:
    return channel.batch_variance, channel.running_variance


def stopped(comparison: Comparison) -> str:
    """`forward failed in train mode, in bn, line 12`"""
    where = where_stopped(comparison.finding, comparison.failure)
    return f"forward failed in {comparison.failed_in} mode{where and ','}{where}"


def _sortable(value: float) -> float:
    return -1.0 if math.isnan(value) else value


_SIGNS = 1e-300
"""No two numbers are so little apart but zeros of either sign."""


def relative(value: float) -> str:
    """A relative difference in at most eight cells: 0 · 0.41 · 445 · 1.2e-07; exactly 0 only when it is, ±0 where
    nothing but signs of zeros differ."""
    if math.isnan(value):
        return "?"
    if value == 0:
        return "0"
    if value < _SIGNS:
        return "±0"
    if not math.isfinite(value):
        return "inf"
    if value < 9.95:
        return f"{value:.2g}"
    return f"{value:,.0f}" if value < 999_999.5 else f"{value:.2e}"


def headline(rows: ModeRows) -> str:
    """`2 sources, 3 pass it on, 1 unchanged`, or that both modes agree."""
    counts = rows.counts()
    if not counts[Word.SOURCE] and not counts[Word.PASSES]:
        only = counts[Word.ONLY_TRAIN] + counts[Word.ONLY_EVAL]
        return (
            f"{plural(only, 'module')} called in one mode only" if only else "train and eval give the same, bit for bit"
        )
    parts = [plural(counts[Word.SOURCE], "source")]
    if counts[Word.PASSES]:
        parts.append(f"{counts[Word.PASSES]:,} pass it on")
    if counts[Word.UNCHANGED]:
        parts.append(f"{counts[Word.UNCHANGED]:,} unchanged")
    if only := counts[Word.ONLY_TRAIN]:
        parts.append(f"{only:,} only in train")
    if only := counts[Word.ONLY_EVAL]:
        parts.append(f"{only:,} only in eval")
    return ", ".join(parts)


def verdicts(rows: ModeRows) -> list[str]:
    """The answer in one line, and in ever fewer words: the number of the source that matters most is in all of them."""
    sources, counts = rows.sources(), headline(rows)
    if not sources:
        return [f"train against eval: {counts}", counts]
    paths = [path_of(rows, source) for source in sources]
    short = [f"{path} {by(source)}" for path, source in zip(paths, sources, strict=True)]
    of = plural(len(sources), "source")
    return [
        f"train against eval: {counts}; {_listed([named(rows, source) for source in sources], _NAMED)}",
        *(f"{counts}; {_listed(short, some)}" for some in range(_NAMED, 0, -1)),
        *(f"{of}: {_listed(short, some)}" for some in range(_NAMED, 0, -1)),
        f"{of}: {by(sources[0])}, {paths[0]}",
    ]


_NAMED = 3
"""Sources that a line names."""


def _listed(names: list[str], most: int) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def named(rows: ModeRows, difference: ModeDifference) -> str:
    """`bn (BatchNorm2d) by 0.41`"""
    return f"{path_of(rows, difference)} ({literal(rows.table.type(difference.row).name)}) {by(difference)}"


def path_of(rows: ModeRows, difference: ModeDifference) -> str:
    return literal(rows.table.short_path(difference.row)) or "the model itself"


def by(difference: ModeDifference) -> str:
    """`by 0.41`; without a number where the modes give what cannot be subtracted."""
    return _OTHER_THINGS if math.isnan(difference.difference) else f"by {relative(difference.difference)}"


def moves(output: OutputDifference) -> str:
    """`differs by 0.44 of its size, an element by at most 0.9`"""
    if math.isnan(output.difference):
        return f"train mode {_OTHER_THINGS}, which cannot be subtracted"
    if output.difference == 0:
        return "the same in both modes, bit for bit"
    return f"differs by {relative(output.difference)} of its size, an element by at most {number(output.largest)}"


_OTHER_THINGS = "gives other things"


def by_chance(one: ModeDifference | OutputDifference) -> str:
    """`by chance 0.4 in train, 0 in eval`"""
    return f"{relative(one.noise_train)} in train, {relative(one.noise_eval)} in eval"


def told_in_reason(difference: ModeDifference) -> bool:
    """Whether the line that looks at the flag is part of the reason."""
    return difference.looks is not None and literal(difference.looks.code.strip()) in literal(difference.reason)
