"""What a run saw of one layer, for its card: shapes, cost, and where the sizes of its input come from.

Shared by window and reports.
"""

from __future__ import annotations

from inspector.cards.explaining import Flow
from inspector.producers import origin
from inspector.run_rows import RunRows
from inspector.run_schema import CallRecord, InputSet


def flow_of(rows: RunRows, row: int) -> Flow | None:
    """The last call of the module at a row; None when there was none."""
    call = rows.last_call(row)
    record = rows.run.record(call) if call is not None else None
    if call is None or record is None:
        return None
    ran = rows.record
    counted = rows.run.flops[call] if ran is not None and ran.flops_by else None
    samples = _samples(ran.inputs, record) if ran is not None else None
    return Flow(record.inputs, record.outputs, origin(rows, call), samples, counted)


def _samples(inputs: InputSet, record: CallRecord) -> int | None:
    """The batch, where the layer's input begins with the axis that the model's inputs begin with."""
    batches = {value.shape[0] for argument in inputs.arguments for value in argument.values if value.shape}
    own = next((value.shape for value in record.inputs if value.shape), None)
    return own[0] if own is not None and batches == {own[0]} and len(own) > 1 else None
