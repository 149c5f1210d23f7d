"""The JSON document, schema nn-inspect/1: everything that is known, also when something failed, as far as it got."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from inspector.checkpoint_schema import CheckpointComparison
from inspector.format import literal
from inspector.gradient_rows import GradientRows
from inspector.mode_rows import ModeRows
from inspector.reports import json_checkpoint, json_gradients, json_modes, json_run
from inspector.reports.json_run import Fields
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet, RunRecord
from inspector.schema import SCHEMA, Failure, Flag, GhostRow, Kind, ModuleRow, Target, TensorRow
from inspector.table import ModelTable


def write(
    *,
    tool: Fields,
    asked: str,
    target: Target | None,
    table: ModelTable | None,
    failure: Failure | None,
    printed: tuple[str, str, int],
    inputs: InputSet | None = None,
    run: RunRecord | None = None,
    rows: RunRows | None = None,
    modes: ModeRows | None = None,
    checkpoint: CheckpointComparison | None = None,
    gradients: GradientRows | None = None,
    findings: Iterable[Finding] = (),
) -> str:
    """One document; `asked` is the target as typed, `printed` is stdout, stderr and the bytes that were lost.

    `rows` are those of the `run`, where its calls are known, `modes` those of train against eval, and `gradients` those
    of a backward pass. A forward or backward that failed is the document's error, unless its inputs were guessed: the
    guess may be what is wrong.
    """
    later = (modes.comparison if modes is not None else None, gradients.record if gradients is not None else None)
    for ran in (run, *later):
        if failure is None and ran is not None and ran.inputs.origin != "guessed":
            failure = ran.failure
    document: Fields = {
        "schema": SCHEMA,
        "tool": tool,
        "target": _target(asked, target),
        "error": None if failure is None else _error(failure),
        "modules": list(_modules(table, rows)) if table else [],
        "parameters": list(_tensors(table, Kind.PARAMETER)) if table else [],
        "buffers": list(_tensors(table, Kind.BUFFER)) if table else [],
        "unregistered": list(_unregistered(table, rows)) if table else [],
        "totals": _totals(table, run) if table else None,
        "inputs": json_run.inputs(inputs),
        "run": None if run is None else json_run.run(run, rows),
        "comparison": None if modes is None else json_modes.comparison(modes),
        "checkpoint": json_checkpoint.checkpoint(checkpoint),
        "backward": None if gradients is None else json_gradients.backward(gradients),
        "findings": [json_run.finding(found) for found in findings],
        "printed": {
            "stdout": literal(printed[0], lines=True),
            "stderr": literal(printed[1], lines=True),
            "dropped_bytes": printed[2],
        },
    }
    return msgspec.json.format(msgspec.json.encode(finite(document)), indent=2).decode() + "\n"


def finite(value: Any) -> Any:
    """The same data with "nan", "inf" and "-inf" where JSON has no number."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _target(asked: str, target: Target | None) -> Fields:
    if target is None:
        return {"file": literal(asked), "name": None, "line": None, "call": None}
    return {
        "file": literal(target.file),
        "name": literal(target.name),
        "line": target.line,
        "call": literal(target.call),
        "device": target.device,
        "chosen": literal(target.chosen),
    }


def _error(failure: Failure) -> Fields:
    return {
        "stage": failure.stage,
        "type": literal(failure.type),
        "message": literal(failure.message, lines=True),
        "source": json_run.source(failure.source),
        "mend": literal(failure.mend, lines=True),
        "candidates": [{"name": literal(c.name), "kind": c.kind, "line": c.line} for c in failure.candidates],
        "arguments": [json_run.argument(a) for a in failure.arguments],
        "command": literal(failure.command),
        "traceback": literal(failure.traceback, lines=True),
    }


def _modules(table: ModelTable, rows: RunRows | None) -> Iterator[Fields]:
    for row in range(table.count):
        record = table.row(row)
        if not table.is_module(row) or not isinstance(record, ModuleRow):
            continue
        kind = table.type(row)
        yield {
            "path": literal(table.path(row)),
            "type": literal(kind.name),
            "qualified_type": literal(kind.qualified),
            "training": table.has(row, Flag.TRAINING),
            "source": json_run.source(kind.source),
            "extra_repr": literal(record.extra_repr, lines=True),
            "parameters": table.elements[row],
            "own_parameters": record.own_parameters,
            "trainable": table.trainable[row],
            "buffers": table.buffers[row],
            "bytes": table.held[row],
            "same_as": None if record.same_as is None else literal(table.path(record.same_as)),
            "lazy": table.has(row, Flag.LAZY),
            "wraps": literal(record.wraps),
            "hooks": [literal(hook) for hook in record.hooks],
            **(json_run.of_module(rows, row) if rows is not None else json_run.UNKNOWN),
        }


def _tensors(table: ModelTable, kind: Kind) -> Iterator[Fields]:
    for row in range(table.count):
        record = table.row(row) if table.kinds[row] == kind else None
        if not isinstance(record, TensorRow):
            continue
        fields: Fields = {
            "path": literal(table.path(row)),
            "shape": None if record.shape is None else list(record.shape),
            "dtype": literal(record.dtype),
            "device": literal(record.device),
            "requires_grad": record.requires_grad,
            "elements": None if record.lazy else record.elements,
            "bytes": None if record.lazy else record.bytes,
            "tied_to": None if record.tied_to is None else literal(table.path(record.tied_to)),
            "shares_memory_of": literal(record.shares) or None,
            "layout": literal(record.layout) or "strided",
            "lazy": record.lazy,
        }
        if kind is Kind.BUFFER:
            fields["persistent"] = record.persistent
        yield fields


def _unregistered(table: ModelTable, rows: RunRows | None) -> Iterator[Fields]:
    for row in range(table.count):
        record = table.row(row) if table.kinds[row] == Kind.GHOST else None
        if isinstance(record, GhostRow):
            yield {
                "path": literal(table.path(row)),
                "type": literal(record.type),
                "container": literal(record.container),
                "holds": record.holds,
                "elements": record.elements,
                "calls": None if rows is None else rows.calls(row),
            }


def _totals(table: ModelTable, run: RunRecord | None) -> Fields:
    totals = table.totals
    return {
        "modules": totals.modules,
        "parameters": totals.parameters,
        "trainable": totals.trainable,
        "buffers": totals.buffers,
        "bytes": totals.bytes,
        "lazy": totals.lazy,
        "allocated": totals.allocated,
        "flops": run.flops if run is not None and run.flops_by else None,
        "uncounted": {literal(name): times for name, times in run.uncounted} if run is not None else {},
    }
