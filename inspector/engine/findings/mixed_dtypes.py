"""NN113: parameters of several floating dtypes."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import plural
from inspector.run_schema import Finding
from inspector.schema import Kind

_MIXED = 1
_FLOATING = ("float", "bfloat")


def mixed_dtypes(anatomy: Anatomy) -> Iterator[Finding]:
    """One finding at the first module that holds the dtype which fewest parameters have."""
    if anatomy.outline.dtype[0] != _MIXED:
        return
    found: dict[str, list[int]] = {}
    for row, _, form in anatomy.tensors():
        if anatomy.kinds[row] == Kind.PARAMETER and form.dtype.startswith(_FLOATING) and "8" not in form.dtype[:7]:
            found.setdefault(form.dtype, []).append(row)
    if len(found) < 2:
        return
    odd = min(found, key=lambda dtype: len(found[dtype]))
    modules = list(dict.fromkeys(map(anatomy.module_of, found[odd])))
    counts = ", ".join(f"{dtype} ({plural(len(rows), 'tensor')})" for dtype, rows in found.items())
    more = f" and {len(modules) - 1:,} more modules" if len(modules) > 1 else ""
    message = f"parameters of {len(found)} floating dtypes: {counts}; {odd}: {anatomy.name(modules[0])}{more}"
    yield anatomy.finding("NN113", modules[0], message)
