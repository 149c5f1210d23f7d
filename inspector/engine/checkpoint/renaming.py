"""Keys that differ by a prefix: which prefix, and on which side.

Wrappers write names of their own into keys, at the front (`module.fc.weight`) or around a part
(`encoder._orig_mod.fc.weight`). Keys are compared without these names first; what is left is compared by its ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

WRAPPERS = {
    "module": "nn.DataParallel, DistributedDataParallel and AveragedModel",
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FullyShardedDataParallel",
    "_checkpoint_wrapped_module": "activation checkpointing",
    "_forward_module": "Lightning Fabric",
}
"""The attribute in which a wrapper keeps what it wraps, and who that is."""

_DEEPEST = 3
"""Parts of the longest prefix that is looked for."""
_ROUNDS = 4
_SHARE = 0.5
"""A prefix explains at least that share of the keys that one side has too many; else it may be chance."""

_LEAST = 3
"""Keys of which two different fronts must be the only difference, for them not to be two different things."""
_MOST_FRONTS = 16
"""Fronts that are tried for one end of a key; an end that is as common as that tells nothing."""

Pair = tuple[str, str]
"""A key of the file, and the key of the model that it becomes."""
Alike = Callable[[str, str], bool]
"""Whether a file's tensor has the shape that one of the model's keys wants."""
Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Renaming:
    """One difference, and the keys that it makes different."""

    pairs: tuple[Pair, ...]
    lost: str = ""
    """What the file's keys have at the front, and the model's have not: `module.`."""
    gained: str = ""
    """What the model's have, and the file's have not."""
    lost_within: Parts = ()
    """Names of wrappers that the file's keys have further inside."""
    gained_within: Parts = ()


def find(file_keys: Sequence[str], model_keys: Sequence[str], alike: Alike) -> tuple[Renaming, ...]:
    """What can be paired of the keys that one side has and the other has not; the most common difference first."""
    pairs = dict(_by_wrappers(file_keys, model_keys))
    for _ in range(_ROUNDS):
        taken = set(pairs.values())
        rest = [key for key in file_keys if key not in pairs], [key for key in model_keys if key not in taken]
        more = dict(_by_front(*rest, alike) or _by_other_front(*rest, alike))
        if not more:
            break
        pairs |= more
    groups: dict[tuple[str, str, Parts, Parts], list[Pair]] = {}
    for pair in pairs.items():
        groups.setdefault(_difference(*pair), []).append(pair)
    found = [Renaming(tuple(members), *difference) for difference, members in groups.items()]
    return tuple(sorted(found, key=lambda each: -len(each.pairs)))


def _bare(key: str) -> str:
    """A key without the names of wrappers; as it is, where nothing would be left of it."""
    return ".".join(part for part in key.split(".") if part not in WRAPPERS) or key


def _by_wrappers(file_keys: Sequence[str], model_keys: Sequence[str]) -> Iterator[Pair]:
    """Keys that are the same without the names of wrappers, where that is certain."""
    files, models = _unique(file_keys), _unique(model_keys)
    yield from ((files[bare], models[bare]) for bare in files if bare in models)


def _unique(keys: Sequence[str]) -> dict[str, str]:
    """The keys by their bare ones, where only one has it."""
    counts = Counter(map(_bare, keys))
    return {bare: key for key in keys if counts[bare := _bare(key)] == 1}


def _by_front(file_keys: Sequence[str], model_keys: Sequence[str], alike: Alike) -> list[Pair]:
    """The pairs of the one prefix, on either side, that makes most keys the same with the shape that is wanted."""
    files, models = _unique(file_keys), _unique(model_keys)
    found: dict[tuple[str, str], list[Pair]] = {}
    for bare, key in files.items():
        for front, rest in _cuts(bare):
            if rest in models:
                found.setdefault((front, ""), []).append((key, models[rest]))
    for bare, key in models.items():
        for front, rest in _cuts(bare):
            if rest in files:
                found.setdefault(("", front), []).append((files[rest], key))
    fitting = {prefix: sum(alike(*pair) for pair in pairs) for prefix, pairs in found.items()}
    best = max(fitting, key=lambda prefix: (fitting[prefix], -len("".join(prefix))), default=None)
    if best is None or fitting[best] < max(1, _SHARE * min(len(file_keys), len(model_keys))):
        return []
    return found[best]


def _by_other_front(file_keys: Sequence[str], model_keys: Sequence[str], alike: Alike) -> list[Pair]:
    """The pairs of one front on one side and another on the other, where these explain all the keys that have them."""
    files, models = _unique(file_keys), _unique(model_keys)
    fronts: dict[str, list[tuple[str, str]]] = {}
    for bare, key in models.items():
        for front, rest in _cuts(bare):
            fronts.setdefault(rest, []).append((front, key))
    found: dict[tuple[str, str], list[Pair]] = {}
    for bare, held in files.items():
        for there, rest in _cuts(bare):
            for here, key in fronts.get(rest, ())[:_MOST_FRONTS]:
                found.setdefault((there, here), []).append((held, key))
    certain = {
        prefix: pairs
        for prefix, pairs in found.items()
        if len(pairs) >= _LEAST
        and not any(_is_number(front) for front in prefix)
        and all(alike(*pair) for pair in pairs)
        and _with_front(prefix[0], files) == _with_front(prefix[1], models) == len(pairs)
    }
    return max(certain.values(), key=len, default=[])


def _is_number(front: str) -> bool:
    """Whether it ends in the place of a block in its stack, which is no name."""
    return front.rstrip(".").rpartition(".")[2].isdigit()


def _with_front(front: str, keys: Iterable[str]) -> int:
    return sum(key.startswith(front) for key in keys)


def _cuts(bare: str) -> Iterator[tuple[str, str]]:
    """`a.b.weight` → (`a.`, `b.weight`), (`a.b.`, `weight`)"""
    parts = bare.split(".")
    for at in range(1, min(len(parts), _DEEPEST + 1)):
        yield ".".join(parts[:at]) + ".", ".".join(parts[at:])


def _difference(file_key: str, model_key: str) -> tuple[str, str, Parts, Parts]:
    """What one key has and the other has not: at the front of either, and further inside."""
    file, model = file_key.split("."), model_key.split(".")
    within: tuple[list[str], list[str]] = ([], [])
    front: tuple[list[str], list[str]] = ([], [])
    while file and model:
        if file[-1] == model[-1]:
            for inner, outer in zip(within, front, strict=True):  # What has something before it is no front.
                inner += outer
                outer.clear()
            file.pop()
            model.pop()
        elif file[-1] in WRAPPERS:
            front[0].append(file.pop())
        elif model[-1] in WRAPPERS:
            front[1].append(model.pop())
        else:
            break
    lost, gained = ([*left, *reversed(outer)] for left, outer in zip((file, model), front, strict=True))
    return _front(lost), _front(gained), tuple(dict.fromkeys(within[0])), tuple(dict.fromkeys(within[1]))


def _front(parts: Sequence[str]) -> str:
    return "".join(f"{part}." for part in parts)
