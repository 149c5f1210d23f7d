"""Functions of several tensors whose sizes do not belong together, beside the operators: a part of NN210."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from inspector.engine.findings.phrases import and_, by
from inspector.engine.findings.rule import Proof
from inspector.engine.findings.scene import Scene, is_tensor
from inspector.engine.kinds import is_a

_DOTS = frozenset(("addmm", "baddbmm", "addbmm", "addmv"))
_CLASS_LOSSES = frozenset(("cross_entropy", "nll_loss"))
_EQUAL_LOSSES = frozenset(("binary_cross_entropy", "binary_cross_entropy_with_logits"))


class _Pair(NamedTuple):
    """Two axes that must have one size."""

    first: Tensor
    axis: int
    second: Tensor
    other: int

    @property
    def fits(self) -> bool:
        return bool(self.first.shape[self.axis] == self.second.shape[self.other])


def prove(scene: Scene) -> Proof | None:
    """The first two axes that should have one size and have not."""
    if scene.operation in ("expand", "expand_as"):
        return _expanded(scene)
    if scene.operation == "setitem":
        return _assigned(scene)
    if scene.operation == "getitem":
        return _chosen(scene)
    if scene.operation in _EQUAL_LOSSES or scene.module(nn.BCELoss, nn.BCEWithLogitsLoss) is not None:
        return _equal(scene)
    pair = next((pair for pair in _pairs(scene) if not pair.fits), None)
    return _unequal(scene, pair) if pair is not None else None


def _unequal(scene: Scene, pair: _Pair) -> Proof:
    names = scene.origin(pair.first), scene.origin(pair.second)
    sizes = pair.first.shape[pair.axis], pair.second.shape[pair.other]
    axes = [f"axis {axis % tensor.dim()}" for tensor, axis in ((pair.first, pair.axis), (pair.second, pair.other))]
    return Proof(
        message=f"{scene.who}: {axes[0]} of {names[0]} ({by(pair.first.shape)}) has {sizes[0]}, "
        f"{axes[1]} of {names[1]} ({by(pair.second.shape)}) has {sizes[1]}",
        received=f"{by(pair.first.shape)} and {by(pair.second.shape)}",
        expected=f"as many on {and_(list(dict.fromkeys(axes)))}",
        producer=f"{names[0]}; {names[1]}",
    )


def _pairs(scene: Scene) -> Iterator[_Pair]:
    """What a function wants to be equal, in the order in which a person would look."""
    tensors = scene.tensors()
    name = scene.operation
    if name == "einsum":
        yield from _of_equation(scene.given(0, "equation"), tensors)
    elif (name in _CLASS_LOSSES or scene.module(nn.CrossEntropyLoss, nn.NLLLoss) is not None) and len(tensors) > 1:
        given, target = tensors[:2]
        if given.dim() > 1 and target.dim():
            yield _Pair(given, 0, target, 0)
    elif name in _DOTS and len(tensors) == 3:
        yield _Pair(tensors[1], -1, tensors[2], -2 if tensors[2].dim() > 1 else -1)
        if name != "addmm" and tensors[1].dim() == tensors[2].dim() == 3:
            yield _Pair(tensors[1], 0, tensors[2], 0)
    elif len(tensors) < 2 or not all(tensor.dim() for tensor in tensors):
        return
    elif name in ("cdist", "mv", "dot", "inner", "vdot"):
        yield _Pair(tensors[0], -1, tensors[1], -1)
    elif name == "tensordot":
        yield from _contracted(tensors, scene.given(2, "dims", 2))
    elif name == "scaled_dot_product_attention" and len(tensors) > 2:
        yield from _of_attention(*tensors[:3])


def _of_equation(equation: Any, tensors: list[Tensor]) -> Iterator[_Pair]:
    """Of `bid,bjd->bij`: every letter that stands for two axes. With an ellipsis nobody counts along."""
    if type(equation) is not str or "." in equation:
        return
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    if len(terms) != len(tensors):
        return
    first: dict[str, tuple[Tensor, int]] = {}
    for term, tensor in zip(terms, tensors, strict=True):
        if len(term) != tensor.dim():
            return
        for axis, letter in enumerate(term):
            before, at = first.setdefault(letter, (tensor, axis))
            if 1 not in (before.shape[at], tensor.shape[axis]):
                yield _Pair(before, at, tensor, axis)


def _contracted(tensors: list[Tensor], dims: Any) -> Iterator[_Pair]:
    one, other = tensors[:2]
    if type(dims) is int:
        dims = list(range(one.dim() - dims, one.dim())), list(range(dims))
    if is_a(dims, tuple, list) and len(dims) == 2 and all(is_a(each, tuple, list) for each in dims):
        for axis, at in zip(*dims, strict=False):
            if -one.dim() <= axis < one.dim() and -other.dim() <= at < other.dim():
                yield _Pair(one, axis, other, at)


def _of_attention(query: Tensor, key: Tensor, value: Tensor) -> Iterator[_Pair]:
    yield _Pair(query, -1, key, -1)
    if not query.dim() == key.dim() == value.dim() or query.dim() < 2:
        return
    yield _Pair(key, -2, value, -2)
    for axis in range(query.dim() - 2):
        for one, other in ((query, key), (key, value)):
            if 1 not in (one.shape[axis], other.shape[axis]):
                yield _Pair(one, axis, other, axis)


# --- one tensor into the sizes of another -----------------------------------------------------------------------------


def _expanded(scene: Scene) -> Proof | None:
    data = scene.given(0, "input")
    asked = scene.open.args[1:] or (scene.open.kwargs.get("size", scene.open.kwargs.get("other")),)
    only: Any = asked[0] if len(asked) == 1 else asked
    only = only.shape if is_tensor(only) else only
    sizes: tuple[int, ...] = tuple(only) if is_a(only, tuple, list) else (only,)
    if not is_tensor(data) or not all(type(size) is int for size in sizes):
        return None
    wanted = f"{scene.who} to {by(sizes)}"
    if len(sizes) < data.dim():
        return _does_not_fit(scene, data, sizes, f"{wanted}: {by(data.shape)} has {data.dim()} axes already")
    for back in range(1, data.dim() + 1):
        if sizes[-back] not in (-1, data.shape[-back]) and data.shape[-back] != 1:
            axis = data.dim() - back
            had = f"axis {axis} of {scene.origin(data)} ({by(data.shape)}) has {data.shape[axis]}"
            return _does_not_fit(scene, data, sizes, f"{wanted}: {had}, which is neither 1 nor {sizes[-back]}")
    return None


def _assigned(scene: Scene) -> Proof | None:
    """x[index] = value, where the value does not broadcast to what is chosen."""
    data, value = scene.given(0, "self"), scene.given(2, "value")
    if not is_tensor(data) or not is_tensor(value):
        return None
    place = data[scene.given(1, "index")]
    shapes = tuple(place.shape), tuple(value.shape)
    for back in range(1, min(map(len, shapes)) + 1):
        room, size = shapes[0][-back], shapes[1][-back]
        if size not in (1, room):
            message = f"{scene.who}: {by(value.shape)} ({scene.origin(value)}) into a place of {by(place.shape)}"
            return _does_not_fit(scene, value, shapes[0], f"{message}: on axis -{back} {size} into {room}")
    return None


def _chosen(scene: Scene) -> Proof | None:
    """x[mask], where the mask has other sizes."""
    data, index = scene.given(0, "self"), scene.given(1, "index")
    mask = index[0] if is_a(index, tuple) and index else index
    if not is_tensor(data) or not is_tensor(mask) or str(mask.dtype) != "torch.bool" or mask.dim() > data.dim():
        return None
    pair = next((p for axis in range(mask.dim()) if not (p := _Pair(data, axis, mask, axis)).fits), None)
    return _unequal(scene, pair) if pair is not None else None


def _equal(scene: Scene) -> Proof | None:
    tensors = scene.tensors()
    if len(tensors) < 2 or tensors[0].shape == tensors[1].shape:
        return None
    given, target = tensors[:2]
    message = f"{scene.who}: {by(given.shape)} ({scene.origin(given)}) against a target of {by(target.shape)}"
    return _does_not_fit(scene, target, tuple(given.shape), message)


def _does_not_fit(scene: Scene, data: Tensor, wanted: tuple[int, ...], message: str) -> Proof:
    return Proof(
        message=message, received=by(data.shape), expected=by(wanted).replace("-1", "?"), producer=scene.origin(data)
    )
