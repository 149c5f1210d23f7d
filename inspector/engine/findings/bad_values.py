"""NN110: parameters and buffers with values that no model can use."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import plural
from inspector.engine.findings.value_sweep import NotFinite, Sweep, index_of, not_finite
from inspector.run_schema import Finding
from inspector.schema import Kind

_STATISTICS = ("running_mean", "running_var")
_MOST = 20
"""Findings of one kind; of a model that diverged every tensor would have one."""


def bad_values(anatomy: Anatomy, sweep: Sweep) -> Iterator[Finding]:
    """NaN, Inf and negative variances, each with how many and where the first one is."""
    found = [finding for index in range(len(sweep.rows)) if (finding := _of_one(anatomy, sweep, index)) is not None]
    yield from found[:_MOST]
    if len(found) > _MOST:
        rest = len(found) - _MOST
        what = "tensor" if rest == 1 else "tensors"
        yield anatomy.finding("NN110", 0, f"{rest:,} more {what} with values that are not finite")


def _of_one(anatomy: Anatomy, sweep: Sweep, index: int) -> Finding | None:
    row, total = sweep.rows[index], sweep.sums[index]
    name = anatomy.own_name(row)
    if not math.isfinite(total):
        bad = not_finite(sweep.tensors[index])
        if bad.count and not _is_meant(anatomy, row, name, bad, sweep.tensors[index].numel()):
            return _finding(anatomy, sweep, index, _what(bad), bad.first)
    if name == "running_var" and anatomy.kinds[row] == Kind.BUFFER:
        return _negative(anatomy, sweep, index)
    return None


def _is_meant(anatomy: Anatomy, row: int, name: str, bad: NotFinite, elements: int) -> bool:
    """Whether infinities are there on purpose: in a mask or a table of logarithms, and where a search begins."""
    if anatomy.kinds[row] != Kind.BUFFER or bad.nan or name in _STATISTICS:
        return False
    only_one_sign = not bad.positive or not bad.negative
    return (not bad.positive) or (only_one_sign and bad.count == elements)


def _what(bad: NotFinite) -> str:
    infinite = bad.positive + bad.negative
    return " and ".join(filter(None, (f"{bad.nan:,} NaN" if bad.nan else "", f"{infinite:,} Inf" if infinite else "")))


def _negative(anatomy: Anatomy, sweep: Sweep, index: int) -> Finding | None:
    tensor = sweep.tensors[index].detach()
    below = tensor < 0
    count = int(below.sum())
    if not count:
        return None
    first = int(below.flatten().to(torch.uint8).argmax())
    return _finding(anatomy, sweep, index, f"{count:,} negative", first)


def _finding(anatomy: Anatomy, sweep: Sweep, index: int, what: str, first: int | None) -> Finding:
    row, form = sweep.rows[index], sweep.forms[index]
    where = ""
    if first is not None and form.shape:
        where = f", first at [{', '.join(map(str, index_of(first, form.shape)))}]"
    kind = "parameter" if anatomy.kinds[row] == Kind.PARAMETER else "buffer"
    message = f"{kind} {anatomy.name(row)}: {what} of {plural(form.elements, 'value')}{where}"
    message += "; a variance cannot be" if "negative" in what else ""
    return anatomy.finding("NN110", row, message)
