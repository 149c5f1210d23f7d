"""Embedding and EmbeddingBag, against torch."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.cards import CARDS
from inspector.cards.card import Symbol
from tests.cards.against_torch import Trial, check_costs, check_initial, check_parameters, check_shapes, filled


def call(module: nn.Module, tensors: list[Tensor]) -> Any:
    """Ids and offsets are integers; ids in rows may come with weights alone."""
    ids, *others = tensors
    if ids.dim() == 2 and others and others[0].dim() == 2:
        return module(ids.long(), None, others[0])
    offsets = [each.long() for each in others[:1]]
    if offsets and offsets[0].numel() and module.include_last_offset:
        offsets[0][-1] = ids.numel()
    return module(ids.long(), *offsets, *others[1:])


def embedding_trials() -> Iterator[Trial]:
    random = Random(1)
    for _ in range(260):
        rows = random.randint(1, 5)
        padding = random.choice([None, None, 0, -1, rows - 1, random.randint(-7, 7)])
        ids = tuple(random.randint(0, 4) for _ in range(random.randint(0, 4)))
        norm = random.choice([None, None, 1.0])
        given = {"num_embeddings": rows, "embedding_dim": random.randint(0, 5), "padding_idx": padding}
        yield Trial({**given, "max_norm": norm if ids and 0 not in ids else None}, (ids,))


def bag_trials() -> Iterator[Trial]:
    random = Random(2)
    for _ in range(600):
        rows = random.randint(1, 5)
        last = random.random() < 0.4
        given = {
            "num_embeddings": rows,
            "embedding_dim": random.randint(1, 7),
            "mode": random.choice(
                ["sum", "sum", "mean", "max", "median"] if random.random() < 0.2 else ["sum", "mean"]
            ),
            "sparse": random.random() < 0.2,
            "include_last_offset": last,
            "padding_idx": random.choice([None, None, rows - 1, random.randint(-6, 6)]),
        }
        inputs = tuple(bag_inputs(random))
        if inputs[1:2] == ((int(last),),) and inputs[0] != (0,):
            continue  # ids and no bag: torch writes to memory that is not its own, and may end the process
        yield Trial(given, inputs)


def bag_inputs(random: Random) -> Iterator[tuple[int, ...]]:
    axes = random.choice([1, 1, 1, 2, 2, 2, 2, 0, 3])
    ids = tuple(random.randint(0, 4) for _ in range(axes))
    yield ids
    if axes == 1 and random.random() < 0.9:
        yield tuple(random.randint(0, 4) for _ in range(random.choice([1, 1, 1, 1, 0])))
    elif axes == 2 and random.random() < 0.1:
        yield (3,)
        return
    elif axes in (0, 3):
        return
    if axes == 2 and random.random() < 0.3:
        yield ids if random.random() < 0.8 else (ids[0], ids[1] + 1)


def weighted_trials() -> Iterator[Trial]:
    random = Random(3)
    for _ in range(200):
        count = random.randint(0, 4)
        weights = count if random.random() < 0.9 else count + 1
        given = {"num_embeddings": 3, "embedding_dim": 2, "mode": random.choice(["sum", "sum", "sum", "mean"])}
        yield Trial(given, ((count,), (random.randint(1, 4),), (weights,)))


def test_the_shapes_of_embedding_are_those_of_torch() -> None:
    check_shapes("Embedding", embedding_trials(), call)


def test_the_shapes_of_embedding_bag_are_those_of_torch() -> None:
    check_shapes("EmbeddingBag", bag_trials(), call)


def test_weights_of_a_bag_are_taken_where_torch_takes_them() -> None:
    check_shapes("EmbeddingBag", weighted_trials(), call)


@pytest.mark.parametrize("padding", [None, 2, -1])
@pytest.mark.parametrize("name", ["Embedding", "EmbeddingBag"])
def test_parameters_and_their_distribution_are_those_of_torch(name: str, padding: int | None) -> None:
    given = {"num_embeddings": 4, "embedding_dim": 40_000, "padding_idx": padding}
    check_parameters(name, given)
    check_initial(name, given)


def test_the_row_of_the_padding_is_named_and_begins_as_zeros() -> None:
    given = {"num_embeddings": 10, "embedding_dim": 4, "padding_idx": -1}
    drawn = CARDS["Embedding"].initial[0].of(filled("Embedding", given))
    assert drawn is not None
    assert drawn.text == "N(0, 1), and row 9 all 0"
    assert nn.Embedding(10, 4, padding_idx=-1).weight[9].eq(0).all()


def test_a_table_that_was_given_is_not_drawn() -> None:
    table = torch.ones(3, 2)
    given = {"num_embeddings": 3, "embedding_dim": 2, "_weight": table}
    drawn = CARDS["Embedding"].initial[0].of(filled("Embedding", given))
    assert drawn is not None
    assert drawn.text == "what was given as _weight"
    assert drawn.std is None
    check_parameters("Embedding", given)


def test_looking_up_costs_nothing_as_in_a_run() -> None:
    assert CARDS["Embedding"].cost is None
    check_costs("Embedding", embedding_trials(), call)
    check_costs("EmbeddingBag", bag_trials(), call)


def test_a_row_longer_than_max_norm_is_cut_down_in_the_table() -> None:
    table = nn.Embedding(2, 4, max_norm=1.0, _weight=torch.full((2, 4), 3.0))
    table(torch.tensor([0]))
    assert float(table.weight[0].detach().norm()) == pytest.approx(1.0, abs=1e-5)
    assert table.weight[1].eq(3).all()


def test_padding_counts_in_no_bag_and_a_bag_of_nothing_is_zero() -> None:
    bag = nn.EmbeddingBag(3, 2, padding_idx=0, mode="mean", _weight=torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0]]))
    assert bag(torch.tensor([[0, 1], [1, 2], [0, 0]])).tolist() == [[1.0, 2.0], [2.0, 3.0], [0.0, 0.0]]


def test_the_numbers_of_a_layer_stand_in_the_arithmetic() -> None:
    card, arguments = CARDS["Embedding"], filled("Embedding", {"num_embeddings": 50_257, "embedding_dim": 768})
    assert card.shape is not None
    assert card.parameters is not None
    assert card.parameters(arguments).lines == ("weight 50257·768 = 38,597,376",)
    assert card.shape(arguments, ((2, 16),)).outputs == ((2, 16, 768),)
    assert "768 numbers" in card.shape(arguments, ((2, 16),)).lines[0]


def test_without_arguments_a_card_is_the_general_rule() -> None:
    for name, outputs in (("Embedding", ("N", "L", "embedding_dim")), ("EmbeddingBag", ("N", "embedding_dim"))):
        card = CARDS[name]
        arguments = {key: Symbol(key) for key in card.arguments}
        assert card.shape is not None
        assert card.parameters is not None
        assert card.shape(arguments, ()).outputs == (outputs,)
        assert card.parameters(arguments).lines == ("weight num_embeddings·embedding_dim",)
        assert all(initial.of(arguments) for initial in card.initial)
