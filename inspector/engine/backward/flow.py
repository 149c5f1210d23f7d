"""The gradient with respect to what each layer with weights gives, measured as it passes by."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned
from inspector.engine.source_files import attributes
from inspector.run_schema import CallKind


class Flow:
    """An observer of the calls that have weights; it hangs a hook on what they give, which changes nothing."""

    def __init__(self) -> None:
        self.norms: dict[int, float] = {}
        """Euclidean norm by the index of the call; NaN where a value is not finite."""
        self.notes: dict[str, None] = {}
        """What could not be measured."""

    def heeds(self, call: Call) -> bool:
        return call.kind == CallKind.OPERATION or has_weights(call.module)

    def watch(self, returned: Returned) -> None:
        call = returned.call
        if call.kind == CallKind.OPERATION and not any(_is_weight(tensor) for tensor, _ in returned.given):
            return
        output = next((each for each in returned.outputs() if each.is_floating_point()), None)
        if output is not None and output.requires_grad and not output.is_leaf:
            hang: Any = output.register_hook
            hang(partial(self._measure, call.index))

    def _measure(self, index: int, gradient: Tensor) -> None:
        try:
            self.norms[index] = norm_of(gradient)
        except Exception as error:  # It must not reach the user's backward: this layer is not measured, that is all.
            self.notes[f"the gradient of some layers could not be read: {type(error).__name__}"] = None


def norm_of(gradient: Tensor) -> float:
    """Euclidean norm, added up in float64; NaN where a value is not finite."""
    with torch.no_grad(), torch._C.DisableTorchFunction():
        dtype = torch.complex128 if gradient.is_complex() else torch.float64
        norm = float(torch.linalg.vector_norm(gradient.detach(), dtype=dtype))
    return norm if norm < float("inf") else float("nan")


def has_weights(module: nn.Module) -> bool:
    """Whether a module multiplies by a matrix of its own: not a norm's scale, nor a bias."""
    own = (attributes(module).get("_parameters") or {}).values()
    return any(each is not None and not _is_lazy(each) and each.dim() >= 2 for each in own)


def _is_weight(tensor: Tensor) -> bool:
    return type(tensor) is nn.Parameter and tensor.dim() >= 2


def _is_lazy(tensor: Tensor) -> bool:
    return torch.nn.parameter.is_lazy(tensor)
