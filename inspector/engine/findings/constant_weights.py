"""NN117: weights of layers that all hold one value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import nn

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.findings.value_sweep import Sweep
from inspector.engine.kinds import is_a
from inspector.run_schema import Finding
from inspector.schema import Kind

_LAYERS = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.Embedding, nn.EmbeddingBag)


def constant_weights(anatomy: Anatomy, sweep: Sweep) -> Iterator[Finding]:
    """One finding for layers that differ in nothing but their numbers in the path."""
    found: dict[tuple[str, float], list[int]] = {}
    for index, row in enumerate(sweep.rows):
        if sweep.constant[index] and _is_weight(anatomy, row):
            value = sweep.sums[index] / sweep.forms[index].elements
            found.setdefault((re.sub(r"\d+", "#", anatomy.path(row)), round(value, 6)), []).append(row)
    for (_, value), rows in found.items():
        more = f" (and {len(rows) - 1:,} more like it)" if len(rows) > 1 else ""
        what = "all zero" if value == 0 else f"all {value:.6g}"
        meant = "as in a layer that is to begin without effect" if value == 0 else "so its units begin equal"
        yield anatomy.finding("NN117", rows[0], f"{anatomy.name(rows[0])} is {what}, {meant}{more}")


def _is_weight(anatomy: Anatomy, row: int) -> bool:
    if anatomy.kinds[row] != Kind.PARAMETER:
        return False
    holder = anatomy.things[anatomy.parents[row]]
    return is_a(holder, *_LAYERS) and (holder._parameters or {}).get("weight") is anatomy.things[row]
