"""Norm layers whose weight or statistics have other sizes than their input: a part of NN210."""

from __future__ import annotations

from torch import Tensor, nn

from inspector.engine.findings.origins import told
from inspector.engine.findings.phrases import by, plural
from inspector.engine.findings.rule import Proof
from inspector.engine.findings.scene import Scene, held, is_tensor
from inspector.engine.kinds import is_a

_AXES: dict[type, tuple[int, ...]] = {nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.BatchNorm3d: (5,)}
"""How many axes their input may have; with another number that is the fault."""
_RMS: tuple[type[nn.Module], ...] = (nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ()


def prove(scene: Scene) -> Proof | None:
    """Sizes of a norm layer that do not fit."""
    if (module := scene.module(nn.LayerNorm, *_RMS)) is not None:
        return _last_axes(
            scene, next(iter(scene.tensors()), None), tuple(module.normalized_shape), type(module).__name__
        )
    if scene.operation in ("layer_norm", "rms_norm"):
        return _last_axes(scene, scene.given(0, "input"), tuple(scene.given(1, "normalized_shape") or ()), "")
    if (module := scene.module(nn.GroupNorm)) is not None:
        return _channels(scene, module.num_channels, f"GroupNorm({module.num_groups}, {{}})", module.num_groups)
    if (module := scene.module(nn.modules.batchnorm._NormBase)) is not None:
        sizes = [held(module, name) for name in ("running_mean", "weight")]
        wanted = next((size.shape[0] for size in sizes if size is not None and size.dim() == 1), None)
        return _channels(scene, wanted, f"{type(module).__name__}({{}})") if wanted is not None else None
    return None


def _last_axes(scene: Scene, data: Tensor | None, wanted: tuple[int, ...], kind: str) -> Proof | None:
    if not is_tensor(data) or data is None or not wanted or tuple(data.shape[-len(wanted) :]) == wanted:
        return None
    shape = tuple(data.shape)
    _, beside, producer = told(scene, scene.seen(data), 0)
    last = "last axis" if len(wanted) == 1 else f"last {len(wanted)} axes"
    others = [axis for axis in range(1, len(shape) - 1) if len(wanted) == 1 and shape[axis] == wanted[0]]
    got = shape[-len(wanted) :]
    spelled = str(got[0]) if len(got) == 1 else str(got)
    own = f"{kind}({spelled})" if kind and scene.call.number == 1 else ""
    order = [axis for axis in range(len(shape)) if axis not in others[:1]] + others[:1]
    return Proof(
        message=f"{scene.who} normalises over the {last} and expects {by(wanted)} there, got {by(got)}",
        fix=f"axis {others[0]} has {wanted[0]}: x.permute({', '.join(map(str, order))})" if len(others) == 1 else own,
        received=f"{by(shape)}   {beside}".rstrip(),
        expected=by((*shape[: -len(wanted)], *wanted)),
        producer=producer,
    )


def _channels(scene: Scene, wanted: int, spelling: str, divisor: int = 1) -> Proof | None:
    data = scene.bound().get("input")
    axis = 1
    axes = next((_AXES[kind] for kind in type(scene.call.module).__mro__ if kind in _AXES), None)
    if axes is not None and is_tensor(data) and data.dim() not in axes:
        return None
    if is_tensor(data) and is_a(scene.call.module, nn.modules.instancenorm._InstanceNorm):
        module = scene.call.module
        axis = data.dim() - 1 - {"1": 1, "2": 2, "3": 3}.get(type(module).__name__[-2:-1], data.dim() - 2)
    if not is_tensor(data) or data.dim() <= max(axis, 0) or data.shape[axis] == wanted:
        return None
    shape = tuple(data.shape)
    _, beside, producer = told(scene, scene.seen(data), 0)
    name = f" from {producer.partition(':')[0]}" if producer else ""
    return Proof(
        message=f"{scene.who} was made for {plural(wanted, 'channel')}, got {shape[axis]} on axis {axis}{name}",
        fix=spelling.format(shape[axis]) if scene.call.number == 1 and shape[axis] % divisor == 0 else "",
        received=f"{by(shape)}   {beside}".rstrip(),
        expected=by((*shape[:axis], wanted, *shape[axis + 1 :])),
        producer=producer,
    )
