"""What a card asks of the engine when it is looked at: statistics of the layer's own tensors, a histogram of what went
into an activation, a loss on the model's output."""

from __future__ import annotations

from inspector.card_flow import forward_question, own_tensors
from inspector.messages import MeasureFlow, Run, TryLoss
from inspector.tui.conversation import Conversation
from inspector.tui.open_model import OpenModel

SHORT_SECONDS = 1.0
"""How long a forward may take that is repeated without being asked for."""


def ask(talk: Conversation, row: int, *, insist: bool = False) -> bool:
    """Ask for what the card of the module at a row lacks, unless it takes long and nobody insists.

    False where forward is not repeated.
    """
    model = talk.model
    if model is None:
        return False
    _measure_next(talk, model, row)
    question = missing(model, row)
    if question is None or not (insist or is_short(model)):
        return False
    if talk.runs.pending is not None and isinstance(talk.runs.pending.request, Run):
        return False  # its calls will have other numbers
    if isinstance(question, TryLoss):
        talk.try_loss(row)
    else:
        talk.look_at_flow(question.call)
    return True


def _measure_next(talk: Conversation, model: OpenModel, row: int) -> None:
    """One after the other: a tensor that is measured gives way to the next one that is asked for."""
    waiting = (row for row in own_tensors(model.table, row) if row not in model.measured and row not in model.failed)
    if row in model.details and (tensor := next(waiting, None)) is not None:
        talk.measure(tensor)


def missing(model: OpenModel, row: int) -> MeasureFlow | TryLoss | None:
    """What forward has to be repeated for, as far as it is not there."""
    detail = model.details.get(row)
    question = forward_question(model.flow, row, detail) if detail is not None else None
    if isinstance(question, TryLoss):
        return question if (row, "") not in model.losses else None
    return question if question is not None and question.call not in model.flow_stats else None


def is_short(model: OpenModel) -> bool:
    """Whether forward takes so little time that it is repeated without being asked for."""
    return model.run is not None and model.run.seconds <= SHORT_SECONDS
