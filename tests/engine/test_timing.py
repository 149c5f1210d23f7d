"""How the times of repeated passes are given to the calls of a recorded one."""

from __future__ import annotations

import pytest
from torch import nn

from inspector.engine.forward.calls import Call
from inspector.engine.forward.timing import Pass, settle
from inspector.run_schema import CallKind


def recorded(*operations: float, whole: float) -> list[Call]:
    """A module whose forward calls so many operations, and what recording saw of their times."""
    module = nn.Identity()
    model = Call(0, None, CallKind.MODULE, module, 0, number=1, seconds=whole)
    inside = [Call(at, model, CallKind.OPERATION, module, 0, "+", seconds=one) for at, one in enumerate(operations, 1)]
    return [model, *inside]


def test_operations_keep_the_times_that_were_measured_around_them_alone() -> None:
    """What recording took beside them, a hundred times as long, makes none of them shorter."""
    calls = recorded(1e-6, 2e-6, whole=300e-6)
    assert settle(calls, [Pass([calls[0].module], [10e-6])])
    assert [call.seconds for call in calls] == [10e-6, 1e-6, 2e-6]


def test_operations_that_find_no_room_in_their_module_share_what_there_is() -> None:
    calls = recorded(1e-6, 50e-6, whole=300e-6)
    assert settle(calls, [Pass([calls[0].module], [10.2e-6])])
    assert calls[1].seconds == pytest.approx(0.2e-6)
    assert sum(call.seconds for call in calls[1:]) == pytest.approx(calls[0].seconds)


def test_what_lasts_shorter_than_its_parts_is_given_their_sum() -> None:
    outer, inner = nn.Identity(), nn.Identity()
    model = Call(0, None, CallKind.MODULE, outer, 0, number=1)
    part = Call(1, model, CallKind.MODULE, inner, 1, number=1)
    passes = [Pass([outer, inner], seconds) for seconds in ([3.0, 1.0], [2.0, 3.0], [1.0, 2.5])]
    assert settle([model, part], passes)
    assert (model.seconds, part.seconds) == (2.5, 2.5)
