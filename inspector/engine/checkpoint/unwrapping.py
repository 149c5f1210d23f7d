"""Where in a checkpoint the state dict is: it is all of it, or lies under a name beside epoch and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from inspector.engine.checkpoint.contents import Contents, StateDict, stored
from inspector.engine.checkpoint.refusals import refuse_file

_KNOWN = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params",
    "generator", "ema_state_dict", "model_ema", "ema", "params_ema",
)  # fmt: skip
"""Under which names training code keeps it; of two that fit equally well the first is taken."""

_DEEPEST = 3
_MOST = 50
"""State dicts that are looked at; the parts of an optimizer may be very many."""
_OPTIMIZER = "optim"


def state_dict_in(contents: Contents, fitting: Callable[[StateDict], int]) -> tuple[StateDict, tuple[str, ...]]:
    """The state dict of which most is `fitting`, and where else there is one of which something is.

    Raises LoadFailed when the file holds none.
    """
    found = [each for each, _ in zip(_state_dicts(contents.top, (), _DEEPEST), range(_MOST), strict=False)]
    if not found:
        raise refuse_file(
            f"the file holds no state dict, but {_what(contents.top)}",
            "torch.save(model.state_dict(), 'weights.pt') writes one",
        )
    scores = [fitting(state) for _, state in found] if len(found) > 1 else [0]
    best = min(range(len(found)), key=lambda at: (-scores[at], _rank(found[at][0])))
    others = (state.place for at, (_, state) in enumerate(found) if at != best and scores[at])
    return found[best][1], tuple(others)


def _rank(keys: tuple[str, ...]) -> tuple[bool, int, int]:
    """How likely somebody means this one: nothing of an optimizer, near the top, under a name that is usual."""
    known = _KNOWN.index(keys[-1]) if keys and keys[-1] in _KNOWN else len(_KNOWN)
    return any(_OPTIMIZER in key for key in keys), len(keys), known


def _state_dicts(thing: object, keys: tuple[str, ...], deeper: int) -> Iterator[tuple[tuple[str, ...], StateDict]]:
    """Every mapping of names to tensors, with the keys that lead to it."""
    place = "".join(f'["{key}"]' for key in keys)
    if isinstance(thing, nn.Module):
        state = thing.state_dict()
        yield (
            keys,
            _state_dict(f"the state_dict() of {place or 'the whole model'}", state, getattr(state, "_metadata", None)),
        )
    elif isinstance(thing, Mapping):
        named = {key: value for key, value in thing.items() if isinstance(key, str)}
        if any(isinstance(value, Tensor) for value in named.values()) or not (thing or keys):
            yield keys, _state_dict(place, thing, getattr(thing, "_metadata", None))
        for key, value in named.items() if deeper else ():
            yield from _state_dicts(value, (*keys, key), deeper - 1)


def _state_dict(place: str, thing: Mapping[Any, Any], versions: object) -> StateDict:
    entries = {str(key): stored(value) for key, value in thing.items()}
    return StateDict(place, entries, versions if isinstance(versions, Mapping) else None)


def _what(top: object) -> str:
    """What it is instead."""
    if isinstance(top, Mapping):
        names = [repr(key) for key in list(top)[:6]]
        return f"a dict with {', '.join(names)}{' …' if len(top) > len(names) else ''}" if names else "an empty dict"
    if isinstance(top, Tensor):
        return "one tensor"
    if isinstance(top, list | tuple):
        return f"a {type(top).__name__} of {len(top):,}"
    return f"a {type(top).__name__}"
