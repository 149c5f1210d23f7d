"""The graph of a backward pass: its nodes, and which call of the forward made each.

Every thread counts the nodes that it makes (`sequence number`). Whoever notes the count whenever a call begins or
returns knows afterwards the innermost call that made a node, without having held one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import torch

from inspector.engine.forward.calls import Call
from inspector.engine.forward.observation import Returned

_LEAF = "AccumulateGrad"


def reachable(roots: Iterable[Any]) -> list[Any]:
    """Every node that backward from these roots runs through, the roots first; parameters' own nodes too."""
    found = list(dict.fromkeys(root for root in roots if root is not None))
    met = set(found)
    for node in found:  # which grows
        for next_node, _ in node.next_functions:
            if next_node is not None and next_node not in met:
                met.add(next_node)
                found.append(next_node)
    return found


def is_leaf(node: Any) -> bool:
    """Whether a node only puts a gradient into `.grad`."""
    return _LEAF in node.name()


def operation_of(node: Any) -> str:
    """What a node is the derivative of: `sigmoid` for SigmoidBackward0."""
    name: str = node.name().rpartition("::")[2]
    words = name.removesuffix("Backward").rstrip("0123456789").removesuffix("Backward")
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(words))


class Origins:
    """Which call made a node: an observer of every call."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._calls: list[int] = []

    def heeds(self, call: Call) -> bool:
        return True

    def begins(self, call: Call) -> None:
        """A module is about to be called: what was made until now belongs to the call around it."""
        if call.parent is not None:
            self._note(call.parent.index)

    def watch(self, returned: Returned) -> None:
        """What was made since the last note belongs to the call that has returned."""
        self._note(returned.call.index)

    def _note(self, index: int) -> None:
        now = count()
        if now > (self._ends[-1] if self._ends else -1):
            self._ends.append(now)
            self._calls.append(index)

    def of(self, node: Any) -> int | None:
        """The index of the call that made a node; None of one that nobody saw made."""
        return self.of_number(node._sequence_nr())

    def of_number(self, number: int) -> int | None:
        """The same of a node by its number."""
        place = bisect_right(self._ends, number)
        return self._calls[place] if place < len(self._calls) else None


def count() -> int:
    """Nodes that this thread has made until now."""
    return int(torch._C._autograd._get_sequence_nr())
