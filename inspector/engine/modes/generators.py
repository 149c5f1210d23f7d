"""The process's generators of random numbers as they stand, put back: so two calls draw the same numbers."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


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


@contextmanager
def put_back() -> Iterator[None]:
    """Whatever is drawn meanwhile is drawn again afterwards."""
    before = Generators()
    try:
        yield
    finally:
        before.put_back()
