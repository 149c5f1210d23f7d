"""A model with lazy layers, copied in its structure: the first run gives such layers their size, for good.

The copy has modules of its own and shares every tensor that has a size with the original, so it costs no memory. Lazy
tensors, and all that else hangs on a module, are copied: what a run does to those is not done to the user's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import parameter as torch_parameter
from torch.nn.parameter import is_lazy
from torch.utils._mode_utils import no_dispatch

from inspector.engine.failure import message_of, sendable
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


def copy_if_lazy(model: nn.Module, *, without_memory: bool = False) -> LazyCopy | None:
    """A copy of a model that a run would give its sizes; None of one that has all of them.

    With `without_memory` its lazy tensors get a size and no memory, for a dry run. Raises UncopyableError when the
    user's objects do not let themselves be copied.
    """
    lazy = lazy_layers(model)
    if not lazy:
        return None
    memo: dict[int, Any] = {}
    for tensor in (tensor for module in nn.Module.modules(model) for tensor in _tensors(module)):
        if not is_lazy(tensor):
            memo[id(tensor)] = tensor
        else:  # Not all of torch's lazy tensors can be copied by deepcopy.
            lazy_kind: Any = type(tensor)
            device = "meta" if without_memory else tensor.device
            memo[id(tensor)] = lazy_kind(requires_grad=tensor.requires_grad, device=device, dtype=tensor.dtype)
    try:
        copied = copy.deepcopy(model, memo)
    except Exception as error:
        why = sendable(f"{type(error).__name__}: {message_of(error)}")
        raise UncopyableError(
            f"a run would initialise its lazy layers, so it is run on a copy, and it cannot be copied: {why}"
        ) from error
    originals = {id(memo[id(module)]): module for module in nn.Module.modules(model) if id(module) in memo}
    what = "1 lazy layer" if len(lazy) == 1 else f"{len(lazy):,} lazy layers"
    return LazyCopy(copied, originals, f"run on a copy: {what} would have been initialised")


def lazy_layers(model: nn.Module) -> list[nn.Module]:
    """The modules that have a parameter or buffer without a size."""
    return [module for module in nn.Module.modules(model) if any(map(is_lazy, _tensors(module)))]


@contextmanager
def sizes_without_memory() -> Iterator[None]:
    """Let lazy tensors of the meta device get their size beside every mode: a fake tensor cannot become their data."""
    lazy_tensor: Any = vars(torch_parameter)["UninitializedTensorMixin"]
    original = lazy_tensor.materialize

    def materialize(self: Any, *args: Any, **kwargs: Any) -> None:
        with no_dispatch():
            original(self, *args, **kwargs)

    lazy_tensor.materialize = materialize
    try:
        yield
    finally:
        lazy_tensor.materialize = original


def _tensors(module: nn.Module) -> list[Tensor]:
    tables = (module._parameters, module._buffers)
    return [tensor for table in tables for tensor in table.values() if tensor is not None and is_a(tensor, Tensor)]
