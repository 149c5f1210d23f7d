"""Attention: every place of a sequence looks at the places of another one, or of its own, and takes a mean of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

from inspector.cards.arithmetic import (
    Figure,
    constant,
    costs,
    counted,
    equation,
    figure,
    is_known,
    normal,
    shape_text,
    uniform_root,
)
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Sizes
from inspector.cards.linear import PLACE, PLACE_DEFAULTS
from inspector.cards.space import positive
from inspector.cards.switches import is_on
from inspector.figures import number

Factors = tuple[tuple[str, Figure], ...]
"""What multiplies to a cost, by name."""


def check_heads(width: Figure, heads: Figure, names: tuple[str, str]) -> None:
    """Raises ValueError when the numbers of a place cannot be divided among the heads."""
    positive(names[0], (width,))
    positive(names[1], (heads,))
    if width.value is not None and heads.value is not None and width.value % heads.value:
        raise ValueError(f"{names[0]} {width.text} cannot be divided into {heads.text} heads")


class Places(NamedTuple):
    """A sequence, or a batch of them, as its axes are read."""

    batch: Factors
    """Empty when there is one sequence alone."""
    length: Figure


def places(x: Sizes, batch_first: bool) -> Places:
    """How many sequences, and how long."""
    if len(x) == 2:
        return Places((), figure(x[0]))
    batch, length = (x[0], x[1]) if batch_first else (x[1], x[0])
    return Places((("N", figure(batch)),), figure(length))


def check_axes(who: str, x: Sizes, width: Figure, what: str) -> None:
    """Raises ValueError for what is no sequence of that many numbers."""
    if len(x) not in (2, 3):
        raise ValueError(f"{who} takes {what} as 2 or 3 axes, and got {shape_text(x)}")
    if isinstance(x[-1], int) and width.value is not None and x[-1] != width.value:
        raise ValueError(f"{who} takes {width.text} features on the last axis of {what}, and got {shape_text(x)}")


def check_batches(first: tuple[str, Sizes], second: tuple[str, Sizes], batch_first: bool) -> None:
    """Raises ValueError when not both are batches, or not of one size."""
    (name, x), (other, y) = first, second
    if len(x) != len(y):
        raise ValueError(f"{name} and {other} have to be batches both, or none: {shape_text(x)} and {shape_text(y)}")
    axis = 0 if batch_first else 1
    if len(x) == 3 and isinstance(x[axis], int) and isinstance(y[axis], int) and x[axis] != y[axis]:
        found = f"{shape_text(x)} and {shape_text(y)}"
        raise ValueError(f"{name} and {other} have other batches on axis {axis} (batch_first={batch_first}): {found}")


def reading(name: str, x: Sizes, batch_first: bool) -> str:
    """`query 10×32×512 is read as sequence × batch × feature (batch_first=False)`"""
    if len(x) == 2:
        return f"{name} {shape_text(x)} is read as sequence × feature"
    axes = "batch × sequence × feature" if batch_first else "sequence × batch × feature"
    return f"{name} {shape_text(x)} is read as {axes} (batch_first={batch_first})"


def labelled(terms: Sequence[tuple[str, Factors]]) -> Counted:
    """A cost of several products, each with what it is for."""
    counts = costs(*(factors for _, factors in terms))
    lines = (f"{label}: {line}" for (label, _), line in zip(terms, counts.lines, strict=True))
    return Counted(counts.total, tuple(lines))


def xavier(fan_in: Figure, fan_out: Figure) -> Drawn:
    """Uniform, so that neither what goes forward nor what comes back grows."""
    fans = fan_in + fan_out
    if fans.value is None:
        return Drawn(f"U(−a, a), a = √(6/({fans.text}))")
    bound = sqrt(6 / fans.value)
    return Drawn(f"U(−a, a), a = √(6/({fans.text})) → ±{number(bound)}", -bound, bound, bound / sqrt(3))


# --- shapes -----------------------------------------------------------------------------------------------------------


class _Widths(NamedTuple):
    """How many numbers there are at each place."""

    query: Figure
    key: Figure
    value: Figure
    separate: bool
    """Whether each has a matrix of its own, because they are of different widths."""


def _widths(arguments: Arguments) -> _Widths:
    query = figure(arguments["embed_dim"])
    key, value = (_or_same(arguments[name], query) for name in ("kdim", "vdim"))
    return _Widths(query, key, value, key.text != query.text or value.text != query.text)


def _or_same(width: Any, query: Figure) -> Figure:
    return figure(width) if width is not None and is_known(width) else query


def _three(arguments: Arguments, inputs: Inputs) -> tuple[Sizes, Sizes, Sizes]:
    """Query, key and value: of a single one it is all three."""
    widths = _widths(arguments)
    if not inputs:
        sizes = ("N", "{}", "{}") if is_on(arguments["batch_first"]) else ("{}", "N", "{}")
        named = (("L", widths.query), ("S", widths.key), ("S", widths.value))
        return tuple(_filled(sizes, letter, width) for letter, width in named)  # type: ignore[return-value]
    query = inputs[0]
    key = inputs[1] if len(inputs) > 1 else query
    return query, key, inputs[2] if len(inputs) > 2 else key


def _filled(sizes: tuple[str, ...], letter: str, width: Figure) -> Sizes:
    left = iter((letter, width.size))
    return tuple(next(left) if size == "{}" else size for size in sizes)


def _checked(arguments: Arguments, inputs: Inputs) -> tuple[Sizes, Sizes]:
    """Query and key. Raises ValueError for what torch refuses."""
    widths, batch_first = _widths(arguments), is_on(arguments["batch_first"])
    check_heads(widths.query, figure(arguments["num_heads"]), ("embed_dim", "num_heads"))
    query, key, value = _three(arguments, inputs)
    for what, x, width in (
        ("query", query, widths.query),
        ("key", key, widths.key),
        ("value", value, widths.value),
    ):
        check_axes("MultiheadAttention", x, width, f"the {what}")
    check_batches(("query", query), ("key", key), batch_first)
    if key[:-1] != value[:-1]:
        raise ValueError(f"key and value have to be equally long: {shape_text(key)} and {shape_text(value)}")
    return query, key


def _keys(arguments: Arguments, key: Sizes) -> Figure:
    """How many places can be looked at: those of the key, and what the layer itself adds."""
    own = sum(is_on(arguments[name]) for name in ("add_bias_kv", "add_zero_attn"))
    length = places(key, is_on(arguments["batch_first"])).length
    return length + own if own else length


def _shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    """As the query; and for each place of it, how much it looked at each place of the key."""
    query, key = _checked(arguments, inputs)
    batch_first = is_on(arguments["batch_first"])
    mine, keys = places(query, batch_first), _keys(arguments, key)
    weights = (*(size.size for _, size in mine.batch), mine.length.size, keys.size)
    head = figure(arguments["embed_dim"]) / figure(arguments["num_heads"])
    lines = [reading("query", query, batch_first), equation("head_dim", head)]
    if keys.text != str(keys.size):
        lines.append(f"{equation('places to look at', keys)}: the layer has some of its own")
    lines.append(f"weights {shape_text(weights)}: the mean over the heads; need_weights=False: none come out")
    return Shaped((query, weights), tuple(lines))


# --- parameters, distribution, cost -----------------------------------------------------------------------------------


def _parameters(arguments: Arguments) -> Counted:
    widths = _widths(arguments)
    e = widths.query
    terms: list[tuple[str, tuple[Any, ...]]] = [("in_proj_weight", (3, e, e))]
    if widths.separate:
        terms = [("q_proj_weight", (e, e)), ("k_proj_weight", (e, widths.key)), ("v_proj_weight", (e, widths.value))]
    terms.append(("out_proj.weight", (e, e)))
    if arguments["bias"]:
        terms += [("in_proj_bias", (3, e)), ("out_proj.bias", (e,))]
    if is_on(arguments["add_bias_kv"]):
        terms.append(("bias_k and bias_v", (2, e)))
    return counted(*terms)


def attention_terms(mine: Places, other: Places, keys: Figure, width: tuple[str, Figure]) -> list[tuple[str, Factors]]:
    """What attention costs: projections of every place into queries, keys and values and back, and the looking."""
    name, e = width
    twice = (f"2·{name}", figure(2) * e)
    return [
        ("queries and output", (*mine.batch, ("L", mine.length), twice, width)),
        ("keys and values", (*mine.batch, ("S", other.length), twice, width)),
        ("attention", (*mine.batch, ("L", mine.length), ("S", keys), twice)),
    ]


def _cost(arguments: Arguments, inputs: Inputs) -> Counted:
    """Projections, q·kᵀ and weights·v; a mask saves nothing."""
    query, key = _checked(arguments, inputs)
    widths, batch_first = _widths(arguments), is_on(arguments["batch_first"])
    mine, other = places(query, batch_first), places(key, batch_first)
    terms = attention_terms(mine, other, _keys(arguments, key), ("embed_dim", widths.query))
    if widths.separate:
        sides = ("(kdim + vdim)", widths.key + widths.value)
        factors = (*mine.batch, ("S", other.length), ("embed_dim", widths.query), sides)
        terms[1] = ("keys and values", factors)
    return labelled(terms)


def _drawn_together(arguments: Arguments) -> Drawn | None:
    widths = _widths(arguments)
    return None if widths.separate else xavier(widths.query, (figure(3) * widths.query))


def _drawn_alone(arguments: Arguments, which: int) -> Drawn | None:
    widths = _widths(arguments)
    return xavier(widths[which], widths.query) if widths.separate else None  # type: ignore[arg-type]


def _drawn_output(arguments: Arguments) -> Drawn:
    return uniform_root(figure(arguments["embed_dim"]))


def _zeros(arguments: Arguments) -> Drawn | None:
    return constant(0) if arguments["bias"] else None


def _drawn_own(arguments: Arguments) -> Drawn | None:
    """Of the key and the value that the layer adds."""
    if not is_on(arguments["add_bias_kv"]):
        return None
    e = figure(arguments["embed_dim"])
    return Drawn("N(0, 1/embed_dim)") if e.value is None else normal(1 / sqrt(e.value))


# --- card -------------------------------------------------------------------------------------------------------------

BATCH_FIRST = "whether the batch is axis 0 of input and output, and not axis 1"
MASKS = (
    "a mask of booleans says True where nothing may be looked at; one of floats is added before the softmax",
    "attn_mask: L×S, or (N·heads)×L×S; key_padding_mask: N×S, whatever batch_first is",
)

MULTIHEAD_ATTENTION = Card(
    name="MultiheadAttention",
    family="attention",
    sentence="Lets every place of a sequence look at all places of another one, or of its own, and take a weighted "
    "mean of what it finds; several heads look for different things.",
    formula=(
        "q = query·W_qᵀ + b_q    k = key·W_kᵀ + b_k    v = value·W_vᵀ + b_v",
        "weights = softmax(q·kᵀ/√head_dim + mask)     head_dim = embed_dim/num_heads",
        "head = weights·v                             each on its part of q, k, v",
        "y = [head₁ … headₕ]·W_oᵀ + b_o",
        "in_proj_weight holds W_q, W_k, W_v, one below the other",
    ),
    arguments={
        "embed_dim": "how many numbers each place of the query and of the output has, all heads together",
        "num_heads": "into how many heads they are divided",
        "dropout": "probability with which a weight is zeroed in train mode",
        "bias": "whether the projections add a number of their own to each output",
        "add_bias_kv": "whether one key and one value that are learned are added to those of the input",
        "add_zero_attn": "whether one key and one value of zeros are added, to look at nothing",
        "kdim": "how many numbers each place of the key has; None: embed_dim",
        "vdim": "how many numbers each place of the value has; None: embed_dim",
        "batch_first": BATCH_FIRST,
        **PLACE,
    },
    defaults={
        "dropout": 0.0,
        "bias": True,
        "add_bias_kv": False,
        "add_zero_attn": False,
        "kdim": None,
        "vdim": None,
        "batch_first": False,
        **PLACE_DEFAULTS,
    },
    shape=_shape,
    parameters=_parameters,
    initial=(
        Initial("in_proj_weight", _drawn_together),
        Initial("q_proj_weight", lambda arguments: _drawn_alone(arguments, 0)),
        Initial("k_proj_weight", lambda arguments: _drawn_alone(arguments, 1)),
        Initial("v_proj_weight", lambda arguments: _drawn_alone(arguments, 2)),
        Initial("out_proj.weight", _drawn_output),
        Initial("in_proj_bias", _zeros),
        Initial("out_proj.bias", _zeros),
        Initial("bias_[kv]", _drawn_own),
    ),
    cost=_cost,
    modes="train: weights go through dropout; eval: they do not, and self-attention may take a fused path.",
    pitfalls=("NN209", "NN310", "NN309", "NN201", "NN204"),
    takes=("query: L×N×embed_dim, key and value: S×N×…; with batch_first=True the batch first; all without N", *MASKS),
)

CARDS: tuple[Card, ...] = (MULTIHEAD_ATTENTION,)
