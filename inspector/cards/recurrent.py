"""Recurrent layers: a sequence is read step by step, and a hidden state is carried along."""

from __future__ import annotations

from typing import Any, NamedTuple

from inspector.cards.arithmetic import (
    Figure,
    costs,
    counted,
    equation,
    figure,
    is_known,
    product,
    shape_text,
)
from inspector.cards.card import Arguments, Card, Cost, Counted, Drawn, Initial, Inputs, Shape, Shaped, Sizes, Symbol
from inspector.cards.linear import PLACE, PLACE_DEFAULTS
from inspector.cards.recurrent_cells import CELLS, check_nonlinearity, drawn, drawn_bias, may_be
from inspector.cards.space import positive
from inspector.cards.switches import is_on

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}
"""How many sums of a step have weights of their own, by the mode of RNNBase."""


class Stack(NamedTuple):
    """The sizes of a recurrent layer: layers upon layers, each in one direction or in two."""

    gates: Figure
    features: Figure
    hidden: Figure
    layers: Figure
    directions: int
    projection: Figure | None

    @property
    def state(self) -> Figure:
        """How many numbers of a step the next one gets, in one direction."""
        return self.projection or self.hidden

    @property
    def has_more(self) -> bool:
        """Whether there are layers that read what the one below wrote."""
        return self.layers.value != 1

    def weights(self) -> tuple[tuple[str, tuple[tuple[str, Figure], ...]], ...]:
        """The matrices, alike ones together: what they are called, and by name what multiplies to their size."""
        gates = _unless_one("gates", self.gates)
        ways, layers = _unless_one("directions", figure(self.directions)), _unless_one("num_layers", self.layers)
        hidden, rest = ("hidden_size", self.hidden), (self.layers - 1).settled()
        state = ("proj_size" if self.projection else "hidden_size", self.state)
        groups = [("weight_ih_l0", (*ways, *gates, hidden, ("input_size", self.features)))]
        if self.has_more:
            above = ("(num_layers − 1)", rest)
            groups.append((f"weight_ih_{self._above()}", (above, *ways, *gates, hidden, *ways, state)))
        groups.append((f"weight_hh_{self._all()}", (*layers, *ways, *gates, hidden, state)))
        if self.projection:
            groups.append((f"weight_hr_{self._all()}", (*layers, *ways, ("proj_size", self.state), hidden)))
        return tuple(groups)

    def _all(self) -> str:
        return f"l0 … {self._last()}".rstrip() if self.has_more else "l0"

    def _above(self) -> str:
        return "l1" if self.layers.value == 2 else f"l1 … {self._last()}".rstrip()

    def _last(self) -> str:
        last = (self.layers - 1).settled()
        return "" if last.value is None else f"l{last.text}"


def _unless_one(name: str, value: Figure) -> tuple[tuple[str, Figure], ...]:
    return () if value.value == 1 else ((name, value),)


def _stack(arguments: Arguments, gates: Any) -> Stack:
    projection = arguments.get("proj_size", 0)
    return Stack(
        figure(gates),
        figure(arguments["input_size"]),
        figure(arguments["hidden_size"]),
        figure(arguments["num_layers"]),
        2 if is_on(arguments["bidirectional"]) else 1,
        figure(projection) if is_on(projection) else None,
    )


def _check(arguments: Arguments, stack: Stack) -> None:
    for name, value in (("input_size", stack.features), ("hidden_size", stack.hidden), ("num_layers", stack.layers)):
        positive(name, (value,))
    dropout = arguments["dropout"]
    if is_known(dropout) and (isinstance(dropout, bool) or not 0 <= dropout <= 1):
        raise ValueError(f"dropout is a probability, from 0 to 1, and not {dropout}")
    if not stack.projection:
        return
    positive("proj_size", (stack.projection,), 0)
    if None not in (stack.projection.value, stack.hidden.value) and stack.projection.value >= stack.hidden.value:  # type: ignore[operator]
        raise ValueError(f"proj_size {stack.projection.text} has to be smaller than hidden_size {stack.hidden.text}")


# --- shapes -----------------------------------------------------------------------------------------------------------


def _read(who: str, arguments: Arguments, stack: Stack, inputs: Inputs) -> tuple[Sizes, str]:
    """The input, and how its axes are read."""
    batch_first = is_on(arguments["batch_first"])
    features = stack.features.size
    x = inputs[0] if inputs else (("N", "L", features) if batch_first else ("L", "N", features))
    names = "feature" if len(x) == 1 else "sequence × feature"
    if len(x) == 3:
        names = "batch × sequence × feature" if batch_first else "sequence × batch × feature"
    if len(x) not in (2, 3):
        raise ValueError(f"{who} takes a sequence, or a batch of them, as 2 or 3 axes, and got {shape_text(x)}")
    read = f"the input {shape_text(x)} is read as {names}"
    if isinstance(x[-1], int) and isinstance(features, int) and x[-1] != features:
        raise ValueError(f"{who} takes {features} features on the last axis, and got {x[-1]}: {read}")
    if x[1 if len(x) == 3 and batch_first else 0] == 0:
        raise ValueError(f"{who} wants at least one step: {read}")
    how = f" (batch_first={batch_first})" if len(x) == 3 else ""
    return x, read + how


def _shape(who: str, gates: int, arguments: Arguments, inputs: Inputs) -> Shaped:
    """The output of the last layer at every step, and of every layer and direction what it carried at its end."""
    check_nonlinearity(arguments.get("nonlinearity", "tanh"))
    stack = _stack(arguments, gates)
    _check(arguments, stack)
    x, read = _read(who, arguments, stack, inputs)
    batch = () if len(x) == 2 else (x[0 if is_on(arguments["batch_first"]) else 1],)
    out, rows = _times(stack.directions, stack.state), _times(stack.directions, stack.layers)
    states: Inputs = ((rows.size, *batch, stack.state.size),)
    if who == "LSTM":
        states = (*states, (rows.size, *batch, stack.hidden.size))
    _check_states(states, inputs[1:])
    names = "h_n and c_n" if who == "LSTM" else "h_n"
    return Shaped(
        ((*x[:-1], out.size), *states),
        (
            read,
            f"output: {equation('features', out)}",
            f"{names}: {equation('layers', rows)} on the first axis, the batch on the second"
            if batch
            else f"{names}: {equation('layers', rows)} on the first axis",
        ),
    )


def _times(directions: int, size: Figure) -> Figure:
    return size if directions == 1 else figure(directions) * size


def _check_states(wanted: Inputs, got: Inputs) -> None:
    """Raises ValueError for an initial state that has another shape than the last one will have."""
    if got and len(got) < len(wanted):
        raise ValueError("the state of an LSTM is a pair (h_0, c_0)")
    for name, mine, theirs in zip(("h_0", "c_0"), wanted, got, strict=False):
        if not may_be(mine, theirs):
            right = f"{shape_text(mine)}, whatever batch_first is"
            raise ValueError(f"{name} has to be {right}, and got {shape_text(theirs)}")


# --- parameters, distribution, cost -----------------------------------------------------------------------------------


def _parameters(gates: Any, arguments: Arguments) -> Counted:
    stack = _stack(arguments, gates)
    terms = [(name, [size for _, size in factors]) for name, factors in stack.weights()]
    if arguments["bias"]:
        ones = (stack.layers, figure(stack.directions), stack.gates)
        sizes = [figure(2), *(size for size in ones if size.value != 1), stack.hidden]
        terms.append(("bias_ih and bias_hh", sizes))
    return counted(*terms)


def _base_gates(arguments: Arguments) -> Any:
    mode = arguments["mode"]
    if is_known(mode) and mode not in GATES:
        raise ValueError(f"mode is one of {', '.join(GATES)}, and not {mode!r}")
    return Symbol("gates") if isinstance(mode, Symbol) else GATES[mode]


def _cost(who: str, gates: int, arguments: Arguments, inputs: Inputs) -> Counted:
    """Every matrix is met once at every step of every sequence."""
    stack = _stack(arguments, gates)
    x, _ = _read(who, arguments, stack, inputs)
    rows = product(x[:-1]).settled()
    return costs(*((("rows", rows), *factors) for _, factors in stack.weights()))


def _drawn_projection(arguments: Arguments) -> Drawn | None:
    return drawn(arguments) if is_on(arguments.get("proj_size", 0)) else None


_INITIAL = (
    Initial("weight_ih_l*", drawn),
    Initial("weight_hh_l*", drawn),
    Initial("bias_ih_l*", drawn_bias),
    Initial("bias_hh_l*", drawn_bias),
)
_PROJECTED = Initial("weight_hr_l*", _drawn_projection)


# --- cards ------------------------------------------------------------------------------------------------------------

_SIZES = {
    "input_size": "how many numbers go in at each step: the size of the last axis",
    "hidden_size": "how many numbers are carried from one step to the next",
    "num_layers": "how many layers lie upon each other, each reading the outputs of the one below",
}
_FLAGS = {
    "bias": "whether every sum gets a number of its own added: two, by tradition",
    "batch_first": "whether the batch is axis 0 of input and output, and not axis 1; states keep it on axis 1",
    "dropout": "probability with which an output of a layer below another is zeroed in train mode",
    "bidirectional": "whether a second set of weights reads the sequence from its end, and both are concatenated",
}
_PROJECTION = {"proj_size": "to how many numbers the hidden state of an LSTM is projected at each step; 0: it is not"}
_DEFAULTS = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    **PLACE_DEFAULTS,
}
_NONLINEARITY = "what is applied to the sum of each step: tanh or relu"
_MODES = "train: outputs of all layers but the last go through dropout; eval: they do not."
_PITFALLS = ("NN208", "NN309", "NN204")
_TAKES = (
    "input: L×N×input_size, with batch_first=True N×L×input_size, or one sequence without N",
    "a PackedSequence instead of a tensor: sequences of several lengths, without padding",
)
_LATER = "layers above the first read hₜ of the one below as xₜ; h₀ is 0 unless given"


def _card(name: str, gates: int, sentence: str, formula: tuple[str, ...]) -> Card:
    shape: Shape = lambda arguments, inputs: _shape(name, gates, arguments, inputs)  # noqa: E731
    cost: Cost = lambda arguments, inputs: _cost(name, gates, arguments, inputs)  # noqa: E731
    return Card(
        name=name,
        family="recurrent",
        sentence=sentence,
        formula=(*formula, _LATER),
        arguments={**_SIZES, **_FLAGS, **PLACE},
        defaults=_DEFAULTS,
        shape=shape,
        parameters=lambda arguments: _parameters(gates, arguments),
        initial=_INITIAL,
        cost=cost,
        modes=_MODES,
        pitfalls=_PITFALLS,
        takes=_TAKES,
    )


RNN = _card(
    "RNN",
    1,
    "Reads a sequence step by step: each hidden state is made of the input of the step and the state before it.",
    (
        "hₜ = tanh(W_ih·xₜ + b_ih + W_hh·hₜ₋₁ + b_hh)",
        "     nonlinearity='relu': relu instead of tanh",
    ),
)
RNN = RNN._replace(
    arguments={**_SIZES, "nonlinearity": _NONLINEARITY, **_FLAGS, **PLACE},
    defaults={**_DEFAULTS, "nonlinearity": "tanh"},
    takes=(*_TAKES, "h_0: (layers · directions)×N×hidden_size; without it zeros"),
)

LSTM = _card(
    "LSTM",
    4,
    "Reads a sequence step by step with a memory c beside the hidden state: gates decide what is kept, let in and "
    "shown.",
    (
        "i = σ(W_ii·xₜ + b_ii + W_hi·hₜ₋₁ + b_hi)        how much is let in",
        "f = σ(W_if·xₜ + b_if + W_hf·hₜ₋₁ + b_hf)        how much is kept",
        "g = tanh(W_ig·xₜ + b_ig + W_hg·hₜ₋₁ + b_hg)     what is let in",
        "o = σ(W_io·xₜ + b_io + W_ho·hₜ₋₁ + b_ho)        how much is shown",
        "cₜ = f ⊙ cₜ₋₁ + i ⊙ g",
        "hₜ = o ⊙ tanh(cₜ)                 with proj_size: W_hr·(o ⊙ tanh(cₜ))",
        "weight_ih holds W_ii, W_if, W_ig, W_io, one below the other",
    ),
)
LSTM = LSTM._replace(
    arguments={**_SIZES, **_FLAGS, **_PROJECTION, **PLACE},
    defaults={**_DEFAULTS, "proj_size": 0},
    initial=(*_INITIAL, _PROJECTED),
    takes=(
        *_TAKES,
        "(h_0, c_0): (layers · directions)×N×hidden_size each, h_0 ×proj_size if there is one; without them zeros",
    ),
)

GRU = _card(
    "GRU",
    3,
    "Reads a sequence step by step; two gates decide how much of the state before is used, and how much is kept.",
    (
        "r = σ(W_ir·xₜ + b_ir + W_hr·hₜ₋₁ + b_hr)        how much is used",
        "z = σ(W_iz·xₜ + b_iz + W_hz·hₜ₋₁ + b_hz)        how much is kept",
        "n = tanh(W_in·xₜ + b_in + r ⊙ (W_hn·hₜ₋₁ + b_hn))",
        "hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁",
        "weight_ih holds W_ir, W_iz, W_in, one below the other",
    ),
)
GRU = GRU._replace(takes=(*_TAKES, "h_0: (layers · directions)×N×hidden_size; without it zeros"))

RNN_BASE = Card(
    name="RNNBase",
    family="recurrent",
    sentence="What RNN, LSTM and GRU have in common: it makes their weights, and has no forward of its own.",
    formula=("one of RNN, LSTM and GRU, by its mode",),
    arguments={"mode": "RNN_TANH, RNN_RELU, LSTM or GRU", **_SIZES, **_FLAGS, **_PROJECTION, **PLACE},
    defaults={**_DEFAULTS, "proj_size": 0},
    parameters=lambda arguments: _parameters(_base_gates(arguments), arguments),
    initial=(*_INITIAL, _PROJECTED),
    pitfalls=("NN120",),
)

CARDS: tuple[Card, ...] = (RNN, LSTM, GRU, *CELLS, RNN_BASE)
