"""Questions to the rows of a model: what `/` searches for, what `\\` and --filter keep.

A query is words that must all hold. A plain word is found in names, dotted paths and class names, whatever its case;
`name:`, `type:`, `dtype:`, `device:` ask for one of them alone, and `is:` for a state. Only the few distinct names,
classes and dtypes are compared as text; the rows themselves by their columns. Where a run is attached, the functions
that it called are found by their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inspector.schema import Flag, Kind
from inspector.table import ModelTable

Test = Callable[[int], bool]

STATES: dict[str, str] = {
    "frozen": "parameters that do not require grad",
    "trainable": "parameters that require grad",
    "buffer": "buffers",
    "parameter": "parameters",
    "module": "modules",
    "ghost": "what is not registered",
    "lazy": "what has no size yet",
    "tied": "the same object at an earlier place",
    "shared": "modules registered more than once",
    "alias": "other objects in the same memory",
    "hooked": "modules with hooks",
    "train": "modules in train mode",
    "eval": "modules in eval mode",
    "meta": "what is not allocated",
    "transient": "buffers that are not saved",
    "function": "calls of functions, after a run",
}
"""What may stand after `is:`."""

_FLAGS = {
    "lazy": Flag.LAZY, "tied": Flag.TIED, "alias": Flag.ALIASED, "hooked": Flag.HOOKED,
    "meta": Flag.META, "transient": Flag.TRANSIENT,
}  # fmt: skip
_KINDS = {
    "buffer": (Kind.BUFFER,), "parameter": (Kind.PARAMETER,), "ghost": (Kind.GHOST,),
    "shared": (Kind.SHARED, Kind.CYCLE), "module": (Kind.MODULE,),
}  # fmt: skip


class QueryError(ValueError):
    """The query cannot be understood; the message says what may be asked."""


def search(table: ModelTable, text: str) -> list[int]:
    """The rows that answer a query, in the order of the tree; none for an empty one.

    Raises QueryError for a `key:` or `is:` that there is not.
    """
    words = text.split()
    if not words:
        return []
    tests = [_test(table, word) for word in words]
    rows: Iterable[int] = range(table.count)
    for test in tests:
        rows = [row for row in rows if test(row)]
    found = [row for row in rows if not table.flags[row] & Flag.ELIDED]
    called = _functions(table, words)
    return sorted([*found, *called], key=table.place) if called else found


def _functions(table: ModelTable, words: list[str]) -> list[int]:
    """The rows of functions that answer; these have names and states, and nothing else that may be asked for."""
    run = table.run
    parts = [word.removeprefix("name:").lower() for word in words if word.lower() != "is:function"]
    if run is None or any(part.startswith(("type:", "dtype:", "device:", "is:")) for part in parts):
        return []
    wanted = set.intersection(set(range(len(run.names))), *(_containing(run.names, part) for part in parts)) - {0}
    modules = dict.fromkeys(
        run.row[call] for call in range(run.count) if run.name_index[call] in wanted and not run.is_module(call)
    )
    return [
        row
        for module in modules
        for row in table.operations(module)
        if (call := table.call_of(row)) is not None and run.name_index[call] in wanted
    ]


def _test(table: ModelTable, word: str) -> Test:
    key, colon, value = word.partition(":")
    if colon and key == "is":
        return _state(table, value.lower())
    if colon and key in ("name", "type", "dtype", "device"):
        return _field(table, key, value.lower())
    if colon and value and key.isidentifier():
        raise QueryError(f"there is no {key}: to ask for; there are name: type: dtype: device: is:")
    return _anywhere(table, word.lower())


def _anywhere(table: ModelTable, word: str) -> Test:
    by_type = _field(table, "type", word)
    if "." not in word.strip("."):
        by_name = _field(table, "name", word)
        return lambda row: by_name(row) or by_type(row)
    *_, last = word.split(".")
    by_last = _containing(table.names, last)

    def on_path(row: int) -> bool:
        return table.name_index[row] in by_last and word in table.path(row).lower()

    return lambda row: on_path(row) or by_type(row)


def _field(table: ModelTable, key: str, value: str) -> Test:
    if key == "name":
        names = _containing(table.names, value)
        return lambda row: table.name_index[row] in names
    if key == "type":
        types = _containing([kind.name for kind in table.types], value)
        modules = (Kind.MODULE, Kind.SHARED, Kind.CYCLE, Kind.RUN)
        return lambda row: table.type_index[row] in types and table.kinds[row] in modules
    column, values = (
        (table.dtype_index, table.dtypes) if key == "dtype" else (table.device_index, table.devices)
    )  # fmt: skip
    wanted = {index for index in _containing(values, value) if values[index]}
    tensors = (Kind.PARAMETER, Kind.BUFFER, Kind.MADE, Kind.GHOST)
    return lambda row: column[row] in wanted and table.kinds[row] in tensors


def _containing(texts: Iterable[str], part: str) -> set[int]:
    return {index for index, text in enumerate(texts) if part in text.lower()}


def _state(table: ModelTable, state: str) -> Test:
    flags, kinds = table.flags, table.kinds
    if state in ("frozen", "trainable"):
        wanted = int(Flag.FROZEN if state == "frozen" else Flag.TRAINABLE)
        return lambda row: kinds[row] == Kind.PARAMETER and bool(flags[row] & wanted)
    if state in ("train", "eval"):
        trains, training = state == "train", int(Flag.TRAINING)
        return lambda row: kinds[row] == Kind.MODULE and bool(flags[row] & training) == trains
    if state in _FLAGS:
        flag = int(_FLAGS[state])
        return lambda row: bool(flags[row] & flag)
    if state == "function":
        return lambda row: False
    if state in _KINDS:
        allowed = _KINDS[state]
        return lambda row: kinds[row] in allowed
    raise QueryError(f"there is no is:{state}; there are {' '.join(f'is:{name}' for name in STATES)}")
