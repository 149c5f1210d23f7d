"""Forwards that ask whether a tensor is a fake one, to leave out what they could only ask of a real one.

Where the values are known the answer is no: then forward does in a dry run what it does in a real one. Where they are
not, the answer is the truth, and it is told that somebody asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch._subclasses
from torch._subclasses.fake_tensor import FakeTensor

ASKED = "forward asks whether its tensors have values, and may do something else in a real run"


class Question:
    """Whether somebody has been told that a tensor is fake."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Answer for torch's class where it stands for everybody; torch itself gets the truth, and takes it from
        elsewhere."""
        shown: Any = torch._subclasses
        before = shown.FakeTensor
        shown.FakeTensor = self._stand_in()
        try:
            yield
        finally:
            shown.FakeTensor = before

    def _stand_in(self) -> type:
        question = self

        class Answers(type):
            def __instancecheck__(cls, thing: object) -> bool:
                if not isinstance(thing, FakeTensor) or _is_torch(sys._getframe(1).f_globals):
                    return isinstance(thing, FakeTensor)
                if thing.constant is not None:
                    return False
                question.asked = True
                return True

            def __subclasscheck__(cls, kind: type) -> bool:
                return issubclass(kind, FakeTensor)

        return Answers("FakeTensor", (), {})


def _is_torch(names: dict[str, Any]) -> bool:
    return str(names.get("__name__", "")).split(".")[0] == "torch"
