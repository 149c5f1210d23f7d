"""What a run saw of one layer, for its card: shapes, cost, and where the sizes of its input come from.

Shared by window and reports.
"""

from __future__ import annotations

import math

from inspector.cards.explaining import Flow
from inspector.format import literal, shape
from inspector.run_rows import RunRows
from inspector.run_schema import CallRecord, InputSet, Seen

_FLATTENING = ("flatten", "view", "reshape", "ravel")
_LONGEST = 6
"""Steps that only arrange values, followed back to who made them."""


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


def origin(flow: RunRows, call: int) -> tuple[str, ...]:
    """One line: `576 = 16·6·6 of F.max_pool2d :21, flattened at :22`; none where nothing is known to tell."""
    record = flow.run.record(call)
    tensor = next((value for value in record.inputs if value.shape), None) if record is not None else None
    if tensor is None or tensor.maker < 0 or tensor.shape is None:
        return ()
    before, line = _before_flattening(flow, tensor)
    if before is not None and before.shape is not None:
        factors = "·".join(map(str, before.shape[1:]))
        maker = _made_by(flow, before.maker) or "the model's input"
        return (f"{tensor.shape[-1]} = {factors} of {maker}, flattened{line}",)
    return (f"{shape(tensor.shape)} from {_made_by(flow, tensor.maker)}",)


def _before_flattening(flow: RunRows, tensor: Seen) -> tuple[Seen | None, str]:
    """What was flattened into a tensor's last axis, with the line; None when its last axis is as it was made."""
    size = tensor.shape[-1] if tensor.shape else 0
    for _ in range(_LONGEST):
        record = flow.run.record(tensor.maker) if tensor.maker >= 0 else None
        if record is None or not record.inputs or not _arranges(flow, tensor.maker):
            return None, ""
        before = record.inputs[0]
        if before.shape is None:
            return None, ""
        if len(before.shape) > 2 and math.prod(before.shape[1:]) == size:
            return before, f" at :{record.source.line}" if record.source is not None else ""
        tensor = before
    return None, ""


def _arranges(flow: RunRows, call: int) -> bool:
    """Whether a call only arranges values: a function that flattens, or nn.Flatten."""
    if flow.run.is_module(call):
        return flow.table.type(flow.run.row[call]).name in ("Flatten", "Identity", "Dropout")
    return flow.run.name(call) in _FLATTENING


def _made_by(flow: RunRows, call: int) -> str:
    if call < 0:
        return ""
    if flow.run.is_module(call):
        return literal(flow.table.short_path(flow.run.row[call])) or "the model itself"
    record = flow.run.record(call)
    line = f" :{record.source.line}" if record is not None and record.source is not None else ""
    return literal(flow.run.name(call)) + line
