"""NN207: an embedding was asked for a row that its table does not have."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import by, or_, plural
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, held, is_tensor
from inspector.engine.forward.lookups import LOOKUPS, TABLES, argument, from_the_start, outside


def _prove(scene: Scene) -> Proof | None:
    module = scene.module(*TABLES)
    if module is not None:
        ids, table = argument(scene.open.args, scene.open.kwargs, 0, "input"), held(module, "weight")
    elif scene.operation in LOOKUPS:
        ids, table = scene.given(0, "input"), scene.given(1, "weight")
    elif scene.operation in ("getitem", "index_select"):
        ids, table = _of_indexing(scene)
    else:
        return None
    if not is_tensor(table) or table.dim() != 2 or not is_tensor(ids):
        return None
    rows, width = table.shape
    seen = outside(ids, rows)
    if seen is None:
        return None
    index, smallest, largest, count = seen
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
    ids = index[0] if type(index) is tuple and index else index
    return from_the_start(ids, table), table


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


INDICES = Rule(
    "NN207",
    (IndexError, RuntimeError),
    _prove,
    r"range|index",
)
