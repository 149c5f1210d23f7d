"""A model with lazy layers, copied in its structure: the first run gives such layers their size, for good.

The copy has modules of its own and shares every tensor that has a size with the original, so it costs no memory. Lazy
tensors, and all that else hangs on a module, are copied: what a run does to those is not done to the user's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from inspector.engine.kinds import is_a


class LazyCopy(NamedTuple):
    """A copy that may be run."""

    model: nn.Module
    originals: dict[int, nn.Module]
    """The module that each module of the copy stands for, by the identity of the copy's."""
    note: str
    """What must be said of it: `run on a copy: 3 lazy layers would have been initialised`."""

    def row_of(self, row_of: Callable[[nn.Module], int | None]) -> Callable[[nn.Module], int | None]:
        """The same function for the modules of the copy."""
        return lambda module: row_of(self.originals.get(id(module), module))


class UncopyableError(Exception):
    """A model with lazy layers could not be copied; its message says why, and it must not be run itself."""


def copy_if_lazy(model: nn.Module) -> LazyCopy | None:
    """A copy of a model that a run would give its sizes; None of one that has all of them.

    Raises UncopyableError when the user's objects do not let themselves be copied.
    """
    lazy = lazy_layers(model)
    if not lazy:
        return None
    memo: dict[int, Any] = {id(tensor): tensor for tensor in _settled(model)}
    try:
        copied = copy.deepcopy(model, memo)
    except Exception as error:
        raise UncopyableError(
            f"its lazy layers would be initialised by a run, and it cannot be copied: {type(error).__name__}: {error}"
        ) from error
    originals = {id(memo[id(module)]): module for module in nn.Module.modules(model) if id(module) in memo}
    what = "1 lazy layer" if len(lazy) == 1 else f"{len(lazy):,} lazy layers"
    return LazyCopy(copied, originals, f"run on a copy: {what} would have been initialised")


def lazy_layers(model: nn.Module) -> list[nn.Module]:
    """The modules that have a parameter or buffer without a size."""
    return [module for module in nn.Module.modules(model) if any(map(is_lazy, _tensors(module)))]


def _settled(model: nn.Module) -> list[Tensor]:
    return [t for module in nn.Module.modules(model) for t in _tensors(module) if not is_lazy(t)]


def _tensors(module: nn.Module) -> list[Tensor]:
    tables = (module._parameters, module._buffers)
    return [tensor for table in tables for tensor in table.values() if tensor is not None and is_a(tensor, Tensor)]
