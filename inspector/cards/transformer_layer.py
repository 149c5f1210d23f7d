"""The layers of a Transformer: attention, then two linear layers on each place, each with a way around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspector.cards.arithmetic import Figure, constant, counted, equation, figure, is_known, uniform_root
from inspector.cards.attention import (
    BATCH_FIRST,
    MASKS,
    Factors,
    attention_terms,
    check_axes,
    check_batches,
    check_heads,
    labelled,
    places,
    reading,
    xavier,
)
from inspector.cards.card import Arguments, Card, Counted, Drawn, Initial, Inputs, Shaped, Sizes, Symbol
from inspector.cards.linear import PLACE, PLACE_DEFAULTS
from inspector.cards.space import positive
from inspector.cards.switches import is_on

# --- shapes -----------------------------------------------------------------------------------------------------------


def check(arguments: Arguments) -> None:
    """Raises ValueError for arguments that torch refuses, whatever goes in."""
    check_heads(figure(arguments["d_model"]), figure(arguments["nhead"]), ("d_model", "nhead"))
    positive("dim_feedforward", (figure(arguments["dim_feedforward"]),), 0)
    dropout, activation = arguments["dropout"], arguments["activation"]
    if is_known(dropout) and not 0 <= dropout <= 1:
        raise ValueError(f"dropout is a probability, from 0 to 1, and not {dropout}")
    if isinstance(activation, str) and activation not in ("relu", "gelu"):
        raise ValueError(f"activation is 'relu', 'gelu' or a function, and not {activation!r}")


def _general(arguments: Arguments, letter: str) -> Sizes:
    width = figure(arguments.get("d_model", Symbol("d_model"))).size
    return ("N", letter, width) if is_on(arguments.get("batch_first")) else (letter, "N", width)


def source_of(arguments: Arguments, inputs: Inputs) -> Sizes:
    """What an encoder reads."""
    return inputs[0] if inputs else _general(arguments, "S")


def target_of(arguments: Arguments, inputs: Inputs) -> tuple[Sizes, Sizes]:
    """What comes out is shaped as the first of these, which looks at itself and at the second."""
    return (inputs[0], inputs[1]) if len(inputs) > 1 else (_general(arguments, "T"), _general(arguments, "S"))


def _encoder_layer_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    check(arguments)
    x, e = source_of(arguments, inputs), figure(arguments["d_model"])
    check_axes("TransformerEncoderLayer", x, e, "src")
    head = equation("head_dim", e / figure(arguments["nhead"]))
    lines = (reading("src", x, is_on(arguments["batch_first"])), head, "the output has the shape of src")
    return Shaped((x,), lines)


def _decoder_layer_shape(arguments: Arguments, inputs: Inputs) -> Shaped:
    check(arguments)
    (x, memory), e = target_of(arguments, inputs), figure(arguments["d_model"])
    batch_first = is_on(arguments["batch_first"])
    check_axes("TransformerDecoderLayer", x, e, "tgt")
    check_axes("TransformerDecoderLayer", memory, e, "memory")
    check_batches(("tgt", x), ("memory", memory), batch_first)
    lines = (reading("tgt", x, batch_first), reading("memory", memory, batch_first), "the output has the shape of tgt")
    return Shaped((x,), lines)


# --- parameters -------------------------------------------------------------------------------------------------------


def layer_parameters(arguments: Arguments, attentions: tuple[str, ...]) -> Counted:
    """Attention to itself, and of a decoder to the memory; two linear layers; a norm for each of these."""
    e, f = figure(arguments["d_model"]), figure(arguments["dim_feedforward"])
    bias, norms = bool(arguments["bias"]), len(attentions) + 1
    terms: list[tuple[str, tuple[Any, ...]]] = []
    for name in attentions:
        terms += [(f"{name}.in_proj_weight", (3, e, e)), (f"{name}.out_proj.weight", (e, e))]
        terms += [(f"{name} biases", (4, e))] * bias
    terms += [("linear1.weight", (f, e)), *[("linear1.bias", (f,))] * bias]
    terms += [("linear2.weight", (e, f)), *[("linear2.bias", (e,))] * bias]
    terms.append(("norms", (norms, 2, e) if bias else (norms, e)))
    return counted(*terms)


ATTENDS_ITSELF, ATTENDS_MEMORY_TOO = ("self_attn",), ("self_attn", "multihead_attn")


# --- distribution -----------------------------------------------------------------------------------------------------


def width(arguments: Arguments) -> Figure:
    """How many numbers each place has."""
    return figure(arguments["d_model"])


def inner(arguments: Arguments) -> Figure:
    """How many numbers each place has between the two linear layers."""
    return figure(arguments["dim_feedforward"])


def if_bias(drawn: Callable[[Arguments], Drawn]) -> Callable[[Arguments], Drawn | None]:
    """A distribution that is there only when the layer has biases."""
    return lambda arguments: drawn(arguments) if arguments["bias"] else None


_ZEROS, _ONES = (lambda _: constant(0)), (lambda _: constant(1))
COMMON = (
    Initial("*attn.in_proj_weight", lambda arguments: xavier(width(arguments), figure(3) * width(arguments))),
    Initial("*attn.in_proj_bias", if_bias(_ZEROS)),
    Initial("*attn.out_proj.bias", if_bias(_ZEROS)),
    Initial("*linear1.bias", if_bias(lambda arguments: uniform_root(width(arguments)))),
    Initial("*linear2.bias", if_bias(lambda arguments: uniform_root(inner(arguments)))),
    Initial("*norm*.weight", _ONES),
    Initial("*norm*.bias", if_bias(_ZEROS)),
)
_OF_LAYER = (
    *COMMON,
    Initial("*attn.out_proj.weight", lambda arguments: uniform_root(width(arguments))),
    Initial("*linear1.weight", lambda arguments: uniform_root(width(arguments))),
    Initial("*linear2.weight", lambda arguments: uniform_root(inner(arguments))),
)


# --- cost -------------------------------------------------------------------------------------------------------------


def _self_terms(arguments: Arguments, x: Sizes, letter: str) -> list[tuple[str, Factors]]:
    """Attention to itself, in which all four projections meet the same places."""
    e, mine = figure(arguments["d_model"]), places(x, is_on(arguments["batch_first"]))
    length, width = (letter, mine.length), ("d_model", e)
    projected = (*mine.batch, length, ("4·d_model", figure(4) * e), width)
    return [
        ("projections", projected),
        ("attention", (*mine.batch, length, length, ("2·d_model", figure(2) * e))),
    ]


def _feed_forward(arguments: Arguments, x: Sizes, letter: str) -> tuple[str, Factors]:
    e, f = figure(arguments["d_model"]), figure(arguments["dim_feedforward"])
    mine = places(x, is_on(arguments["batch_first"]))
    twice = ("2·d_model", figure(2) * e)
    return ("linear1 and linear2", (*mine.batch, (letter, mine.length), twice, ("dim_feedforward", f)))


def encoder_terms(arguments: Arguments, x: Sizes) -> list[tuple[str, Factors]]:
    """What one layer of an encoder costs."""
    return [*_self_terms(arguments, x, "S"), _feed_forward(arguments, x, "S")]


def decoder_terms(arguments: Arguments, x: Sizes, memory: Sizes) -> list[tuple[str, Factors]]:
    """What one layer of a decoder costs: its own sequence first, then the memory."""
    batch_first = is_on(arguments["batch_first"])
    mine, other = places(x, batch_first), places(memory, batch_first)
    cross = attention_terms(mine, other, other.length, ("d_model", figure(arguments["d_model"])))
    named = [(f"memory: {name}", _renamed(factors)) for name, factors in cross]
    return [*_self_terms(arguments, x, "T"), *named, _feed_forward(arguments, x, "T")]


def _renamed(factors: Factors) -> Factors:
    """Beside a source S the target is T."""
    return tuple(("T" if name == "L" else name, value) for name, value in factors)


def _encoder_layer_cost(arguments: Arguments, inputs: Inputs) -> Counted:
    x = _encoder_layer_shape(arguments, inputs).outputs[0]
    return labelled(encoder_terms(arguments, x))


def _decoder_layer_cost(arguments: Arguments, inputs: Inputs) -> Counted:
    _decoder_layer_shape(arguments, inputs)
    return labelled(decoder_terms(arguments, *target_of(arguments, inputs)))


# --- cards ------------------------------------------------------------------------------------------------------------

WIDTH = {
    "d_model": "how many numbers each place has, from beginning to end",
    "nhead": "into how many heads attention is divided",
}
INSIDE = {
    "dim_feedforward": "how many numbers each place has between the two linear layers",
    "dropout": "probability with which a number is zeroed in train mode, at every place where there is a dropout",
    "activation": "what is applied between the two linear layers: 'relu', 'gelu' or a function",
}
BESIDE = {
    "layer_norm_eps": "added to the variance in the norms, so that nothing is divided by 0",
    "batch_first": BATCH_FIRST,
    "norm_first": "whether the norm comes before attention and linear layers, and not after the way around",
    "bias": "whether linear layers, attention and norms have biases",
    **PLACE,
}
DEFAULTS = {
    "dim_feedforward": 2048,
    "dropout": 0.1,
    "activation": Symbol("F.relu"),
    "layer_norm_eps": 1e-5,
    "batch_first": False,
    "norm_first": False,
    "bias": True,
    **PLACE_DEFAULTS,
}
FUSED = (
    "train: dropout zeroes weights and results; eval: it does not, and without gradients the layer may run as one "
    "fused operation that calls none of its parts."
)
DROPS = "train: dropout zeroes weights and results; eval: it does not."

ENCODER_LAYER = Card(
    name="TransformerEncoderLayer",
    family="attention",
    sentence="Lets every place of a sequence look at all others, then puts each place through two linear layers; the "
    "input is added to the result of both.",
    formula=(
        "x ← norm1(x + self_attn(x, x, x))",
        "y = norm2(x + linear2(activation(linear1(x))))",
        "",
        "norm_first=True:",
        "x ← x + self_attn(n, n, n)                       n = norm1(x)",
        "y = x + linear2(activation(linear1(norm2(x))))",
    ),
    arguments={**WIDTH, **INSIDE, **BESIDE},
    defaults=DEFAULTS,
    shape=_encoder_layer_shape,
    parameters=lambda arguments: layer_parameters(arguments, ATTENDS_ITSELF),
    initial=_OF_LAYER,
    cost=_encoder_layer_cost,
    modes=FUSED,
    pitfalls=("NN209", "NN310", "NN309", "NN302", "NN204"),
    takes=("src: S×N×d_model, with batch_first=True N×S×d_model, or without N", *MASKS),
)

DECODER_LAYER = Card(
    name="TransformerDecoderLayer",
    family="attention",
    sentence="Lets every place of a sequence look at its own sequence and then at another one, the memory of an "
    "encoder, and puts each place through two linear layers; the input is added to the result of all three.",
    formula=(
        "x ← norm1(x + self_attn(x, x, x))",
        "x ← norm2(x + multihead_attn(x, memory, memory))",
        "y = norm3(x + linear2(activation(linear1(x))))",
        "",
        "norm_first=True:",
        "x ← x + self_attn(n, n, n)                       n = norm1(x)",
        "x ← x + multihead_attn(norm2(x), memory, memory)",
        "y = x + linear2(activation(linear1(norm3(x))))",
    ),
    arguments={**WIDTH, **INSIDE, **BESIDE},
    defaults=DEFAULTS,
    shape=_decoder_layer_shape,
    parameters=lambda arguments: layer_parameters(arguments, ATTENDS_MEMORY_TOO),
    initial=_OF_LAYER,
    cost=_decoder_layer_cost,
    modes=DROPS,
    pitfalls=("NN209", "NN310", "NN309", "NN204"),
    takes=("tgt: T×N×d_model, memory: S×N×d_model; with batch_first=True the batch first; both without N", *MASKS),
)

CARDS: tuple[Card, ...] = (ENCODER_LAYER, DECODER_LAYER)
