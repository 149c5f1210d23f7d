"""What a run saw of one layer, for its card: shapes, cost, and where the sizes of its input come from; what is asked
beyond that.

Shared by window and reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inspector.cards import card_of
from inspector.cards.card import Card
from inspector.cards.explaining import Flow, Registered
from inspector.messages import MeasureFlow, MeasureTensor, Request, TryLoss
from inspector.producers import bare, origin
from inspector.run_rows import RunRows
from inspector.run_schema import CallRecord, InputSet
from inspector.schema import Argument, Flag, Kind, ModuleDetail, TensorStats
from inspector.table import ModelTable

SMALL_TENSOR = 1 << 20
"""Elements up to which a tensor is measured without asking: a few milliseconds."""


def flow_of(rows: RunRows, row: int) -> Flow | None:
    """The last call of the module at a row; None when there was none."""
    call = rows.last_call(row)
    return flow_of_call(rows, call) if call is not None else None


def flow_of_call(rows: RunRows, call: int) -> Flow | None:
    """One call, of a module or of a function; None while its record has not arrived."""
    record = rows.run.record(call)
    if record is None:
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


def card_for(detail: ModuleDetail) -> Card | None:
    """Of torch's own class, or of the one that a class of the user's is made from directly."""
    return card_of(detail.qualified_type) or next(filter(None, map(card_of, detail.bases)), None)


def own_tensors(table: ModelTable, row: int) -> Iterator[int]:
    """The rows of a layer's own parameters that are small enough to be measured for its card."""
    for child in table.children(row):
        if table.kinds[child] == Kind.PARAMETER and 0 < table.elements[child] <= SMALL_TENSOR:
            yield child


def function_card(rows: RunRows, call: int) -> tuple[Card, ModuleDetail] | None:
    """The card of the layer that does what a function did in a call, with what the function was given.

    Of activations and poolings: they have no parameters, and take the same arguments as their functions.
    """
    card, record = card_of(bare(rows.run.name(call)).replace("_", "")), rows.run.record(call)
    if card is None or record is None or card.family not in ("activation", "pooling"):
        return None
    names = tuple(card.arguments)
    given = []
    for seen in record.inputs:
        place = int(seen.path[1:-1]) - 1 if seen.path[1:-1].isdigit() else -1
        name = names[place] if 0 <= place < len(names) else seen.path
        if seen.shape is None and name in card.arguments:
            given.append(Argument(name, "", None, False, seen.text))
    return card, ModuleDetail(f"torch.nn.{card.name}", (), "", tuple(given), None, None)


def registered(table: ModelTable, row: int, stats: Mapping[int, TensorStats]) -> Registered:
    """What the model registers for a layer; `stats` are those of rows of tensors that somebody measured."""
    place = table.first_place(row)
    lazy = table.has(place, Flag.LAZY)
    own = (child for child in table.children(row) if table.kinds[child] == Kind.PARAMETER and child in stats)
    return Registered(None if lazy else table.elements[place], lazy, {table.name(child): stats[child] for child in own})


def forward_question(
    rows: RunRows | None, row: int, detail: ModuleDetail, seed: int = 0
) -> MeasureFlow | TryLoss | None:
    """What the card of a layer wants to know that a real run has not told, and for which forward has to be repeated.

    Of an activation how the values lie that it got; of a loss that the run did not call what it makes of the output.
    """
    card = card_for(detail)
    if card is None or rows is None or rows.record is None or rows.record.dry:
        return None
    call = rows.last_call(row)
    if card.family == "loss":
        return TryLoss(row, seed=seed) if call is None and rows.record.ok else None
    return MeasureFlow(call) if card.curve is not None and call is not None else None


def questions(table: ModelTable, rows: RunRows | None, row: int, detail: ModuleDetail) -> Iterator[Request]:
    """Everything that a card is made of beyond the run."""
    if card_for(detail) is None:
        return
    yield from map(MeasureTensor, own_tensors(table, row))
    if (question := forward_question(rows, row, detail)) is not None:
        yield question
