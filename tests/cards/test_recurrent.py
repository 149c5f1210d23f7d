"""RNN, LSTM, GRU and their cells, against torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest
from torch import Tensor, nn

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import (
    Trial,
    build,
    check_costs,
    check_initial,
    check_parameters,
    check_shapes,
    filled,
)

LAYERS = ["RNN", "LSTM", "GRU"]
CELLS = ["RNNCell", "LSTMCell", "GRUCell"]


def call(module: nn.Module, tensors: list[Tensor]) -> Any:
    """The states of an LSTM come as a pair."""
    x, *states = tensors
    if len(states) == 2:
        return module(x, tuple(states))
    return module(x, *states)


def trials(name: str) -> Iterator[Trial]:
    random = Random(name)
    for _ in range(260):
        given = arguments(name, random)
        features = given["input_size"] if random.random() < 0.95 else 6
        batch, steps = random.randint(0, 3), random.choice([1, 2, 3, 4, 5, 5, 5, 0])
        x: tuple[int, ...] = (batch, steps, features) if given["batch_first"] else (steps, batch, features)
        batched = random.random() < 0.8
        if not batched:
            x = random.choice([(steps, features), (steps, features), (steps, features), (features,), (1, *x)])
        yield Trial(given, (x, *states(name, given, batch if batched else None, random)))


def arguments(name: str, random: Random) -> dict[str, Any]:
    layers = random.randint(1, 3)
    given: dict[str, Any] = {
        "input_size": random.randint(1, 5),
        "hidden_size": random.randint(1, 5) if random.random() < 0.97 else 0,
        "num_layers": layers if random.random() < 0.97 else 0,
        "bias": random.random() < 0.7,
        "batch_first": random.random() < 0.5,
        "bidirectional": random.random() < 0.5,
        "dropout": random.choice([0.0, 0.0, 0.5, 1]) if random.random() < 0.95 else random.choice([-0.1, 1.5, True]),
    }
    if name == "LSTM":
        given["proj_size"] = random.choice([0, 0, 0, 1, 2, 3, -1])
    if name == "RNN":
        given["nonlinearity"] = random.choice(["tanh", "relu"]) if random.random() < 0.95 else "gelu"
    return given


def states(name: str, given: dict[str, Any], batch: int | None, random: Random) -> Iterator[tuple[int, ...]]:
    """None, or as many as there should be, mostly of the right shape."""
    if random.random() < 0.5:
        return
    rows = given["num_layers"] * (2 if given["bidirectional"] else 1)
    right: tuple[int, ...] = (rows, given["hidden_size"]) if batch is None else (rows, batch, given["hidden_size"])
    projected = given.get("proj_size", 0)
    first = (*right[:-1], projected) if projected > 0 else right
    for shape in (first, right) if name == "LSTM" else (first,):
        yield shape if random.random() < 0.9 else random.choice([(*shape[:-1], 7), shape[1:], (1, *shape), shape[::-1]])


def cell_trials(name: str) -> Iterator[Trial]:
    random = Random(name)
    for _ in range(260):
        features, hidden, batch = random.randint(0, 4), random.randint(0, 4), random.randint(0, 4)
        given: dict[str, Any] = {"input_size": features, "hidden_size": hidden, "bias": random.random() < 0.5}
        if name == "RNNCell":
            given["nonlinearity"] = random.choice(["tanh", "relu"]) if random.random() < 0.95 else "gelu"
        last = features if random.random() < 0.95 else 5
        x = random.choice([(batch, last), (batch, last), (batch, last), (last,), (last,)])
        x = x if random.random() < 0.95 else random.choice([(), (1, *x, last)])
        count = random.choice([0, 2 if name == "LSTMCell" else 1]) if hidden else 0
        right = (*x[:-1], hidden)
        wrong = [(hidden,), (1, hidden), (batch, hidden + 1), (1, batch, hidden)]
        yield Trial(given, (x, *(right if random.random() < 0.85 else random.choice(wrong) for _ in range(count))))


@pytest.mark.parametrize("name", LAYERS)
def test_the_shapes_of_layers_are_those_of_torch(name: str) -> None:
    check_shapes(name, trials(name), call)


@pytest.mark.parametrize("name", CELLS)
def test_the_shapes_of_cells_are_those_of_torch(name: str) -> None:
    check_shapes(name, cell_trials(name), call)


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_the_costs_of_layers_are_what_a_run_counts(name: str, mode: bool) -> None:
    check_costs(name, trials(name), call, mode)


@pytest.mark.parametrize("name", CELLS)
def test_the_costs_of_cells_are_what_a_run_counts(name: str) -> None:
    check_costs(name, cell_trials(name), call)


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_of_layers_are_counted_as_torch_makes_them(name: str) -> None:
    checked = 0
    for trial in trials(name):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                build(name, trial.given)
                check_parameters(name, trial.given)
        except (ValueError, TypeError):
            continue
        checked += 1
    assert checked > 100


@pytest.mark.parametrize("mode", ["RNN_TANH", "RNN_RELU", "LSTM", "GRU"])
def test_the_base_of_all_has_the_parameters_of_its_mode(mode: str) -> None:
    given = {"mode": mode, "input_size": 30, "hidden_size": 700, "num_layers": 2}
    for more in ({}, {"bias": False}, {"proj_size": 20}):
        check_parameters("RNNBase", {**given, **more})
        check_initial("RNNBase", {**given, **more})


@pytest.mark.parametrize("name", CELLS)
def test_parameters_of_cells_are_those_of_torch(name: str) -> None:
    for bias in (True, False):
        given = {"input_size": 30, "hidden_size": 900, "bias": bias}
        check_parameters(name, given)
        check_initial(name, given)


@pytest.mark.parametrize("chunks", [1, 3, 4])
def test_the_base_of_cells_has_parameters_by_its_chunks(chunks: int) -> None:
    given = {"input_size": 30, "hidden_size": 900, "bias": True, "num_chunks": chunks}
    check_parameters("RNNCellBase", given)
    check_initial("RNNCellBase", given)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bias", [True, False])
def test_initial_values_are_those_of_torch(name: str, bias: bool) -> None:
    given = {"input_size": 20, "hidden_size": 700, "bidirectional": True, "bias": bias}
    check_initial(name, given)
    if name == "LSTM":
        check_initial(name, {**given, "proj_size": 30})


def test_the_axes_are_told_as_the_layer_reads_them() -> None:
    shape = CARDS["LSTM"].shape
    assert shape is not None
    given = {"input_size": 10, "hidden_size": 20, "num_layers": 2, "bidirectional": True}
    shaped = shape(filled("LSTM", given), ((5, 3, 10),))
    assert shaped.outputs == ((5, 3, 40), (4, 3, 20), (4, 3, 20))
    assert shaped.lines == (
        "the input 5×3×10 is read as sequence × batch × feature (batch_first=False)",
        "output: features = 2·20 = 40",
        "h_n and c_n: layers = 2·2 = 4 on the first axis, the batch on the second",
    )


def test_the_numbers_of_a_layer_stand_in_the_arithmetic() -> None:
    card, arguments = CARDS["GRU"], filled("GRU", {"input_size": 10, "hidden_size": 20, "num_layers": 3})
    assert card.parameters is not None
    assert card.cost is not None
    assert card.parameters(arguments).lines == (
        "weight_ih_l0 3·20·10 = 600",
        "weight_ih_l1 … l2 2·3·20·20 = 2,400",
        "weight_hh_l0 … l2 3·3·20·20 = 3,600",
        "bias_ih and bias_hh 2·3·3·20 = 360",
    )
    assert card.cost(arguments, ((5, 2, 10),)).lines == (
        "2·rows·gates·hidden_size·input_size = 2·10·3·20·10 = 12,000",
        "2·rows·(num_layers − 1)·gates·hidden_size·hidden_size = 2·10·2·3·20·20 = 48,000",
        "2·rows·num_layers·gates·hidden_size·hidden_size = 2·10·3·3·20·20 = 72,000",
    )


@pytest.mark.parametrize("name", [*LAYERS, *CELLS, "RNNBase", "RNNCellBase"])
def test_without_arguments_a_card_is_the_general_rule(name: str) -> None:
    card = CARDS[name]
    nothing = {argument: Symbol(argument) for argument in card.arguments}
    required = {argument: card.defaults.get(argument, Symbol(argument)) for argument in card.arguments}
    for arguments in (nothing, required):
        assert card.parameters is not None
        assert card.parameters(arguments).total is None
        assert all(initial.of(arguments) for initial in islice(card.initial, 4))
        if card.shape and card.cost:
            assert card.shape(arguments, ()).outputs[0][-1] == "hidden_size"
            assert card.cost(arguments, ()).total is None
            assert all("hidden_size" in line for line in card.cost(arguments, ()).lines)


def test_the_base_refuses_a_mode_that_torch_refuses() -> None:
    given = {"mode": "SRU", "input_size": 2, "hidden_size": 3}
    parameters = CARDS["RNNBase"].parameters
    assert parameters is not None
    with pytest.raises(ValueError, match="mode is one of"):
        parameters(filled("RNNBase", given))
    with pytest.raises(ValueError, match="Unrecognized RNN mode"):
        nn.RNNBase(**given)  # type: ignore[arg-type]
