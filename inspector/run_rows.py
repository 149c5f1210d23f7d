"""A run as the rows of its model see it: the calls of each row, how they ended, and the sums over them.

A call names the first place of its module; the other places of a shared module answer with the same calls, and a run of
blocks with those of all its blocks.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from inspector.run_schema import CallRecord, CallState, RunRecord
from inspector.run_table import RunTable
from inspector.schema import Kind
from inspector.table import ModelTable


class Part(Enum):
    """What a row had to do with the run."""

    CALLED = "called"
    FAILED = "failed"
    """It raised, and nothing that it called had."""
    UNWOUND = "unwound"
    """Something that it called raised."""
    NOT_CALLED = "not called"
    WEIGHTS_USED = "weights used, not called"
    """Its forward did not run, but somebody took its weights (`F.linear(x, self.fc.weight)`)."""
    NOT_REACHED = "not reached"
    """Not called, in a run that stopped before its end."""
    NONE = ""
    """Nothing to say: a tensor, or what only holds modules that were called."""


class Cost(NamedTuple):
    """Sums over the calls of a row; of a module that calls itself only the outermost calls."""

    seconds: float
    """NaN where nothing was timed."""
    flops: int
    memory: int
    """Bytes of the storages that the outputs hold and the inputs do not."""


class RunRows:
    """Joins a model's rows to the calls of one run."""

    def __init__(self, table: ModelTable, run: RunTable, record: RunRecord | None = None) -> None:
        self.table = table
        self.run = run
        self.record = record
        """None while the run is not finished."""
        self._called = sorted(run.called_rows())
        self._used = frozenset(record.uncalled_but_used) if record is not None else frozenset()
        self._costs: dict[int, Cost] = {}

    # --- calls ----------------------------------------------------------------------------------------------------

    def modules(self, row: int) -> Sequence[int]:
        """The modules that a row stands for, by their first places: of a run all blocks, of a tensor none.

        What is registered nowhere may be called all the same.
        """
        kind = self.table.kinds[row]
        if kind == Kind.RUN:
            return [self.table.first_place(block) for block in self.table.children(row)]
        if kind == Kind.GHOST:
            return [row]
        return [self.table.first_place(row)] if self.table.is_module(row) else []

    def calls(self, row: int) -> int:
        """How often the module was called; of a run, each of its blocks (the most, where they differ)."""
        return max(self.numbers(row), default=0)

    def numbers(self, row: int) -> list[int]:
        """How often each of the modules was called that the row stands for."""
        return [len(self.run.calls_of(module)) for module in self.modules(row)]

    def last_call(self, row: int) -> int | None:
        """The newest call of the row's module, or of any block of a run; None when there was none."""
        found = [calls[-1] for module in self.modules(row) if (calls := self.run.calls_of(module))]
        return max(found, default=None)

    def last(self, row: int) -> CallRecord | None:
        """What flowed through that call; None also while its record has not arrived."""
        call = self.last_call(row)
        return None if call is None else self.run.record(call)

    def part(self, row: int) -> Part:
        """What the row had to do with the run."""
        call = self.last_call(row)
        if call is not None:
            return _PARTS[self.run.state(call)]
        if self.table.kinds[row] == Kind.GHOST or not self.modules(row):
            return Part.NONE
        if self._only_holds(row):
            return Part.NONE
        if any(module in self._used for module in self.modules(row)):
            return Part.WEIGHTS_USED
        stopped = self.record is not None and not self.record.ok
        return Part.NOT_REACHED if stopped else Part.NOT_CALLED

    def _only_holds(self, row: int) -> bool:
        """Whether an uncalled row is a container that has nothing to be called for: its parts ran, or it has none."""
        if self.table.type(row).group != "container":
            return False
        return self.any_called_below(row) or not any(map(self.table.is_module, self.table.children(row)))

    def any_called_below(self, row: int) -> bool:
        """Whether some module below the row was called."""
        at = bisect_left(self._called, row + 1)
        return at < len(self._called) and self._called[at] < self.table.end(row)

    # --- sums -----------------------------------------------------------------------------------------------------

    def cost(self, row: int) -> Cost:
        """What the calls of the row took together."""
        if row not in self._costs:
            self._costs[row] = self._summed(row)
        return self._costs[row]

    def seconds(self, call: int) -> float:
        """How long a call took; NaN where nothing was timed.

        What a dry run took is not what the model takes, and what raised did not get to its end. A function may be left
        without a time where the modules beside it account for all of what is around.
        """
        dry = self.record is not None and self.record.dry
        return math.nan if dry or self.run.state(call) is not CallState.DONE else _told(self.run.seconds[call])

    def own_seconds(self, call: int) -> float:
        """How much of that no call in it took; NaN where nothing was timed, and where the calls account for all."""
        return math.nan if math.isnan(self.seconds(call)) else _told(self.run.own_seconds(call))

    def _summed(self, row: int) -> Cost:
        run = self.run
        calls = [call for module in dict.fromkeys(self.modules(row)) for call in run.outermost_calls_of(module)]
        timed = [seconds for call in calls if not math.isnan(seconds := self.seconds(call))]
        seconds = sum(timed) if timed else math.nan
        return Cost(seconds, sum(run.flops[call] for call in calls), sum(run.memory[call] for call in calls))


def _told(seconds: float) -> float:
    """A time, or NaN for one that is a remainder of nothing: that is not a measurement of 0 ns."""
    return seconds if seconds >= _SHORTEST else math.nan


_SHORTEST = 1e-9
"""Seconds that the clock tells apart."""
_PARTS = {CallState.DONE: Part.CALLED, CallState.FAILED: Part.FAILED, CallState.UNWOUND: Part.UNWOUND}
