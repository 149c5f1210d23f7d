"""Embeddings: a table with one row of numbers for each id, which are looked up and not multiplied."""

from __future__ import annotations

from math import sqrt

from inspector.cards.arithmetic import counted, equation, figure, given, normal, shape_text
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Sizes, Symbol
from inspector.cards.linear import PLACE, PLACE_DEFAULTS
from inspector.cards.space import positive

BAG_MODES = ("sum", "mean", "max")


def _check_table(arguments: Arguments) -> None:
    rows, width = figure(arguments["num_embeddings"]), figure(arguments["embedding_dim"])
    positive("num_embeddings", (rows,), 0)
    positive("embedding_dim", (width,), 0)
    if arguments["padding_idx"] is None:
        return
    padding = figure(arguments["padding_idx"])
    if rows.value is not None and padding.value is not None and not -rows.value <= padding.value < rows.value:
        raise ValueError(f"padding_idx {padding.text} is no row of a table of {rows.text}")


def _shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    """One more axis than the ids have."""
    _check_table(arguments)
    ids, width = given(inputs, 0, "N L"), figure(arguments["embedding_dim"])
    line = f"every id becomes a row of {width.text} numbers: one more axis, at the end"
    return Shaped(((*ids, width.size),), (line,))


def _parameters(arguments: Arguments) -> Counted:
    return counted(("weight", (arguments["num_embeddings"], arguments["embedding_dim"])))


def _drawn(arguments: Arguments) -> Drawn:
    """The bell curve, and zeros in the row that stands for padding."""
    if not isinstance(arguments["_weight"], (Symbol, type(None))):
        return Drawn("what was given as _weight")
    drawn, padding = normal(), arguments["padding_idx"]
    if padding is None or isinstance(padding, Symbol):
        return drawn
    rows = figure(arguments["num_embeddings"])
    row = figure(padding) if padding >= 0 else (rows + figure(padding)).settled()
    share = (rows.value - 1) / rows.value if rows.value else 1.0
    return Drawn(f"{drawn.text}, and row {row.text} all 0", std=sqrt(share))


# --- bags -------------------------------------------------------------------------------------------------------------


def _bag_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    """One row a bag: a bag is a row of ids, or the ids between two offsets."""
    _check_table(arguments)
    _check_mode(arguments)
    ids, width = given(inputs, 0, "N L"), figure(arguments["embedding_dim"])
    if len(ids) not in (1, 2):
        raise ValueError(f"EmbeddingBag takes ids as N×L, or as one axis with offsets, and got {shape_text(ids)}")
    offsets, weights = _besides(ids, inputs[1:])
    if weights is not None and arguments["mode"] != "sum":
        raise ValueError(f"per_sample_weights go with mode='sum' alone, and mode is {arguments['mode']!r}")
    if weights is not None and weights != ids:
        raise ValueError(f"every id needs one weight: ids {shape_text(ids)}, weights {shape_text(weights)}")
    if offsets is None:
        return _rows_as_bags(ids, width.size)
    bags = figure(offsets[0])
    if not arguments["include_last_offset"]:
        return Shaped(((bags.size, width.size),), (f"bags = {bags.text}, one for each offset",))
    if bags.value == 0:
        raise ValueError("include_last_offset=True wants at least one offset, the end of the last bag")
    result = bags - 1
    size = "bags" if result.value is None else result.size
    return Shaped(((size, width.size),), (f"{equation('bags', result)}: the last offset is the end of the last bag",))


def _rows_as_bags(ids: Sizes, width: int | str) -> Shaped:
    if ids[1] == 0:
        raise ValueError(f"bags without any id cannot be told apart: {shape_text(ids)}; give offsets")
    return Shaped(((ids[0], width),), (f"bags = {ids[0]}, one for each row of {ids[1]} ids",))


def _check_mode(arguments: Arguments) -> None:
    mode = arguments["mode"]
    if isinstance(mode, Symbol):
        return
    if mode not in BAG_MODES:
        raise ValueError(f"mode is one of {', '.join(BAG_MODES)}, and not {mode!r}")
    if mode == "max" and (arguments["scale_grad_by_freq"] is True or arguments["sparse"] is True):
        raise ValueError("mode='max' knows neither scale_grad_by_freq nor sparse")


def _besides(ids: Sizes, others: Inputs) -> tuple[Sizes | None, Sizes | None]:
    """Which of the other inputs are the offsets, and which the weights. Ids in rows need no offsets, others do."""
    if len(ids) == 2:
        if others and len(others[0]) == 1:
            raise ValueError("ids that come in rows are bags already, and take no offsets")
        return None, others[0] if others else None
    if not others or len(others[0]) != 1:
        raise ValueError("ids on one axis need offsets on one axis: where each bag begins")
    return others[0], others[1] if len(others) > 1 else None


# --- cards ------------------------------------------------------------------------------------------------------------

_TABLE = {
    "num_embeddings": "how many rows the table has: ids go from 0 to one less",
    "embedding_dim": "how many numbers a row has",
}
_PADDING = "the id that stands for padding: its row begins as 0 and is not trained"
_MAX_NORM = "rows that are looked up and longer than this are cut down to it, in the table itself; None: never"
_NORM_TYPE = "how the length of a row is measured for max_norm: the p of the p-norm"
_BY_FREQ = "whether the gradient of a row is divided by how often its id occurs in the batch"
_SPARSE = "whether the gradient holds only the rows that were used; few optimizers take it"
_WEIGHT = "a table to begin with, instead of a random one"
_DEFAULTS = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False}

EMBEDDING = Card(
    name="Embedding",
    family="embedding",
    sentence="Looks up one row of a table of numbers for each id, as for each word of a text; the table is trained.",
    formula=("y[…, :] = W[id[…], :]        0 ≤ id < num_embeddings",),
    arguments={
        **_TABLE,
        "padding_idx": _PADDING,
        "max_norm": _MAX_NORM,
        "norm_type": _NORM_TYPE,
        "scale_grad_by_freq": _BY_FREQ,
        "sparse": _SPARSE,
        "_weight": _WEIGHT,
        "_freeze": "whether the table stays as it is and is not trained",
        **PLACE,
    },
    defaults={**_DEFAULTS, "_weight": None, "_freeze": False, **PLACE_DEFAULTS},
    shape=_shape,
    parameters=_parameters,
    initial=(Initial("weight", _drawn),),
    pitfalls=("NN207", "NN204"),
    takes=("ids: int64 or int32, of any shape",),
)

EMBEDDING_BAG = Card(
    name="EmbeddingBag",
    family="embedding",
    sentence="Looks up the rows of several ids, a bag, and makes one of them: their sum, mean or largest values.",
    formula=(
        "y[n, :] = Σ W[id, :]                 mode='sum', or Σ weight·W[id, :]",
        "y[n, :] = Σ W[id, :] / ids in bag    mode='mean'",
        "y[n, :] = max W[id, :]               mode='max', each column alone",
        "          over the ids of bag n that are not padding_idx; of none: 0",
    ),
    arguments={
        **_TABLE,
        "max_norm": _MAX_NORM,
        "norm_type": _NORM_TYPE,
        "scale_grad_by_freq": f"{_BY_FREQ}; not with mode='max'",
        "mode": "what is made of the rows of a bag: sum, mean or max",
        "sparse": f"{_SPARSE}; not with mode='max'",
        "_weight": _WEIGHT,
        "include_last_offset": "whether the last offset is the end of the last bag, and begins none",
        "padding_idx": f"{_PADDING}, and counts in no bag",
        **PLACE,
    },
    defaults={**_DEFAULTS, "mode": "mean", "_weight": None, "include_last_offset": False, **PLACE_DEFAULTS},
    shape=_bag_shape,
    parameters=_parameters,
    initial=(Initial("weight", _drawn),),
    pitfalls=("NN207", "NN204"),
    takes=(
        "ids: int64 or int32, N×L (each row is a bag), or on one axis with offsets",
        "offsets: as the ids, on one axis: where each bag begins",
        "per_sample_weights: floating, shaped as the ids; mode='sum' alone",
    ),
)

CARDS: tuple[Card, ...] = (EMBEDDING, EMBEDDING_BAG)
