"""NN103: floating tensors in plain attributes, which stay behind when the model moves.

What goes wrong is decided by what `.to()` and state_dict do. A scalar on the CPU mixes with tensors on any device, and
integers index on any: both are left alone. So is a tensor that its class moves by hand wherever it reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from inspector.engine.attribute_uses import is_filled, is_handled, is_made_anew
from inspector.engine.class_text import assignment, class_place, is_torchs_module, is_users
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import by
from inspector.engine.findings.unregistered import alike, is_librarys, outermost, place_of
from inspector.engine.kinds import is_a
from inspector.engine.unregistered import Ghost
from inspector.run_schema import Finding

_STAYS = ".to() will not move it, state_dict will not save it"


def plain_tensors(anatomy: Anatomy) -> Iterator[Finding]:
    """Tensors that were to be buffers or parameters."""
    yield from _unregistered(anatomy)
    yield from _stale_aliases(anatomy)


def left_behind(anatomy: Anatomy) -> Iterator[tuple[int, Ghost]]:
    """Unregistered tensors that a move of the model leaves behind, to its harm."""
    for row, ghost in outermost(anatomy):
        if ghost.holds == "tensor" and _matters(anatomy, row, ghost):
            yield row, ghost


def _unregistered(anatomy: Anatomy) -> Iterator[Finding]:
    for row, ghost, rows in alike(anatomy, list(left_behind(anatomy))):
        more = f" (and {len(rows) - 1:,} more like it)" if len(rows) > 1 else ""
        name = anatomy.name(row)
        what, fix = _told(ghost)
        yield anatomy.finding("NN103", row, f"{name} {what}{more}", fix, place_of(anatomy, row, ghost))


def _matters(anatomy: Anatomy, row: int, ghost: Ghost) -> bool:
    holder = anatomy.things[anatomy.module_of(row)]
    if is_librarys(anatomy, row, ghost) or _stands_in(holder, ghost):
        return False
    tensors = list(_tensors(ghost))
    if any(_is_trainable(tensor) for tensor in tensors):
        return not is_made_anew(type(holder), ghost.name)
    if ghost.thing is None and is_filled(type(holder), ghost.name):
        return False
    floating = [tensor for tensor in tensors if _is_floating(tensor) and tensor.dim() and tensor.numel()]
    axes = floating[0].dim() if ghost.thing is not None and floating else -1
    return bool(floating) and not is_handled(type(holder), ghost.name, axes)


def _stands_in(holder: nn.Module, ghost: Ghost) -> bool:
    """Whether it takes the place of a parameter that one of torch's layers looks for: somebody makes it anew."""
    return is_torchs_module(type(holder)) and ghost.name.startswith(("weight", "bias", "in_proj", "out_proj"))


def _tensors(ghost: Ghost) -> Iterator[Tensor]:
    if is_a(ghost.thing, Tensor):
        yield ghost.thing  # type: ignore[misc]
    for below in ghost.below:
        yield from _tensors(below)


def _is_floating(tensor: Tensor) -> bool:
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.is_floating_point() or tensor.is_complex()


def _is_trainable(tensor: Tensor) -> bool:
    return bool(tensor.requires_grad)


def _told(ghost: Ghost) -> tuple[str, str]:
    """What is wrong with it, and what would mend it."""
    tensor, own = ghost.thing, ghost.name
    tensors = list(_tensors(ghost))
    shape = f"[{', '.join(map(str, ghost.form.shape))}] " if ghost.form is not None and ghost.form.shape else ""
    shared = ghost.note.partition("shares memory of ")[2]
    where = "an attribute of the class" if ghost.container == "class attribute" else "a plain attribute"
    if tensor is None:
        where = f"a {ghost.type}, registered nowhere" if not ghost.type.startswith("dataclass") else f"in {ghost.type}"
    if shared and tensor is not None:
        return (
            f"{shape}is {where} over the memory of {shared}: .to() gives that new memory, and this keeps the old",
            f"use {shared} itself in forward",
        )
    if any(each.requires_grad and each.is_leaf for each in tensors):
        trained = f"{shape}requires grad and is {where}, no nn.Parameter: parameters() does not yield it, {_STAYS}"
        return trained, f"self.{own} = nn.Parameter(...)" if tensor is not None else "use nn.ParameterList"
    if any(each.requires_grad for each in tensors):
        return (
            f"{shape}is {where}, computed from parameters when the model was built: it does not follow them, {_STAYS}",
            "compute it in forward",
        )
    return f"{shape}is {where}: {_STAYS}", _as_buffer(ghost)


def _as_buffer(ghost: Ghost) -> str:
    if ghost.thing is None:
        return "register each of them with register_buffer, or stack them into one buffer"
    return f'self.register_buffer("{ghost.name}", ...)'


def _stale_aliases(anatomy: Anatomy) -> Iterator[Finding]:
    """Buffers that a plain attribute refers to besides: `.to()` puts a new tensor into the buffer alone."""
    for own, row in anatomy.distinct.items():
        for name, buffer in own.special.aliases:
            holder = anatomy.things[row]
            cls = type(holder)
            if not is_users(cls) or not buffer.dim() or not _is_floating(buffer) or is_handled(cls, name):
                continue
            source = assignment(cls, name) or class_place(cls) or anatomy.place(row)
            path = f"{anatomy.path(row)}.{name}".removeprefix(".")
            kept = f"{path} refers to a buffer ({by(buffer.shape)}) from a plain attribute"
            message = f"{kept}: .to() gives the buffer a new tensor, and this keeps the old one"
            yield anatomy.finding("NN103", row, message, "look the buffer up by its name in forward", source, path)
