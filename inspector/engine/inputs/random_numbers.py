"""The process's random numbers: lent to code that draws from them without naming a generator, and put back."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Every global generator begins at the seed, and goes on afterwards as if nothing had been drawn."""
    numpy_random = sys.modules.get("numpy.random")
    before = torch.default_generator.get_state(), random.getstate()
    numpy_before = numpy_random.get_state() if numpy_random else None
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    if numpy_random:
        numpy_random.seed(seed % 2**32)
    if cuda:
        torch.cuda.manual_seed_all(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before[0])
        random.setstate(before[1])
        if numpy_random:
            numpy_random.set_state(numpy_before)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
