"""Where the sizes of a tensor come from: the calls that made it, one after another, back to the model's own input.

`576 = 16·6·6 of max_pool2d, flattened at :22` answers why a layer has the width that it has, and
`1×32×32 → conv1 6×28×28 → max_pool2d 6×14×14 → …` how those numbers came about.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from inspector.format import literal, shape
from inspector.run_rows import RunRows
from inspector.run_schema import Seen
from inspector.run_table import RunTable
from inspector.schema import Source

REARRANGING = frozenset((
    "view", "flatten", "reshape", "ravel", "unflatten", "permute", "transpose", "swapaxes", "swapdims",
    "movedim", "moveaxis", "squeeze", "unsqueeze", "contiguous", "t", "T", "mT", "view_as", "reshape_as",
    "Flatten", "Unflatten",
))  # fmt: skip
"""Functions and modules after which the values are the same in another order or shape."""
_VERBS = {"permute": "permuted", "transpose": "transposed", "unsqueeze": "unsqueezed", "squeeze": "squeezed"}
MOST_STEPS = 6
"""Changes of shape that are told, the latest ones."""
_FARTHEST = 1000
"""Calls that are followed back."""


class Step(NamedTuple):
    """A call that a tensor went through."""

    call: int
    before: tuple[int, ...]
    """The shape of its first tensor."""
    after: tuple[int, ...]
    source: Source | None


def steps_back(run: RunTable, seen: Seen) -> list[Step]:
    """The calls that a tensor came from, the latest first: of each call the first tensor that went in is followed.

    It ends where a tensor came from outside the run, or where a record has not arrived.
    """
    found: list[Step] = []
    while 0 <= seen.maker < run.count and seen.shape is not None and len(found) < _FARTHEST:
        record = run.record(seen.maker)
        source = next((value for value in record.inputs if value.shape is not None), None) if record else None
        if record is None or source is None or source.shape is None:
            break
        if found and source.maker >= found[-1].call:  # a loop in what was recorded would never end
            break
        found.append(Step(seen.maker, source.shape, seen.shape, record.source))
        seen = source
    return found


def origin(flow: RunRows, call: int) -> tuple[str, ...]:
    """Where the first tensor that went into a call comes from; nothing when that is not known."""
    record = flow.run.record(call)
    seen = next((value for value in record.inputs if value.shape is not None), None) if record is not None else None
    return told(flow, seen) if seen is not None else ()


def told(flow: RunRows, seen: Seen) -> tuple[str, ...]:
    """In at most two lines: what the last axis is made of, and the way of the sizes. Nothing when there is none."""
    steps = steps_back(flow.run, seen)
    return tuple(line for line in (_made_of(flow, steps, seen), _way(flow, steps)) if line)


def _made_of(flow: RunRows, steps: list[Step], seen: Seen) -> str:
    """`576 = 16·6·6 of max_pool2d, flattened at :22`; empty when nothing was flattened."""
    turned = 0
    while turned < len(steps) and _kind(flow, steps[turned].call) in REARRANGING:
        turned += 1
    if not turned or not seen.shape:
        return ""
    before, number = steps[turned - 1].before, seen.shape[-1]
    factors = next((before[at:] for at in range(1, len(before) - 1) if prod(before[at:]) == number), ())
    if not factors:
        return ""
    changed = next(step for step in steps if step.before != step.after or step is steps[turned - 1])
    maker = _name(flow, steps[turned].call) if turned < len(steps) else "the input"
    line = f" at :{changed.source.line}" if changed.source is not None else ""
    return f"{number} = {'·'.join(map(str, factors))} of {maker}, {_verb(flow, changed)}{line}"


def _verb(flow: RunRows, step: Step) -> str:
    return _VERBS.get(_kind(flow, step.call), "flattened" if len(step.after) < len(step.before) else "reshaped")


def _way(flow: RunRows, steps: list[Step]) -> str:
    """`1×32×32 → conv1 6×28×28 → max_pool2d 6×14×14`, of each sample when all have the same number of them."""
    changes = [step for step in steps if step.before != step.after][:MOST_STEPS][::-1]
    if not changes:
        return ""
    sizes = [changes[0].before, *(step.after for step in changes)]
    each = all(len(size) > 1 and size[0] == sizes[0][0] for size in sizes)
    first, *rest = (shape(size[1:] if each else size) for size in sizes)
    way = " → ".join((first, *(f"{_name(flow, step.call)} {size}" for step, size in zip(changes, rest, strict=True))))
    return f"each sample: {way}" if each else way


def _name(flow: RunRows, call: int) -> str:
    """`conv2`, `max_pool2d`: a module by its path, a function by its own name."""
    run = flow.run
    return literal(flow.table.short_path(run.row[call]) or "the model" if run.is_module(call) else bare(run.name(call)))


def _kind(flow: RunRows, call: int) -> str:
    """What is done in a call: the class of the module, or the name of the function."""
    run = flow.run
    return flow.table.type(run.row[call]).name if run.is_module(call) else bare(run.name(call))


def bare(name: str) -> str:
    """`F.max_pool2d`, `torch.flatten`, `relu_` without what stands around the name."""
    return name.rpartition(".")[2].strip("_") or name
