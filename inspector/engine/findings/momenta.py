"""NN109: norm layers whose momentum is that of another framework."""

from __future__ import annotations

from collections.abc import Iterator

from torch.nn.modules.batchnorm import _NormBase

from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.kinds import is_a
from inspector.engine.source_files import attributes
from inspector.run_schema import Finding
from inspector.schema import Kind

LARGE = 0.5


def momenta(anatomy: Anatomy) -> Iterator[Finding]:
    """Norms that keep running statistics of little but the last batch, one finding for each momentum."""
    owns = [own for own, row in anatomy.distinct.items() if is_a(anatomy.things[row], _NormBase)]
    found: dict[float, list[int]] = {}
    for row in anatomy.rows_of([own for own in owns if _momentum(anatomy, anatomy.distinct[own]) > LARGE]):
        found.setdefault(_momentum(anatomy, row), []).append(row)
    for momentum, rows in found.items():
        more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
        kept = f"{1 - momentum:.4g}*old + {momentum:.4g}*batch"
        message = f"{anatomy.name(rows[0])}: momentum {momentum:.4g}: new = {kept}{more}"
        other = f"copied from another framework? Its {momentum:.4g} is momentum={1 - momentum:.4g} here"
        yield anatomy.finding("NN109", rows[0], message, other if momentum < 1 else "momentum=0.1 is the default")


def _momentum(anatomy: Anatomy, row: int) -> float:
    """The weight of the new batch; 0 where there are no running statistics, or a plain average."""
    module = anatomy.things[row]
    mine = attributes(module)
    momentum = mine.get("momentum")
    tracked = (mine.get("_buffers") or {}).get("running_mean") is not None
    is_number = type(momentum) in (int, float)
    return float(momentum or 0) if tracked and is_number and anatomy.kinds[row] == Kind.MODULE else 0.0
