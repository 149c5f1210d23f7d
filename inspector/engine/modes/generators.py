"""The process's generators of random numbers as they stand, put back: so two calls draw the same numbers."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from inspector.engine.forward.conditions import reseed


class Generators:
    """The states of all generators that somebody may draw from without naming them."""

    def __init__(self) -> None:
        self._torch = torch.default_generator.get_state()
        self._python = random.getstate()
        numpy_random = sys.modules.get("numpy.random")
        self._numpy: Any = numpy_random.get_state() if numpy_random else None
        opened = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        self._cuda = [generator.get_state() for generator in torch.cuda.default_generators] if opened else []

    def put_back(self) -> None:
        """Let them give the same numbers again."""
        torch.default_generator.set_state(self._torch)
        random.setstate(self._python)
        if self._numpy is not None:
            sys.modules["numpy.random"].set_state(self._numpy)
        for generator, state in zip(torch.cuda.default_generators, self._cuda, strict=False):
            generator.set_state(state)

    def drawn_from(self) -> bool:
        """Whether any of them has given a number since."""
        now = Generators()
        if not torch.equal(now._torch, self._torch) or now._python != self._python:
            return True
        if _bytes_of(now._numpy) != _bytes_of(self._numpy):
            return True
        return any(not torch.equal(one, other) for one, other in zip(now._cuda, self._cuda, strict=False))


def _bytes_of(state: Any) -> list[Any]:
    """A state of NumPy's, as it can be compared."""
    return [part.tobytes() if hasattr(part, "tobytes") else part for part in state or ()]


def seeded(seed: int) -> Generators:
    """The states after seeding with a number; the generators stay as they are."""
    with put_back():
        reseed(seed)
        return Generators()


@contextmanager
def put_back() -> Iterator[None]:
    """Whatever is drawn meanwhile is drawn again afterwards."""
    before = Generators()
    try:
        yield
    finally:
        before.put_back()
