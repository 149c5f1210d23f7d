"""What is propagated back: the model's own loss, or a stand-in where it gives none.

The stand-in weights every element of the output with a fixed random number. A plain sum would not do: softmax and
LayerNorm give rows whose sum is a constant, so every gradient behind them would be zero by construction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from inspector.engine.backward.graph import reachable
from inspector.engine.failure import sendable
from inspector.engine.forward.flop_formulas import dense
from inspector.engine.forward.seeing import leaves
from inspector.gradient_schema import Objective

_LOSS = (".loss", '["loss"]', "['loss']")
_SMALLEST_HALF = 2.0**-9
"""A weight of float16 is never smaller, however large the output is: its gradient would be rounded to zero."""


@dataclass
class Chosen:
    """What is propagated, alive."""

    kind: Objective
    words: str
    outputs: list[Tensor] = field(default_factory=list)
    weights: list[Tensor | None] = field(default_factory=list)
    """The gradient that each of them starts with; None: 1."""
    paths: list[str] = field(default_factory=list)
    value: float | None = None

    def propagate(self) -> None:
        """Run backward. Raises whatever an operation raises."""
        torch.autograd.backward(self.outputs, self.weights)

    def let_go(self) -> None:
        """Hold no tensor any more, and with it no graph."""
        self.outputs, self.weights = [], []

    @property
    def roots(self) -> list[Any]:
        """The nodes at which backward begins."""
        return [output.grad_fn for output in self.outputs if output.grad_fn is not None]


def choose(result: Any, seed: int) -> Chosen:
    """What is propagated of a model's result; nothing, when no part of it carries a gradient."""
    with torch._C.DisableTorchFunctionSubclass():
        floating = [(path, tensor) for path, tensor, _ in leaves(result) if tensor is not None and _is_floating(tensor)]
        carrying = [(path, tensor) for path, tensor in floating if tensor.requires_grad and dense(tensor)]
    if not carrying:
        why = "the output carries no gradient" if floating else "the output holds no floating tensor"
        return Chosen("", f"{why}: there is nothing to propagate")
    named = [each for each in carrying if each[0] in _LOSS and each[1].dim() == 0]
    if named:
        return _of_losses(named)
    scalars = [each for each in carrying if each[1].dim() == 0]
    if len(scalars) == len(carrying) or (len(scalars) == 1 and _depends_on_all(scalars[0][1], carrying)):
        return _of_losses(scalars)
    return _projection(carrying, seed)


def _is_floating(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _depends_on_all(scalar: Tensor, carrying: Iterable[tuple[str, Tensor]]) -> bool:
    """Whether a scalar was computed from all other outputs, as the loss in `return logits, loss` is."""
    met = set(reachable([scalar.grad_fn]))
    return all(tensor.grad_fn in met for _, tensor in carrying)


def _of_losses(scalars: list[tuple[str, Tensor]]) -> Chosen:
    paths, outputs = [path for path, _ in scalars], [tensor for _, tensor in scalars]
    real = not any(tensor.is_complex() for tensor in outputs)
    value = sum(float(tensor.detach()) for tensor in outputs) if real else None
    weights: list[Tensor | None] = [None if real else torch.ones_like(tensor) for tensor in outputs]
    if len(outputs) == 1:
        words = f"the loss that the model gives{_named(paths[0])}"
        return Chosen("loss", words, outputs, weights, paths, value)
    words = f"the sum of the {len(outputs)} losses that the model gives"
    return Chosen("losses", words, outputs, weights, paths, value)


def _named(path: str) -> str:
    return f", output{sendable(path)}" if path else ""


def _projection(carrying: list[tuple[str, Tensor]], seed: int) -> Chosen:
    """Random weights of mean square 1 over the number of elements, the same for every run of one seed."""
    generator = torch.Generator(device="cpu").manual_seed(seed)
    weights: list[Tensor | None] = [_weights(tensor.detach(), generator) for _, tensor in carrying]
    what = "the output" if len(carrying) == 1 else f"the {len(carrying)} outputs"
    words = f"no loss in the model: gradients are those of a random projection of {what}"
    return Chosen("projection", words, [tensor for _, tensor in carrying], weights, [path for path, _ in carrying])


def _weights(output: Tensor, generator: torch.Generator) -> Tensor:
    dtype = torch.complex64 if output.is_complex() else torch.float32
    drawn = torch.randn(tuple(output.shape), generator=generator, dtype=dtype, device="cpu")
    square = float(drawn.abs().square().mean()) if drawn.numel() else 1.0
    share = 1 / max(drawn.numel(), 1)
    if output.dtype is torch.float16:
        share = max(share, _SMALLEST_HALF)
    scale: float = share / math.sqrt(max(square, 1e-12))
    weights: Tensor = (drawn * scale).to(device=output.device, dtype=output.dtype)
    return weights
