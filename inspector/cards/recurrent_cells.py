"""The cells of recurrent layers: one step of one layer, to be called in a loop of one's own."""

from __future__ import annotations

from typing import Any

from inspector.cards.arithmetic import Figure, costs, counted, figure, is_known, product, shape_text, uniform_root
from inspector.cards.card import Arguments, Card, Cost, Counted, Drawn, Initial, Inputs, Shape, Shaped, Sizes
from inspector.cards.linear import PLACE, PLACE_DEFAULTS
from inspector.cards.space import positive

# --- shapes -----------------------------------------------------------------------------------------------------------


def _shape(who: str, states: int, arguments: Arguments, inputs: Inputs) -> Shaped:
    """The next state, which is all that comes out; of an LSTM two."""
    features, hidden = figure(arguments["input_size"]), figure(arguments["hidden_size"])
    positive("input_size", (features,), 0)
    positive("hidden_size", (hidden,), 0)
    check_nonlinearity(arguments.get("nonlinearity", "tanh"))
    x = inputs[0] if inputs else ("N", features.size)
    if len(x) not in (1, 2):
        raise ValueError(f"{who} takes one step, N×input_size or without N, and got {shape_text(x)}")
    if isinstance(x[-1], int) and isinstance(features.size, int) and x[-1] != features.size:
        raise ValueError(f"{who} takes {features.size} features on the last axis, and got {x[-1]} ({shape_text(x)})")
    state = (*x[:-1], hidden.size)
    _check_states(who, states, state, inputs[1:])
    line = f"the last axis: {x[-1]} features in, {hidden.size} out; the state is as large"
    return Shaped((state,) * states, (line,))


def check_nonlinearity(value: Any) -> None:
    """Raises ValueError for what an RNN cannot apply to its sums."""
    if is_known(value) and value not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity is 'tanh' or 'relu', and not {value!r}")


def _check_states(who: str, states: int, wanted: Sizes, got: Inputs) -> None:
    if got and len(got) < states:
        raise ValueError(f"the state of {who} is a pair (h, c)")
    for theirs in got[:states]:
        if not may_be(wanted, theirs):
            raise ValueError(f"the state of {who} has to be {shape_text(wanted)}, and got {shape_text(theirs)}")


def may_be(wanted: Sizes, got: Sizes) -> bool:
    """Whether a shape is the wanted one, as far as both are known."""
    if len(wanted) != len(got):
        return False
    return all(a == b for a, b in zip(wanted, got, strict=True) if isinstance(a, int) and isinstance(b, int))


# --- parameters, distribution, cost -----------------------------------------------------------------------------------


def _rows_of_weight(gates: Any, arguments: Arguments) -> tuple[Figure, ...]:
    hidden = figure(arguments["hidden_size"])
    return (hidden,) if gates == 1 else (figure(gates), hidden)


def _parameters(gates: Any, arguments: Arguments) -> Counted:
    rows = _rows_of_weight(gates, arguments)
    terms = [
        ("weight_ih", (*rows, arguments["input_size"])),
        ("weight_hh", (*rows, arguments["hidden_size"])),
    ]
    if arguments["bias"]:
        terms.append(("bias_ih and bias_hh", (2, *rows)))
    return counted(*terms)


def _cost(gates: int, arguments: Arguments, inputs: Inputs) -> Counted:
    """Both weights are met once for every sample."""
    x = inputs[0] if inputs else ("rows", "input_size")
    names = ("hidden_size",) if gates == 1 else ("gates", "hidden_size")
    once = (
        ("rows", product(x[:-1]).settled()),
        *zip(names, _rows_of_weight(gates, arguments), strict=True),
    )
    return costs(
        (*once, ("input_size", arguments["input_size"])),
        (*once, ("hidden_size", arguments["hidden_size"])),
    )


def drawn(arguments: Arguments) -> Drawn:
    """The same for all, weights and biases."""
    return uniform_root(figure(arguments["hidden_size"]))


def drawn_bias(arguments: Arguments) -> Drawn | None:
    return drawn(arguments) if arguments["bias"] else None


_INITIAL = (
    Initial("weight_ih", drawn),
    Initial("weight_hh", drawn),
    Initial("bias_ih", drawn_bias),
    Initial("bias_hh", drawn_bias),
)

# --- cards ------------------------------------------------------------------------------------------------------------

_SIZES = {
    "input_size": "how many numbers go in: the size of the last axis",
    "hidden_size": "how many numbers the state has",
    "bias": "whether every sum gets a number of its own added: two, by tradition",
}


def _card(name: str, gates: int, states: int, formula: tuple[str, ...]) -> Card:
    layer = name.removesuffix("Cell")
    shape: Shape = lambda arguments, inputs: _shape(name, states, arguments, inputs)  # noqa: E731
    cost: Cost = lambda arguments, inputs: _cost(gates, arguments, inputs)  # noqa: E731
    state = "(h, c): N×hidden_size each" if states == 2 else "h: N×hidden_size"
    return Card(
        name=name,
        family="recurrent",
        sentence=f"One step of {'an' if layer != 'GRU' else 'a'} {layer}: the next state from one input and the state "
        "before; the loop over the steps is yours.",
        formula=formula,
        arguments={**_SIZES, **PLACE},
        defaults={"bias": True, **PLACE_DEFAULTS},
        shape=shape,
        parameters=lambda arguments: _parameters(gates, arguments),
        initial=_INITIAL,
        cost=cost,
        pitfalls=("NN208", "NN204"),
        takes=("input: N×input_size, or one sample without N", f"{state}; without it zeros"),
    )


RNN_CELL = _card(
    "RNNCell",
    1,
    1,
    ("h′ = tanh(W_ih·x + b_ih + W_hh·h + b_hh)", "     nonlinearity='relu': relu instead of tanh"),
)
RNN_CELL = RNN_CELL._replace(
    arguments={**_SIZES, "nonlinearity": "what is applied to the sum: tanh or relu", **PLACE},
    defaults={"bias": True, "nonlinearity": "tanh", **PLACE_DEFAULTS},
)

LSTM_CELL = _card(
    "LSTMCell",
    4,
    2,
    (
        "i = σ(W_ii·x + b_ii + W_hi·h + b_hi)        how much is let in",
        "f = σ(W_if·x + b_if + W_hf·h + b_hf)        how much is kept",
        "g = tanh(W_ig·x + b_ig + W_hg·h + b_hg)     what is let in",
        "o = σ(W_io·x + b_io + W_ho·h + b_ho)        how much is shown",
        "c′ = f ⊙ c + i ⊙ g",
        "h′ = o ⊙ tanh(c′)",
    ),
)

GRU_CELL = _card(
    "GRUCell",
    3,
    1,
    (
        "r = σ(W_ir·x + b_ir + W_hr·h + b_hr)        how much is used",
        "z = σ(W_iz·x + b_iz + W_hz·h + b_hz)        how much is kept",
        "n = tanh(W_in·x + b_in + r ⊙ (W_hn·h + b_hn))",
        "h′ = (1 − z) ⊙ n + z ⊙ h",
    ),
)

RNN_CELL_BASE = Card(
    name="RNNCellBase",
    family="recurrent",
    sentence="What RNNCell, LSTMCell and GRUCell have in common: it makes their weights, and has no forward of its "
    "own.",
    formula=("one of RNNCell, LSTMCell and GRUCell",),
    arguments={**_SIZES, "num_chunks": "how many sums have weights of their own: RNN 1, GRU 3, LSTM 4", **PLACE},
    defaults=PLACE_DEFAULTS,
    parameters=lambda arguments: _parameters(arguments["num_chunks"], arguments),
    initial=_INITIAL,
    pitfalls=("NN120",),
)

CELLS: tuple[Card, ...] = (RNN_CELL, LSTM_CELL, GRU_CELL, RNN_CELL_BASE)
