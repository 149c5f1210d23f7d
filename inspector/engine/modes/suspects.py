"""Which calls have to be tried: those whose output moves and whose code looks at a flag that the mode switches."""

from __future__ import annotations

from torch import nn

from inspector.engine.modes.proof import Toggle, overrides_train
from inspector.engine.modes.watch import Key, Visit, Watch

MOST_CALLS = 8
"""Calls of one module that are tried."""


def suspects_of(
    evaluation: Watch, trained: Watch, moved: set[Key], asking: set[Key], switched: set[int]
) -> dict[Key, Toggle]:
    """The calls that may be sources, each with what is to be switched.

    `asking` are those in which code of the user's looks at a flag: they may toss a coin, and what they give may be the
    same by chance. `switched` are the modules whose flags the mode switches as a pass begins, by their identities.
    """
    during = _switched_during(evaluation, trained)
    inside = _called_inside(evaluation)
    found: dict[Key, Toggle] = {}
    for key, visit in evaluation.visits.items():
        if key[1] > MOST_CALLS or not (key in moved or key in asking):
            continue
        chance, itself = key not in moved, visit.looks_at_itself or overrides_train(visit.module)
        if visit.invisible:
            others = _among(_everything(visit), switched)
        else:
            others = _among(_others(visit), (switched | during) - inside.get(key, set()))
        if itself and not visit.invisible and id(visit.module) in during:
            found[key] = Toggle((), chance)
        elif others:
            found[key] = Toggle(others, chance)
    return found


def unexplained(
    evaluation: Watch, trained: Watch, moved: set[Key], sources: set[Key], switched: set[int]
) -> dict[Key, Toggle] | None:
    """The first call to return something else in train mode, when nothing that returned before it tells why."""
    for visit in sorted(trained.visits.values(), key=lambda visit: visit.ended):
        if visit.key in sources or visit.key not in evaluation.visits:
            return None
        if visit.key in moved:
            before = evaluation.visits[visit.key]
            looked = [module for module, _ in before.looked.values()] or _everything(before)
            concerned = _among(looked, switched)
            return {visit.key: Toggle(concerned)} if concerned else None
    return None


def _among(modules: list[nn.Module], switched: set[int]) -> tuple[nn.Module, ...]:
    return tuple(module for module in modules if id(module) in switched)


def _others(visit: Visit) -> list[nn.Module]:
    return [module for module, _ in visit.looked.values() if module is not visit.module]


def _everything(visit: Visit) -> list[nn.Module]:
    return list(nn.Module.modules(visit.module))


def _switched_during(evaluation: Watch, trained: Watch) -> set[int]:
    """The modules that are in train mode in one and in eval mode in the other when they are called."""
    both = ((visit, evaluation.visits.get(key)) for key, visit in trained.visits.items())
    return {id(after.module) for after, before in both if before is not None and after.training and not before.training}


def _called_inside(evaluation: Watch) -> dict[Key, set[int]]:
    """Of each call that looks at flags the modules that are called in it: they are tried themselves."""
    inside: dict[Key, set[int]] = {}
    for visit in evaluation.visits.values():
        above = visit.parent
        while above is not None:
            if above.looked:
                inside.setdefault(above.key, set()).add(id(visit.module))
            above = above.parent
    return inside
