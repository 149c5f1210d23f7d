"""The line of code that gives the keys of a file the names that the model wants, tried before it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from inspector.engine.checkpoint.renaming import WRAPPERS, Renaming


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
    if not any(each.gained_within for each in renamings):
        chain = [step for each in renamings for step in _steps(each)]
        for made in (_all(chain), _some(chain, model_keys)):
            if _is_right(made.do, pairs, file_keys, model_keys):
                return f"model.load_state_dict({{{made.code('key')}: value for key, value in state.items()}})"
    return _by_bare_names(renamings, pairs, file_keys, model_keys)


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


def _by_bare_names(
    renamings: Sequence[Renaming], pairs: dict[str, str], file_keys: Collection[str], model_keys: Collection[str]
) -> str:
    """For wrappers at many places on both sides: names without any of them lead from one to the other."""
    parts = sorted({part for each in renamings for part in _parts(each) if part in WRAPPERS})
    chain = [step for each in renamings for step in _steps(_without_wrappers(each))]
    steps = _all(list({step.code("key"): step for step in chain}.values()))

    def bare(key: str) -> str:
        return ".".join(part for part in key.split(".") if part not in parts)

    names = {bare(key): key for key in model_keys}
    if not _is_right(lambda key: names.get(steps.do(bare(key)), key), pairs, file_keys, model_keys):
        return ""
    return (
        f'bare = lambda key: ".".join(part for part in key.split(".") if part not in {parts}); '
        f"names = {{bare(key): key for key in model.state_dict()}}; "
        f"model.load_state_dict({{names.get({steps.code('bare(key)')}, key): value for key, value in state.items()}})"
    )


def _parts(renaming: Renaming) -> list[str]:
    """Every name that makes a difference."""
    return [*renaming.lost.split("."), *renaming.gained.split("."), *renaming.lost_within, *renaming.gained_within]


def _without_wrappers(renaming: Renaming) -> Renaming:
    lost, gained = (
        "".join(f"{part}." for part in front.split(".") if part and part not in WRAPPERS)
        for front in (renaming.lost, renaming.gained)
    )
    return Renaming(renaming.pairs, lost, gained)


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
