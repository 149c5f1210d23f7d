"""A program with one fault, beside the same program without it."""

from __future__ import annotations

from typing import NamedTuple

RUN_HEAD = """
import math
import warnings

import torch
from torch import nn
from torch.nn import functional as F

"""


class RunPair(NamedTuple):
    """One fault of a forward that runs, and the same program without it. Its line is marked `# <-` in the bad one."""

    id: str
    path: str
    name: str
    bad: str
    mended: str


def pair(id_: str, path: str, name: str, body: str, **both: tuple[str, str]) -> RunPair:
    """A program with places `@like_this@`, and what stands in each: first in the bad one, then in the mended one."""
    bad = mended = body
    for place, (wrong, right) in both.items():
        bad, mended = bad.replace(f"@{place}@", wrong), mended.replace(f"@{place}@", right)
    assert "@here@" not in bad
    return RunPair(id_, path, name, RUN_HEAD + bad, RUN_HEAD + mended)
