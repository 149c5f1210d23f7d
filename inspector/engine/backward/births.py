"""Where a gradient stops being finite: at every node of the graph, what came in beside what went out.

Watched only in a second pass, when some parameter has a gradient that is not finite.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from inspector.engine.backward.graph import Origins, is_leaf, operation_of, reachable

_SAVED = "_saved_"
_SINGULAR = ("other", "self", "result")
"""The names of what a root, a logarithm, a power or a quotient saves: the divisor first."""


class Birth(NamedTuple):
    """A node that got finite gradients and gave others."""

    call: int | None
    """Which call of the forward made it."""
    operation: str
    nan: int
    infinite: int
    elements: int
    """Of the gradients that are not finite."""
    zeros: tuple[tuple[str, int], ...] = ()
    """Where zeros are among what it had saved: (its name, how many)."""
    overflown: tuple[str, ...] = ()
    """What of that is not finite: then the fault is in forward already."""
    unheeded: bool = False
    """Whether the gradient that came in was exactly 0 wherever what went out is not finite."""


class Births:
    """Hooks on all nodes of a graph, as long as backward goes through it."""

    def __init__(self) -> None:
        self.found: list[Birth] = []
        """The nearest to the output first."""
        self._nodes: list[Any] = []
        self._handles: list[Any] = []
        self._origins: Origins | None = None

    def watch(self, roots: list[Any], origins: Origins) -> None:
        """Hang the hooks."""
        self._origins = origins
        self._nodes = [node for node in reachable(roots) if not is_leaf(node)]
        self._handles = [node.register_hook(partial(self._see, index)) for index, node in enumerate(self._nodes)]

    def let_go(self) -> None:
        """Take the hooks away. They and the nodes hold each other: to be called however backward ended."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._nodes = [], []

    def _see(self, index: int, given: Any, got: Any) -> None:
        with torch.no_grad(), torch._C.DisableTorchFunction():
            bad = [each for each in given if isinstance(each, Tensor) and not is_finite(each)]
            came = [each for each in got if isinstance(each, Tensor)]
            if bad and all(map(is_finite, came)) and self._origins is not None:
                node = self._nodes[index]
                self.found.append(_birth(node, self._origins.of(node), bad, came))


def _birth(node: Any, call: int | None, bad: list[Tensor], came: list[Tensor]) -> Birth:
    saved = _saved_by(node)
    zeros = [(name, int((saved[name] == 0).sum())) for name in _SINGULAR if name in saved]
    return Birth(
        call,
        operation_of(node),
        sum(int(values_of(each).isnan().sum()) for each in bad),
        sum(int(values_of(each).isinf().sum()) for each in bad),
        sum(each.numel() for each in bad),
        tuple((name, number) for name, number in zeros if number),
        tuple(name for name, value in saved.items() if not is_finite(value)),
        any(each.shape == one.shape and bool((one[~each.isfinite()] == 0).all()) for each in bad for one in came),
    )


def _saved_by(node: Any) -> dict[str, Tensor]:
    """The floating tensors that a node has saved, by their names."""
    found = {}
    for name in dir(node):
        if not name.startswith(_SAVED):
            continue
        try:
            value = getattr(node, name)
        except RuntimeError:  # It has let go of them.
            continue
        if isinstance(value, Tensor) and value.is_floating_point():
            found[name.removeprefix(_SAVED)] = value
    return found


def is_finite(tensor: Tensor) -> bool:
    """Whether every value is; of a sparse tensor those that are there."""
    return bool(values_of(tensor).isfinite().all())


def values_of(tensor: Tensor) -> Tensor:
    """The values of a tensor; of a sparse one those that are there."""
    return tensor.coalesce().values() if tensor.is_sparse else tensor
