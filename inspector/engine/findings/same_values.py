"""NN115: separate weights that start identical."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import and_
from inspector.engine.findings.value_sweep import Sweep
from inspector.run_schema import Finding
from inspector.schema import Kind

_LISTED = 3
_SAMPLE = 64
_DISTINCT = 8
"""Different values among the sample from which on a weight looks drawn: identities and filters have few."""


def same_values(anatomy: Anatomy, sweep: Sweep) -> Iterator[Finding]:
    """Copies, each group told once at the highest modules that are copies of each other."""
    stems: dict[tuple[str, ...], list[list[int]]] = {}
    for group in _groups(anatomy, sweep):
        names = [anatomy.path(sweep.rows[index]) for index in group]
        stems.setdefault(_stems(names), []).append(group)
    for paths, groups in stems.items():
        row = _row_of(anatomy, sweep.rows[groups[0][0]], paths[0])
        count = len(groups)
        what = "weight holds" if count == 1 else f"{count:,} weights of each hold"
        message = f"{_listed(paths)} start identical (deep copies): {what} the same random values"
        yield anatomy.finding("NN115", row, message, "initialise each anew, if that was not meant")


def _groups(anatomy: Anatomy, sweep: Sweep) -> Iterator[list[int]]:
    """Parameters that are trained, have random values, and are equal; at least two of each."""
    known: dict[tuple[object, ...], list[int]] = {}
    for index, (form, total) in enumerate(zip(sweep.forms, sweep.sums, strict=True)):
        is_weight = form.requires_grad and form.plain and len(form.shape or ()) > 1
        if is_weight and math.isfinite(total) and total and anatomy.kinds[sweep.rows[index]] == Kind.PARAMETER:
            known.setdefault((form.shape, form.dtype, form.device, total), []).append(index)
    for candidates in known.values():
        if len(candidates) > 1 and _is_random(sweep.tensors[candidates[0]]):
            first = sweep.tensors[candidates[0]]
            equal = [index for index in candidates[1:] if _is_a_copy(first, sweep.tensors[index])]
            if equal:
                yield [candidates[0], *equal]


def _is_random(tensor: Tensor) -> bool:
    sample = tensor.detach().flatten()[:_SAMPLE].tolist()
    return len(set(sample)) >= min(_DISTINCT, len(sample)) > 1


def _is_a_copy(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors with memory of their own hold the same."""
    apart = one.untyped_storage()._cdata != other.untyped_storage()._cdata
    return apart and torch.equal(one.detach(), other.detach())


def _stems(paths: list[str]) -> tuple[str, ...]:
    """The paths without what they have in common at their ends: layers.0.fc.weight, layers.1.fc.weight → layers.0, …"""
    parts = [path.split(".") for path in paths]
    while min(map(len, parts)) > 1 and len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    return tuple(".".join(part) for part in parts)


def _row_of(anatomy: Anatomy, row: int, path: str) -> int:
    """The row with this path, at or above a row."""
    while anatomy.path(row) != path and row:
        row = anatomy.parents[row]
    return row


def _listed(paths: tuple[str, ...]) -> str:
    ends = [path.rpartition(".") for path in paths]
    numbered = all(end.isdigit() for _, _, end in ends) and len({head for head, _, _ in ends}) == 1
    if len(paths) > 2 and numbered:
        numbers = [int(end) for _, _, end in ends]
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return f"{paths[0]} to {paths[-1]}"
    rest = [f"{len(paths) - _LISTED:,} more"] if len(paths) > _LISTED else []
    return and_([*paths[:_LISTED], *rest])
