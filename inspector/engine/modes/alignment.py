"""The calls of two passes side by side: the same call of the same module, whatever else one of them called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.engine.modes.watch import Key


def side_by_side(evaluation: Iterable[Key], training: Iterable[Key]) -> list[Key]:
    """Every call of either, in the order of the train run; what only eval calls stands where eval calls it.

    A call that both make at different times stands where train makes it.
    """
    in_eval, in_train = list(evaluation), list(training)
    common = set(in_eval) & set(in_train)
    waiting = _only_before(in_eval, common)
    merged: list[Key] = []
    for key in in_train:
        if key in common:
            merged += waiting.pop(key, ())
        merged.append(key)
    for rest in waiting.values():
        merged += rest
    return merged


def _only_before(in_eval: list[Key], common: set[Key]) -> dict[Key | None, list[Key]]:
    """What only eval calls, by the common call before which it does; by None after the last of these."""
    return {key: run for key, run in _runs(in_eval, common) if run}


def _runs(in_eval: list[Key], common: set[Key]) -> Iterator[tuple[Key | None, list[Key]]]:
    run: list[Key] = []
    for key in in_eval:
        if key in common:
            yield key, run
            run = []
        else:
            run.append(key)
    yield None, run
