"""Watches the operations of a run where they reach torch's dispatcher: below autograd, above the kernels."""

from __future__ import annotations

from typing import Any, Protocol

from torch.utils._python_dispatch import TorchDispatchMode

from inspector.engine.forward.flop_formulas import dense
from inspector.engine.forward.flops import Cost, cost_of


class Watcher(Protocol):
    """Who is told of every operation that has run."""

    def see(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """An operation has run."""


class Dispatching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While entered, watchers are told of every operation, of real tensors as of fake ones."""

    supports_higher_order_operators = True

    def __init__(self, *watchers: Watcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._watchers = watchers

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to wrap every dispatch for a compiler that nobody asked for, torch would import that compiler."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if cost_of(func) is Cost.PARTS and dense(*args):
            # Seldom: in inference mode nobody has taken it apart before. What a nested tensor does, it does itself.
            with self:
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        for watcher in self._watchers:
            watcher.see(func, args, kwargs, out)
        return out
