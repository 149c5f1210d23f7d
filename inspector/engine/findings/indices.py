"""NN207: an embedding was asked for a row that its table does not have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import by, or_, plural
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, held, is_tensor
from inspector.engine.kinds import is_a

_TABLES = (nn.Embedding, nn.EmbeddingBag)
_LOOKUPS = frozenset(("embedding", "embedding_bag"))
_INTEGERS = (torch.int64, torch.int32)


def check_before_call(called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise IndexError if this call of a module or function would look up a row that is not there.

    On CUDA such a call ends the process's context, and everything after it fails; so there the ids are looked at first.
    Costs a look at the class for everything that is no embedding; of embeddings a synchronisation.
    """
    if is_a(called, *_TABLES):
        ids, table = _of_module(called, args, kwargs)
    elif getattr(called, "__name__", "") in _LOOKUPS:
        ids, table = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 1, "weight")
    else:
        return
    rows = table.shape[0] if is_tensor(table) and table.dim() == 2 else None
    outside = _outside(ids, rows) if rows is not None else None
    if outside is not None:
        raise IndexError(f"index {outside[0]} is out of range: the table has rows 0..{(rows or 0) - 1}")


def _prove(scene: Scene) -> Proof | None:
    module = scene.module(*_TABLES)
    if module is not None:
        ids, table = _of_module(module, scene.open.args, scene.open.kwargs)
    elif scene.operation in _LOOKUPS:
        ids, table = scene.given(0, "input"), scene.given(1, "weight")
    elif scene.operation in ("getitem", "index_select"):
        ids, table = _of_indexing(scene)
    else:
        return None
    if not is_tensor(table) or table.dim() != 2 or not is_tensor(ids):
        return None
    rows, width = table.shape
    outside = _outside(ids, rows)
    if outside is None:
        return None
    index, smallest, largest, count = outside
    _, beside, producer = told(scene, scene.seen(ids), 0)
    share = f" ({count} of {plural(ids.numel(), 'id')})" if count > 1 else ""
    return Proof(
        message=f"{scene.who}: index {index}, but the table has rows 0..{rows - 1}{share}",
        fix=_fix(scene, ids, module, (rows, width), (smallest, largest)),
        received=f"{by(ids.shape)} of {smallest}..{largest}   {beside}".rstrip(),
        expected=f"0..{rows - 1}",
        producer=producer,
    )


def _of_indexing(scene: Scene) -> tuple[Any, Any]:
    """`table[ids]`, `table[ids, :]` and `table.index_select(0, ids)`; an index may count from the end where no function
    of torch's is for tables."""
    table, index = scene.given(0, "input"), scene.given(1, "index")
    if scene.operation == "index_select":
        return (scene.given(2, "index"), table) if scene.given(1, "dim") == 0 else (None, None)
    ids = index[0] if is_a(index, tuple) and index else index
    if is_tensor(ids) and is_tensor(table) and table.dim() and ids.dtype in _INTEGERS:
        ids = torch.where((ids < 0) & (ids >= -table.shape[0]), ids + table.shape[0], ids)
    return ids, table


def _fix(scene: Scene, ids: Tensor, module: Any, table: tuple[int, int], met: tuple[int, int]) -> str:
    (rows, width), (smallest, largest) = table, met
    own = scene.named(ids).removeprefix("input ")
    given = ""
    if own != scene.named(ids) and own.isidentifier() and scene.inputs.origin in ("guessed", "given"):
        sizes = "x".join(map(str, ids.shape))
        given = f"--input {own}={sizes}:int64:0-{rows - 1}"
    if smallest < 0 and scene.operation != "getitem":
        return or_(("an embedding does not count from the end: give ids of 0 or more", given))
    padding = f", padding_idx={module.padding_idx}" if module is not None and module.padding_idx is not None else ""
    larger = f"{type(module).__name__}({largest + 1}, {width}{padding})" if module and scene.call.number == 1 else ""
    return or_((larger, given or f"ids below {rows}"))


def _of_module(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    return _argument(args, kwargs, 0, "input"), held(module, "weight")


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)


def _outside(ids: Any, rows: int) -> tuple[int, int, int, int] | None:
    """The first id that is no row, the smallest, the largest, and how many are none; None where all are rows.

    Also None where there are no values to look at: of fake tensors and those on the meta device.
    """
    if not is_tensor(ids) or is_a(ids, FakeTensor) or ids.is_meta or ids.dtype not in _INTEGERS or not ids.numel():
        return None
    smallest, largest = (int(bound) for bound in torch.aminmax(ids))
    if smallest >= 0 and largest < rows:
        return None
    wrong = ids[(ids < 0) | (ids >= rows)]
    return int(wrong[0]), smallest, largest, wrong.numel()


INDICES = Rule(
    "NN207",
    (IndexError, RuntimeError),
    _prove,
    r"range|index",
)
