"""The line of code that gives the keys of a file the names that the model wants, tried before it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from inspector.engine.checkpoint.renaming import Renaming


class Step(NamedTuple):
    """What is done to a key, as code and as a function."""

    code: Callable[[str], str]
    do: Callable[[str], str]


def mend(renamings: Sequence[Renaming], file_keys: Collection[str], model_keys: Collection[str]) -> str:
    """Code that loads a state dict `state` into `model`; empty where no simple one gives every key its name."""
    pairs = {held: key for each in renamings for held, key in each.pairs}
    only = renamings[0] if len(renamings) == 1 else None
    if only is not None and only.gained and len(pairs) == len(file_keys) and not _else_differs(only):
        return f"model.{only.gained.rstrip('.')}.load_state_dict(state)"
    if only is not None and only.gained_within and not (only.lost or only.gained or only.lost_within):
        return _by_the_models_names(only, pairs, file_keys, model_keys)
    chain = [step for each in renamings for step in _steps(each)]
    if any(each.gained_within for each in renamings):
        return ""
    for made in (_all(chain), _some(chain, model_keys)):
        if _is_right(made.do, pairs, file_keys, model_keys):
            return f"model.load_state_dict({{{made.code('key')}: value for key, value in state.items()}})"
    return ""


def _else_differs(renaming: Renaming) -> bool:
    return bool(renaming.lost or renaming.lost_within or renaming.gained_within)


def _steps(renaming: Renaming) -> Iterator[Step]:
    for part in renaming.lost_within:
        yield _without(part)
    if lost := renaming.lost:
        yield Step(lambda key: f"{key}.removeprefix({_quoted(lost)})", lambda key: key.removeprefix(lost))
    if gained := renaming.gained:
        yield Step(lambda key: f"{_quoted(gained)} + {key}", lambda key: gained + key)


def _without(part: str) -> Step:
    inner = f".{part}."
    return Step(lambda key: f'{key}.replace({_quoted(inner)}, ".")', lambda key: key.replace(inner, "."))


def _all(chain: Sequence[Step]) -> Step:
    """One step after the other."""

    def code(key: str) -> str:
        for step in chain:
            key = step.code(f"({key})" if " + " in key else key)
        return key

    def do(key: str) -> str:
        for step in chain:
            key = step.do(key)
        return key

    return Step(code, do)


def _some(chain: Sequence[Step], model_keys: Collection[str]) -> Step:
    """The same for those keys alone that the model does not have as they are."""
    made = _all(chain)
    return Step(
        lambda key: f"{key} if {key} in model.state_dict() else {made.code(key)}",
        lambda key: key if key in model_keys else made.do(key),
    )


def _by_the_models_names(
    renaming: Renaming, pairs: dict[str, str], file_keys: Collection[str], model_keys: Collection[str]
) -> str:
    """For a wrapper somewhere inside the model: the names without it lead to those with it."""
    bare = _all([_without(part) for part in renaming.gained_within])
    names = {bare.do(key): key for key in model_keys}
    if not _is_right(lambda key: names.get(key, key), pairs, file_keys, model_keys):
        return ""
    table = f"names = {{{bare.code('key')}: key for key in model.state_dict()}}"
    return f"{table}; model.load_state_dict({{names.get(key, key): value for key, value in state.items()}})"


def _is_right(
    do: Callable[[str], str], pairs: dict[str, str], file_keys: Collection[str], model_keys: Collection[str]
) -> bool:
    """Whether every key gets its name, those that have it keep it, and nothing else takes one of the model's."""
    return all(
        made == pairs[key] if key in pairs else made == key if key in model_keys else made not in model_keys
        for key, made in ((key, do(key)) for key in file_keys)
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
