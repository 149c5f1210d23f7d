"""A backward pass in the JSON document: what was propagated, and the gradient of every parameter."""

from __future__ import annotations

from inspector.format import literal
from inspector.gradient_rows import GradientRows
from inspector.gradient_schema import LayerGradient, ParameterGradient
from inspector.reports.json_run import Fields
from inspector.schema import TensorStats


def backward(rows: GradientRows) -> Fields:
    """What came of it, as far as it got."""
    record = rows.record
    return {
        "mode": record.mode,
        "seed": record.seed,
        "device": literal(record.device),
        "failed_in": record.failed_in or None,
        "objective": record.objective or None,
        "words": literal(record.words),
        "value": record.value,
        "forward_seconds": record.forward_seconds,
        "backward_seconds": record.backward_seconds,
        "parameters": [_parameter(rows, gradient) for gradient in record.parameters],
        "frozen": record.frozen,
        "layers": [_layer(rows, layer) for layer in record.layers],
        "notes": [literal(note, lines=True) for note in record.notes],
        "guard": literal(record.guard),
        "changed": [literal(change, lines=True) for change in record.changed],
    }


def _parameter(rows: GradientRows, gradient: ParameterGradient) -> Fields:
    return {
        "path": literal(rows.table.path(gradient.row)),
        "state": gradient.state,
        **_values(gradient, gradient.stats),
    }


def _values(gradient: ParameterGradient, stats: TensorStats | None) -> Fields:
    if stats is None:
        return dict.fromkeys(("norm", "largest", "elements", "zeros", "nan", "infinite"))
    infinite = stats.positive_infinity + stats.negative_infinity
    return {
        "norm": gradient.norm,
        "largest": gradient.largest,
        "elements": stats.elements,
        "zeros": stats.zeros,
        "nan": stats.nan,
        "infinite": infinite,
    }


def _layer(rows: GradientRows, layer: LayerGradient) -> Fields:
    return {"path": literal(rows.table.path(layer.row)), "call": layer.number or None, "norm": layer.norm}
