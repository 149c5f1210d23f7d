"""What would be looked up and is not there: on CUDA such a call ends the process's context, and all that follows fails.

So there the numbers are looked at before the call, and refused in the words that the call would have on the CPU. That
costs a synchronisation for each lookup; everywhere else, and for everything that looks nothing up, it costs a glance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from inspector.engine.kinds import is_a

TABLES = (nn.Embedding, nn.EmbeddingBag)
LOOKUPS = frozenset(("embedding", "embedding_bag"))
_INTEGERS = (torch.int64, torch.int32)


class Lookup(NamedTuple):
    """Numbers, and what they count in."""

    numbers: Any
    rows: int
    ignored: int | None = None
    """A number that stands for none."""
    words: str = "index {} is out of range: the table has rows 0..{}"


class Outside(NamedTuple):
    """Numbers that are not there."""

    first: int
    smallest: int
    largest: int
    """Of all numbers."""
    wrong: int
    """How many are not there."""


def refuse_on_cuda(called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise IndexError if this call of a module or function would look up, on CUDA, what is not there."""
    found = _lookup(called, args, kwargs)
    if found is not None and is_a(found.numbers, Tensor) and found.numbers.device.type == "cuda":
        _refuse(found)


def refuse(called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """The same on whatever device."""
    if (found := _lookup(called, args, kwargs)) is not None:
        _refuse(found)


def _refuse(found: Lookup) -> None:
    seen = outside(found.numbers, found.rows, found.ignored)
    if seen is not None:
        raise IndexError(found.words.format(seen.first, found.rows - 1))


def outside(ids: Any, rows: int, ignored: int | None = None) -> Outside | None:
    """The ids that are none of so many rows; None where all are rows.

    Also None where there are no values to look at: of fake tensors and those on the meta device.
    """
    if not is_a(ids, Tensor) or is_a(ids, FakeTensor) or ids.is_meta or ids.dtype not in _INTEGERS or not ids.numel():
        return None
    smallest, largest = (int(bound) for bound in torch.aminmax(ids))
    if smallest >= 0 and largest < rows:
        return None
    wrong = ids[(ids < 0) | (ids >= rows)]
    if ignored is not None:
        wrong = wrong[wrong != ignored]
    return Outside(int(wrong[0]), smallest, largest, wrong.numel()) if wrong.numel() else None


# --- what is looked up ------------------------------------------------------------------------------------------------


def argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str) -> Any:
    """An argument by its place or its name."""
    return args[place] if len(args) > place else kwargs.get(name)


def rows_of(table: Any) -> int | None:
    """How many rows a table has."""
    return table.shape[0] if is_a(table, Tensor) and table.dim() == 2 else None


def _lookup(called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    if not is_a(called, nn.Module):
        reader = _FUNCTIONS.get(getattr(called, "__name__", ""))
        return reader(called, args, kwargs) if reader is not None else None
    if is_a(called, *TABLES) and _is_as_written(called, TABLES):
        return _embedded(called, args, kwargs)
    if is_a(called, *_LOSSES) and _is_as_written(called, _LOSSES):
        return _judged(called, args, kwargs)
    return None


def _is_as_written(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Whether torch's own forward gets what the module is called with; the user's may count otherwise."""
    own = any(type(module).forward is kind.forward for kind in kinds) and "forward" not in vars(module)
    return own and not module._forward_pre_hooks


def _embedded(table: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    rows = rows_of(table._parameters.get("weight"))
    return Lookup(argument(args, kwargs, 0, "input"), rows) if rows is not None else None


def _embedding(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    rows = rows_of(argument(args, kwargs, 1, "weight"))
    return Lookup(argument(args, kwargs, 0, "input"), rows) if rows is not None else None


def _judged(loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    return _classes(argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "target"), loss.ignore_index)


def _judging(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    ignored = kwargs.get("ignore_index", args[4] if len(args) > 4 else -100)
    return _classes(argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "target"), ignored)


def _classes(scores: Any, target: Any, ignored: Any) -> Lookup | None:
    if not is_a(scores, Tensor) or not scores.dim():
        return None
    return Lookup(target, scores.shape[1 if scores.dim() > 1 else 0], ignored, words="Target {} is out of bounds.")


def _gathered(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    source, axis = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "dim")
    if not is_a(source, Tensor) or type(axis) is not int or not -source.dim() <= axis < source.dim():
        return None
    words = "index {} is out of bounds: the last one is {}"
    return Lookup(argument(args, kwargs, 2, "index"), source.shape[axis], words=words)


def _indexed(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup | None:
    """`table[ids]` and `table[ids, ...]`."""
    source, index = args[:2]
    ids = index[0] if type(index) is tuple and index else index
    if not is_a(source, Tensor) or not is_a(ids, Tensor) or ids.device.type != "cuda":
        return None
    return Lookup(from_the_start(ids, source), source.shape[0] if source.dim() else 0)


def from_the_start(ids: Any, source: Any) -> Any:
    """Indices in brackets may count from the end: the same indices from the start, where they are there."""
    if not is_a(ids, Tensor) or not is_a(source, Tensor) or not source.dim() or ids.dtype not in _INTEGERS:
        return ids
    return torch.where((ids < 0) & (ids >= -source.shape[0]), ids + source.shape[0], ids)


_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss)
_FUNCTIONS: dict[str, Callable[[Any, tuple[Any, ...], dict[str, Any]], Lookup | None]] = {
    **dict.fromkeys(LOOKUPS, _embedding),
    **dict.fromkeys(("cross_entropy", "nll_loss"), _judging),
    **dict.fromkeys(("gather", "index_select"), _gathered),
    "__getitem__": _indexed,
}
