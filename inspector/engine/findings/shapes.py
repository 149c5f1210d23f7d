"""NN210: sizes that do not broadcast, concatenate or multiply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from inspector.engine.findings import attended, norms, operands
from inspector.engine.findings.origins import bare, first_tensor
from inspector.engine.findings.phrases import and_, by, or_
from inspector.engine.findings.rule import Proof, Rule
from inspector.engine.findings.scene import Scene, is_tensor
from inspector.engine.kinds import is_a
from inspector.run_schema import CallKind

_ELEMENTWISE = frozenset((
    "add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "floor_divide", "pow",
    "remainder", "fmod", "maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "lerp", "where", "masked_fill",
    "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "iadd", "isub", "imul", "itruediv", "radd", "rsub",
    "rmul", "rdiv", "truediv", "rtruediv", "floordiv", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "addcmul", "addcdiv", "mse_loss", "l1_loss", "smooth_l1_loss",
    "huber_loss", "cosine_similarity", "pairwise_distance",
))  # fmt: skip
_CONCATENATING = frozenset(("cat", "concat", "concatenate", "hstack", "vstack"))
_STACKING = frozenset(("stack",))
_MULTIPLYING = frozenset(("matmul", "mm", "bmm", "rmatmul"))


def _prove(scene: Scene) -> Proof | None:
    name = scene.operation
    if name in _ELEMENTWISE:
        return _elementwise(scene)
    if name in _CONCATENATING:
        return _concatenation(scene)
    if name in _STACKING:
        return _stack(scene)
    if name in _MULTIPLYING:
        return _product(scene)
    return norms.prove(scene) or attended.prove(scene) or operands.prove(scene)


# --- elementwise ------------------------------------------------------------------------------------------------------


def _elementwise(scene: Scene) -> Proof | None:
    tensors = scene.tensors()
    for index, second in enumerate(tensors):
        for first in tensors[:index]:
            axis = _clash(tuple(first.shape), tuple(second.shape))
            if axis is not None:
                return _clash_proof(scene, first, second, axis)
    return _grows_in_place(scene, tensors)


def _clash(one: Sequence[int], other: Sequence[int]) -> int | None:
    """The axis, counted from the end, on which two shapes do not broadcast."""
    for back in range(1, min(len(one), len(other)) + 1):
        if one[-back] != other[-back] and 1 not in (one[-back], other[-back]):
            return back
    return None


def _clash_proof(scene: Scene, first: Tensor, second: Tensor, back: int) -> Proof:
    one, other = scene.origin(first), scene.origin(second)
    sizes = first.shape[-back], second.shape[-back]
    axis = f"axis {first.dim() - back}" if first.dim() == second.dim() else f"axis -{back}"
    return Proof(
        message=f"{scene.who}: {by(first.shape)} and {by(second.shape)} do not broadcast: on {axis} "
        f"{one} gives {sizes[0]}, {other} gives {sizes[1]}{_pooled(scene, sizes)}",
        fix=or_((_shortcut(first, second), _aligned(first, second), _resized(first, second))),
        received=f"{by(first.shape)} and {by(second.shape)}",
        expected=f"equal sizes on {axis}, or 1",
        producer=f"{one}; {other}",
    )


def _shortcut(first: Tensor, second: Tensor) -> str:
    """For a residual: the 1×1 convolution that gives the second the channels (and the stride) of the first."""
    one, other = tuple(first.shape), tuple(second.shape)
    if not len(one) == len(other) == 4 or one[0] != other[0] or one[1] == other[1]:
        return ""
    if one[2:] == other[2:]:
        return f"a 1×1 convolution on the shortcut: Conv2d({other[1]}, {one[1]}, 1)"
    for stride in (2, 4):
        if tuple((side - 1) // stride + 1 for side in other[2:]) == one[2:]:
            return f"a 1×1 convolution on the shortcut: Conv2d({other[1]}, {one[1]}, 1, stride={stride})"
    return ""


def _aligned(first: Tensor, second: Tensor) -> str:
    """For one of fewer axes that belong to others than the last: where 1s make it fit."""
    large, small = (first, second) if first.dim() > second.dim() else (second, first)
    if 1 < small.dim() < large.dim() and large.shape[: small.dim()] == small.shape:
        return f"it fits the first axes: y[..., {', '.join(['None'] * (large.dim() - small.dim()))}]"
    if small.dim() != 1 or large.dim() < 2:
        return ""
    axes = [axis for axis, size in enumerate(large.shape[:-1]) if size == small.shape[0]]
    if len(axes) != 1:
        return ""
    sizes = ["-1", *["1"] * (large.dim() - 1 - axes[0])]
    return f"it fits axis {axes[0]}: view({', '.join(sizes)})"


def _resized(first: Tensor, second: Tensor) -> str:
    """For images that differ in height and width alone."""
    one, other = first.shape, second.shape
    if not len(one) == len(other) == 4 or one[:2] != other[:2]:
        return ""
    return "F.interpolate(x, size=other.shape[-2:]) before it"


def _grows_in_place(scene: Scene, tensors: list[Tensor]) -> Proof | None:
    """An operation in place whose result is larger than what it writes to."""
    name = getattr(scene.open.function, "__name__", "")
    in_place = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
    if not in_place or len(tensors) < 2:
        return None
    target, others = tensors[0], tensors[1:]
    for other in others:
        larger = other.dim() > target.dim() or any(
            a == 1 != b for a, b in zip(target.shape[::-1], other.shape[::-1], strict=False)
        )
        if larger:
            return Proof(
                message=f"{scene.who} writes into {by(target.shape)} ({scene.origin(target)}), and with "
                f"{by(other.shape)} ({scene.origin(other)}) the result is larger",
                fix="x = x + y in place of x += y makes a new tensor",
                received=f"{by(target.shape)} and {by(other.shape)}",
                expected=f"what broadcasts to {by(target.shape)}",
            )
    return None


def _pooled(scene: Scene, sizes: Sequence[int]) -> str:
    """`: an odd size was pooled`, when a call of this run did just that and the sizes are what comes of it."""
    small, large = min(sizes), max(sizes)
    if small < 1 or large - small != 1 or large % 2 == 0:
        return ""
    for call in scene.halt.calls:
        before, after = first_tensor(call), call.outputs[0] if call.outputs else None
        if before is None or after is None or not before.shape or not after.shape or len(before.shape) < 3:
            continue
        shrinks = call.kind == CallKind.MODULE or "pool" in bare(call.name) or "conv" in bare(call.name)
        if shrinks and before.shape[-1] == large and after.shape[-1] == large // 2:
            return f": an odd size was pooled ({scene.name_of(call)}: {large} → {large // 2})"
    return ""


# --- cat and stack ----------------------------------------------------------------------------------------------------


def _parts(scene: Scene) -> list[Tensor]:
    parts = scene.given(0, "tensors")
    return list(parts) if is_a(parts, tuple, list) and all(is_tensor(part) for part in parts) else []


def _concatenation(scene: Scene) -> Proof | None:
    parts = [part for part in _parts(scene) if tuple(part.shape) != (0,)]
    dim = _axis_of(scene, parts)
    if len(parts) < 2 or type(dim) is not int:
        return None
    first = parts[0]
    names = [scene.origin(part) for part in parts]
    shapes = and_([f"{by(part.shape)} ({name})" for part, name in zip(parts, names, strict=True)])
    if any(part.dim() != first.dim() for part in parts):
        return Proof(
            message=f"{scene.who}: tensors of different numbers of axes cannot be joined: {shapes}",
            received=", ".join(by(part.shape) for part in parts),
            expected="as many axes in all",
            producer="; ".join(names),
        )
    along = dim % first.dim() if first.dim() else 0
    for name, part in zip(names[1:], parts[1:], strict=True):
        for axis in range(first.dim()):
            sizes = first.shape[axis], part.shape[axis]
            if axis != along and sizes[0] != sizes[1]:
                return Proof(
                    message=f"{scene.who} along axis {along}: on axis {axis} {names[0]} gives {sizes[0]}, "
                    f"{name} gives {sizes[1]}{_pooled(scene, sizes)}",
                    fix=_joined(first, part, along),
                    received=", ".join(by(part.shape) for part in parts),
                    expected=f"equal sizes on every axis but {along}",
                    producer="; ".join(names),
                )
    return None


def _axis_of(scene: Scene, parts: list[Tensor]) -> Any:
    if scene.operation in ("hstack", "vstack"):
        return int(scene.operation == "hstack" and bool(parts) and parts[0].dim() > 1)
    return scene.given(1, "dim", 0)


def _joined(first: Tensor, part: Tensor, along: int) -> str:
    one, other = tuple(first.shape), tuple(part.shape)
    if len(one) == 4 and along == 1 and one[0] == other[0]:
        return "F.interpolate(x, size=skip.shape[-2:]) before it"
    axes = [axis for axis in range(len(one)) if one[axis] != other[axis]]
    return f"dim={axes[0]}, the only axis on which they differ" if len(axes) == 1 else ""


def _stack(scene: Scene) -> Proof | None:
    parts = _parts(scene)
    for index, part in enumerate(parts):
        if tuple(part.shape) != tuple(parts[0].shape):
            names = [scene.origin(parts[0]), scene.origin(part)]
            return Proof(
                message=f"{scene.who} takes tensors of one shape: number 0 ({names[0]}) is {by(parts[0].shape)}, "
                f"number {index} ({names[1]}) is {by(part.shape)}",
                received=", ".join(by(one.shape) for one in parts[:8]),
                expected="one shape",
                producer="; ".join(names),
            )
    return None


# --- matmul -----------------------------------------------------------------------------------------------------------


def _product(scene: Scene) -> Proof | None:
    first, second = scene.given(0, "input"), scene.given(1, "other", scene.open.kwargs.get("mat2"))
    if not is_tensor(first) or not is_tensor(second) or not first.dim() or not second.dim():
        return None
    if scene.operation == "rmatmul":
        first, second = second, first
    one, other = tuple(first.shape), tuple(second.shape)
    inner = one[-1], other[-2] if len(other) > 1 else other[-1]
    names = scene.origin(first), scene.origin(second)
    if inner[0] != inner[1]:
        reason = f"the last axis of {names[0]} has {inner[0]}, axis -2 of {names[1]} has {inner[1]}"
        if len(other) == 1:
            reason = f"the last axis of {names[0]} has {inner[0]}, {names[1]} has {inner[1]}"
    elif (back := _clash(one[:-2], other[:-2])) is not None:
        sizes = one[:-2][-back], other[:-2][-back]
        reason = f"on axis -{back + 2} {names[0]} gives {sizes[0]}, {names[1]} gives {sizes[1]}"
    else:
        return None
    return Proof(
        message=f"{scene.who}: {by(one)} and {by(other)} cannot be multiplied: {reason}",
        fix=_transposed(one, other, inner),
        received=f"{by(one)} and {by(other)}",
        expected=f"axis -2 of the second is {inner[0]}" if inner[0] != inner[1] else "batches that broadcast",
        producer=f"{names[0]}; {names[1]}",
    )


def _transposed(one: tuple[int, ...], other: tuple[int, ...], inner: tuple[int, int]) -> str:
    if inner[0] != inner[1] and len(other) > 1 and other[-1] == one[-1] and _clash(one[:-2], other[:-2]) is None:
        return "transpose the second: y.transpose(-2, -1)"
    return ""


SHAPES = Rule(
    "NN210",
    (RuntimeError, ValueError, IndexError, AssertionError),
    _prove,
    r"size|shape|must match|dimension|broadcast|stack|elements|multipl|columns",
)
