"""Query, key and value of an attention that do not belong together: a part of NN210."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from inspector.engine.findings.phrases import by
from inspector.engine.findings.rule import Proof
from inspector.engine.findings.scene import Scene, is_tensor


def prove(scene: Scene) -> Proof | None:
    """Batches or lengths that differ."""
    bound = scene.bound()
    if (module := scene.module(nn.MultiheadAttention)) is not None:
        query, key, value = (bound.get(name) for name in ("query", "key", "value"))
        return _batches(scene, module, ("query", query), ("key", key)) or _lengths(scene, key, value)
    if (module := scene.module(nn.Transformer)) is not None:
        return _batches(scene, module, ("src", bound.get("src")), ("tgt", bound.get("tgt")))
    return None


def _batches(scene: Scene, module: Any, one: tuple[str, Any], other: tuple[str, Any]) -> Proof | None:
    (name, first), (second_name, second) = one, other
    if not is_tensor(first) or not is_tensor(second) or not first.dim() == second.dim() == 3:
        return None
    axis = 0 if module.batch_first else 1
    sizes = first.shape[axis], second.shape[axis]
    if sizes[0] == sizes[1]:
        return None
    swapped = first.shape[1 - axis] == second.shape[1 - axis]
    return _proof(
        scene,
        f"{name} has a batch of {sizes[0]}, {second_name} one of {sizes[1]}, "
        f"read from axis {axis} because batch_first={bool(module.batch_first)}",
        f"batch_first={not module.batch_first}, if axis {1 - axis} is the batch" if swapped else "",
        (first, second),
    )


def _lengths(scene: Scene, key: Any, value: Any) -> Proof | None:
    if not is_tensor(key) or not is_tensor(value) or key.shape[:-1] == value.shape[:-1]:
        return None
    return _proof(
        scene, f"key is {by(key.shape)}, value is {by(value.shape)}: one value for each key", "", (key, value)
    )


def _proof(scene: Scene, sentence: str, fix: str, tensors: tuple[Tensor, Tensor]) -> Proof:
    return Proof(
        message=f"{scene.who}: {sentence}",
        fix=fix,
        received=" and ".join(by(tensor.shape) for tensor in tensors),
        expected="equal batches and lengths",
        producer="; ".join(scene.origin(tensor) for tensor in tensors),
    )
