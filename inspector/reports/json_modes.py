"""Train against eval in the JSON document: every call of a module in both modes, and where the difference starts."""

from __future__ import annotations

import msgspec

from inspector.format import literal
from inspector.mode_rows import ModeRows
from inspector.mode_schema import Channel, DropoutMeasured, ModeDifference, NormMeasured, OutputDifference
from inspector.reports import json_run
from inspector.reports.json_run import TRACE_CALLS, Fields


def comparison(rows: ModeRows) -> Fields:
    """What came of it; of one in which forward raised: in which mode, and nothing compared."""
    found = rows.comparison
    differences = found.differences
    return {
        "seed": found.seed,
        "device": literal(found.device),
        "seconds": found.seconds,
        "failed_in": found.failed_in or None,
        "sources": [{"path": literal(rows.table.path(one.row)), "call": one.number} for one in rows.sources()],
        "calls": [_call(rows, one) for one in differences[:TRACE_CALLS]],
        "calls_left_out": max(0, len(differences) - TRACE_CALLS),
        "outputs": [_output(output) for output in found.outputs],
        "warnings": [json_run.warning(each) for each in found.warnings],
        "notes": [literal(note, lines=True) for note in found.notes],
        "guard": literal(found.guard),
        "changed": [literal(change, lines=True) for change in found.changed],
    }


def _call(rows: ModeRows, found: ModeDifference) -> Fields:
    return {
        "path": literal(rows.table.path(found.row)),
        "call": found.number,
        "role": found.role,
        "difference": found.difference,
        "largest": found.largest,
        "noise_eval": found.noise_eval,
        "noise_train": found.noise_train,
        "own": found.own,
        "sampled": found.sampled,
        "shape": None if found.shape is None else list(found.shape),
        "reason": literal(found.reason, lines=True),
        "note": literal(found.note, lines=True),
        "source": json_run.source(found.source),
        "looks": json_run.source(found.looks),
        "norm": None if found.norm is None else _norm(found.norm),
        "dropout": None if found.dropout is None else _dropout(found.dropout),
    }


def _norm(measured: NormMeasured) -> Fields:
    """The channels as columns: one entry of each belongs together."""
    fields = msgspec.structs.asdict(measured)
    names = Channel.__struct_fields__
    return {**fields, "channels": {name: [getattr(one, name) for one in measured.channels] for name in names}}


def _dropout(measured: DropoutMeasured) -> Fields:
    return msgspec.structs.asdict(measured)


def _output(output: OutputDifference) -> Fields:
    return {**msgspec.structs.asdict(output), "path": literal(output.path), "shape": list(output.shape)}
