"""NN111: layers whose sizes nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.phrases import plural
from inspector.run_schema import Finding


def lazy_parameters(anatomy: Anatomy) -> Iterator[Finding]:
    """All of them in one finding, at the first."""
    if not anatomy.outline.totals.lazy:
        return
    rows = anatomy.rows_of(own for own in anatomy.distinct if own.body.lazy)
    if rows:
        more = f" (first {anatomy.name(rows[0])})" if len(rows) > 1 else f" ({anatomy.name(rows[0])})"
        message = f"{plural(len(rows), 'lazy layer')}: sizes are known after the first run{more}"
        yield anatomy.finding("NN111", rows[0], message)
