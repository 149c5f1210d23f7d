"""Which calls have to be tried: those whose output moves and whose code looks at a flag that the mode switches."""

from __future__ import annotations

from inspector.engine.modes.proof import Toggle, overrides_train, set_flags_looked_at, set_own_flag
from inspector.engine.modes.watch import Key, Watch

MOST_CALLS = 8
"""Calls of one module that are tried."""


def suspects_of(evaluation: Watch, trained: Watch, moved: set[Key]) -> dict[Key, Toggle]:
    """The calls that may be sources, each with what is to be switched."""
    switched = {
        id(visit.module)
        for key, visit in trained.visits.items()
        if key in evaluation.visits and visit.training and not evaluation.visits[key].training
    }
    called = {id(visit.module) for visit in evaluation.visits.values()}
    found: dict[Key, Toggle] = {}
    for key, visit in evaluation.visits.items():
        if key not in moved or key[1] > MOST_CALLS:
            continue
        others = {one for one in visit.looked if one != id(visit.module)}
        itself = visit.looks_at_itself or overrides_train(visit.module)
        if visit.invisible:
            found[key] = set_flags_looked_at
        elif itself and id(visit.module) in switched:
            found[key] = set_own_flag
        elif others and not others & called:
            found[key] = set_flags_looked_at
    return found


def unexplained(evaluation: Watch, trained: Watch, moved: set[Key], sources: set[Key]) -> dict[Key, Toggle] | None:
    """The first call to return something else in train mode, when nothing that returned before it tells why."""
    for visit in sorted(trained.visits.values(), key=lambda visit: visit.ended):
        if visit.key in sources or visit.key not in evaluation.visits:
            return None
        if visit.key in moved:
            return {visit.key: set_flags_looked_at}
    return None
