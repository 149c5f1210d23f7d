"""NN205 and NN206: a view or reshape with a wrong count, or a view of what is not contiguous."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inspector.engine.findings.features import sizes_that_give
from inspector.engine.findings.origins import first_tensor, maker_name, told, trace_back
from inspector.engine.findings.phrases import at, by, factors, or_, product
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor
from inspector.engine.kinds import is_a


def _reshaped(scene: Scene) -> tuple[Tensor, tuple[int, ...]] | None:
    """The tensor, and the sizes that were asked for, -1 as it stands."""
    if scene.operation not in ("view", "reshape"):
        return None
    data = scene.given(0, "input")
    asked = scene.open.args[1:] or (scene.open.kwargs.get("shape", scene.open.kwargs.get("size")),)
    sizes = tuple(asked[0]) if len(asked) == 1 and is_a(asked[0], tuple, list) else asked
    if not is_tensor(data) or not all(type(size) is int and size >= -1 for size in sizes):
        return None
    return (data, tuple(sizes)) if sizes.count(-1) <= 1 else None


# --- NN205 ------------------------------------------------------------------------------------------------------------


def _prove_count(scene: Scene) -> Proof | None:
    found = _reshaped(scene)
    if found is None:
        return None
    data, sizes = found
    known, free = product(size for size in sizes if size != -1), -1 in sizes
    total = data.numel()
    if not total or not known or (total % known == 0 if free else total == known):
        return None
    shape = tuple(data.shape)
    seen = scene.seen(data)
    _, beside, producer = told(scene, seen, 0)
    name = maker_name(scene, trace_back(scene, seen)) if seen is not None else ""
    call = f"{scene.operation}({', '.join(map(str, sizes))}){scene.inside(scene.call)}"
    return Proof(
        message=f"{call}: {_sentence(shape, sizes, known)}{f' (from {name})' if name else ''}",
        fix=_fix(scene, data, sizes),
        received=f"{by(shape)}   {beside}".rstrip(),
        expected=f"a multiple of {known} values" if free else f"{known} values",
        producer=producer,
    )


def _sentence(shape: tuple[int, ...], sizes: tuple[int, ...], known: int) -> str:
    if sizes[0] == -1 and len(shape) > 1:
        return f"{factors(shape[1:])} per sample is not divisible by {known}"
    if -1 in sizes:
        return f"{factors(shape)} values are not divisible by {known}"
    return f"{factors(shape)} values do not fill {factors(sizes)}"


def _fix(scene: Scene, data: Tensor, sizes: tuple[int, ...]) -> str:
    shape, name = tuple(data.shape), scene.operation
    first, rest = sizes[0], sizes[1:]
    if len(shape) > 1 and rest and first not in (-1, shape[0]):
        fits = product(shape) % product(rest) == 0 if -1 not in rest else product(shape[1:]) % -product(rest) == 0
        if fits and (-1 in rest or product(rest) == product(shape[1:])):
            others = ", ".join(map(str, rest))
            return f"the batch is {shape[0]}, not {first}: {name}(x.size(0), {others})"
    flat = f"{name}(x.size(0), -1) gives {shape[0]}×{product(shape[1:])}" if len(sizes) == 2 and len(shape) > 2 else ""
    seen = scene.seen(data)
    wanted = product(rest)
    other = sizes_that_give(scene, trace_back(scene, seen).seen, wanted) if seen is not None and wanted > 0 else ""
    return or_((flat, other))


def _prove_unflatten(scene: Scene) -> Proof | None:
    """One axis that is cut into others."""
    if (module := scene.module(nn.Unflatten)) is not None:
        data, dim, sizes = scene.bound().get("input"), module.dim, module.unflattened_size
    elif scene.operation == "unflatten":
        data, dim, sizes = scene.given(0, "input"), scene.given(1, "dim"), scene.given(2, "sizes")
    else:
        return None
    if not is_tensor(data) or type(dim) is not int or not -data.dim() <= dim < data.dim():
        return None
    known, total = product(size for size in sizes if size != -1), int(data.shape[dim])
    if not known or (total % known == 0 if -1 in sizes else total == known):
        return None
    _, beside, producer = told(scene, scene.seen(data), 0)
    asked = f"{known} = {by(size for size in sizes if size != -1)}"
    what = f"{total} is not divisible by {asked}" if -1 in sizes else f"{total} is not {asked}"
    return Proof(
        message=f"{scene.who}: axis {dim % data.dim()} of {by(data.shape)} is to become {tuple(sizes)}, and {what}",
        received=f"{by(data.shape)}   {beside}".rstrip(),
        expected=f"a multiple of {known} on axis {dim}" if -1 in sizes else f"{known} on axis {dim}",
        producer=producer,
    )


COUNT = Rule(
    "NN205",
    (RuntimeError, ValueError),
    lambda scene: _prove_count(scene) or _prove_unflatten(scene),
    r"is invalid for input of size|invalid|unflatten",
)


# --- NN206 ------------------------------------------------------------------------------------------------------------


def _prove_contiguity(scene: Scene) -> Proof | None:
    found = _reshaped(scene) if scene.operation == "view" else None
    if found is None or found[0].layout is not torch.strided or _can_view(*found):
        return None
    data, sizes = found
    if not _can_view(torch.empty(data.shape, device="meta"), sizes):
        return None  # It would fail of contiguous values too: that is another fault.
    call = f"view({', '.join(map(str, sizes))}){scene.inside(scene.call)}"
    _, beside, producer = told(scene, scene.seen(data), 0)
    return Proof(
        message=f"{call}: the values lie in another order than the axes of {by(data.shape)}{_since(scene, data)}",
        fix="reshape in place of view: it copies where it must",
        received=f"{by(data.shape)}, strides {', '.join(map(str, data.stride()))}   {beside}".rstrip(),
        expected="a contiguous tensor",
        producer=producer,
    )


def _can_view(data: Tensor, sizes: tuple[int, ...]) -> bool:
    """Asked of torch, on a tensor of the same strides that holds no values."""
    try:
        torch.empty_strided(data.shape, data.stride(), device="meta").view(sizes)
    except (RuntimeError, ValueError):
        return False
    return True


def _since(scene: Scene, data: Tensor) -> str:
    """` since permute at model.py:20`: the first operation of those before it whose result is not contiguous."""
    seen, since = scene.seen(data), ""
    while seen is not None and seen.strides is not None:
        call = scene.maker(seen)
        if call is None:
            break
        since = f" since {scene.name_of(call)}{at(call.source)}"
        seen = first_tensor(call)
    return since


CONTIGUITY = Rule(
    "NN206",
    (RuntimeError, ValueError),
    _prove_contiguity,
    r"view",
)
