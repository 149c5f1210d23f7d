"""torchinfo's familiar table, made without a run and inside the guard, with the exact numbers beside it.

torchinfo 1.8 is asked for nothing but the table of layers: with an input it would move the model, and set every module
to the mode of the root. Its table is as it has always been; where its totals are not those of `parameters()`, a note
says what is exact, and why. A model that it would take forever over is refused before it begins: it walks cycles
without end, copies the list of layers once for each layer, and sums up nested layers in steps that double with depth.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from inspector.engine.failure import message_of, sendable
from inspector.engine.guard import Guard
from inspector.engine.parameter_counts import CyclicError, Effort, ParameterCounts, counts_of, effort_of
from inspector.messages import Summarized

MOST = Effort(rows=20_000, steps=5_000_000)
"""What torchinfo can be given: some seconds of work."""


def summarize(model: nn.Module, depth: int) -> Summarized:
    """Make torchinfo's table down to this depth; without one, the notes say why. Never raises an Exception."""
    guard = Guard(model)
    try:
        text, notes = _table(model, depth)
    except Exception as error:
        text, notes = "", [f"torchinfo made no table: {type(error).__name__}: {message_of(error)}"]
    finally:
        guard.restore_modes()
    _, changes = guard.check()
    notes += [f"torchinfo, or code of the model that it ran, has changed the model: {change}" for change in changes]
    return Summarized(text=sendable(text), notes=tuple(map(sendable, notes)))


def _table(model: nn.Module, depth: int) -> tuple[str, list[str]]:
    if refusal := _refusal(model):
        return "", [refusal]
    try:
        import torchinfo
    except ImportError as error:
        return "", [f"torchinfo cannot be imported: {message_of(error)}. It is made by  pip install torchinfo numpy"]
    # Given the device, it does not look for a GPU; without an input, it moves nothing.
    statistics = torchinfo.summary(model, depth=depth, verbose=0, device="cpu", col_names=("num_params",))
    counted = statistics.total_params, statistics.trainable_params
    return str(statistics), list(_notes(counts_of(model), *counted))


def _refusal(model: nn.Module) -> str:
    try:
        effort = effort_of(model)
    except CyclicError as cycle:
        return f"torchinfo has no table for this model: {cycle} is registered below itself, and it would never end"
    if effort.rows > MOST.rows:
        return f"torchinfo has no table for this model: {effort.rows:,} rows, of which it can take {MOST.rows:,}"
    if effort.steps > MOST.steps:
        return "torchinfo has no table for this model: nested as deep as it is, its sums would take too many steps"
    return ""


def _notes(counts: ParameterCounts, parameters: int, trainable: int) -> Iterator[str]:
    causes = "".join(f"; {cause}" for cause in counts.causes())
    if parameters != counts.parameters:
        yield f"torchinfo counts {parameters:,} parameters, there are {counts.parameters:,}{causes}"
    if trainable != counts.trainable:
        again = "" if parameters != counts.parameters else causes
        yield f"torchinfo counts {trainable:,} trainable parameters, there are {counts.trainable:,}{again}"
    if counts.lazy:
        yield f"{counts.lazy:,} lazy parameters have no size yet and are not counted: {_some(counts.lazy_names)}"
    if counts.buffers:
        yield f"buffers are not in this table: {counts.buffers:,} elements"


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
