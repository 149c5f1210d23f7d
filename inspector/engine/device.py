"""Where the model is to live: whether that device is there, and how the model gets to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from inspector.engine.command import spell
from inspector.engine.failure import refuse
from inspector.messages import Load


def check(request: Load) -> None:
    """See that the device is there, before any time is spent. Raises LoadFailed.

    Of several GPUs the wanted one becomes the current one, so that a bare `.cuda()` in the user's code goes there too.
    """
    device = request.device
    if re.fullmatch(r"cpu|meta|cuda(:\d+)?", device) is None:
        raise refuse("target", "BadDevice", f"There is no device {device!r}: cpu, cuda, cuda:N or meta")
    if device.startswith("cuda"):
        _check_cuda(request, int(device.partition(":")[2] or 0))


def _check_cuda(request: Load, index: int) -> None:
    if not torch.cuda.is_available():
        raise refuse("target", "NoCuda", _why_no_cuda(), command=spell(request, device="cpu"))
    count = torch.cuda.device_count()
    if index >= count:
        indices = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise refuse("target", "NoCuda", f"There is no cuda:{index}: {count} visible here, {indices}")
    if index:
        torch.cuda.set_device(index)


def _why_no_cuda() -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return f"This PyTorch ({torch.__version__}) is built without CUDA"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    hidden = f": CUDA_VISIBLE_DEVICES is {visible!r}" if visible is not None else ", or its driver does not answer"
    return f"PyTorch finds no GPU here{hidden}"


def building(device: str) -> AbstractContextManager[object]:
    """The context to build in: on meta, tensors are made without memory."""
    return torch.device("meta") if device == "meta" else nullcontext()


def move(model: nn.Module, device: str) -> str:
    """Bring a built model to its device; returns what must be said of it."""
    if device == "meta":
        return _to_meta(model)
    if device.startswith("cuda"):
        model.to(device)
    return ""


def _to_meta(model: nn.Module) -> str:
    """Replace what still holds memory. Not by `.to("meta")`, which makes two parameters of one that is tied."""
    made: dict[int, torch.Tensor] = {}
    for tensors, name, tensor in _slots(model):
        if tensor.device.type != "meta":
            made.setdefault(id(tensor), _on_meta(tensor))
            tensors[name] = made[id(tensor)]
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            module._apply(lambda tensor: tensor)  # type: ignore[no-untyped-call] # It keeps a list of its weights beside them; this renews it.
    count = "1 tensor" if len(made) == 1 else f"{len(made)} tensors"
    return f"moved to meta after building: {count}" if made else ""


def _slots(model: nn.Module) -> Iterator[tuple[dict[str, torch.Tensor], str, torch.Tensor]]:
    for module in list(model.modules()):
        slots: list[Any] = [module._parameters, module._buffers]
        for tensors in slots:
            if not isinstance(tensors, dict):
                continue  # A ScriptModule keeps its tensors in C++.
            for name, tensor in list(tensors.items()):
                if isinstance(tensor, torch.Tensor) and not nn.parameter.is_lazy(tensor):
                    yield tensors, name, tensor


def _on_meta(tensor: torch.Tensor) -> torch.Tensor:
    moved = tensor.detach().to("meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(moved, requires_grad=tensor.requires_grad)
    return moved
