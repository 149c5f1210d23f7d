"""MultiheadAttention, against torch."""

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
    """One tensor alone is query, key and value."""
    query, key, value = tensors if len(tensors) == 3 else tensors * 3
    return module(query, key, value)


def trials() -> Iterator[Trial]:
    random = Random(1)
    for _ in range(400):
        heads = random.randint(1, 4) if random.random() < 0.97 else 0
        width = heads * random.randint(1, 3) if random.random() < 0.95 else random.randint(0, 7)
        given = {
            "embed_dim": width,
            "num_heads": heads,
            "bias": random.random() < 0.7,
            "add_bias_kv": random.random() < 0.2,
            "add_zero_attn": random.random() < 0.2,
            "kdim": random.choice([None, None, None, width, 5]),
            "vdim": random.choice([None, None, None, width, 3]),
            "batch_first": random.random() < 0.5,
        }
        yield Trial(given, tuple(inputs(given, random)))


def inputs(given: dict[str, Any], random: Random) -> Iterator[tuple[int, ...]]:
    """One sequence that looks at itself, or one that looks at another; mostly of the right shapes."""
    batch, mine, other = (random.randint(1, 4) for _ in range(3))
    batched, width = random.random() < 0.8, given["embed_dim"]

    def sizes(length: int, width: int) -> tuple[int, ...]:
        if not batched:
            return (length, width)
        if random.random() < 0.05:
            return random.choice([(length, width), (batch + 1, length, width), (1, batch, length, width), (width,)])
        return (batch, length, width) if given["batch_first"] else (length, batch, width)

    yield sizes(mine, width if random.random() < 0.95 else 8)
    if random.random() < 0.6:
        yield sizes(other, given["kdim"] or width)
        yield sizes(other if random.random() < 0.95 else other + 1, given["vdim"] or width)


@pytest.mark.parametrize("mode", [True, False])
def test_the_shapes_are_those_of_torch(mode: bool) -> None:
    check_shapes("MultiheadAttention", trials(), call, mode)


@pytest.mark.parametrize("mode", [True, False])
def test_the_costs_are_what_a_run_counts_also_on_the_fused_path(mode: bool) -> None:
    check_costs("MultiheadAttention", trials(), call, mode)


WIDE = {"embed_dim": 1200, "num_heads": 4}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"bias": False},
        {"kdim": 300},
        {"vdim": 200, "bias": False},
        {"kdim": 300, "vdim": 1200, "add_bias_kv": True},
    ],
)
def test_parameters_and_their_distribution_are_those_of_torch(more: dict[str, Any]) -> None:
    check_parameters("MultiheadAttention", {**WIDE, **more})
    check_initial("MultiheadAttention", {**WIDE, **more})


def test_widths_that_are_those_of_the_query_make_no_separate_matrices() -> None:
    check_initial("MultiheadAttention", {**WIDE, "kdim": 1200, "vdim": 1200})


def test_without_weights_one_tensor_comes_out() -> None:
    x = torch.zeros(2, 3, 4)
    with torch.no_grad():
        y, weights = nn.MultiheadAttention(4, 2)(x, x, x, need_weights=False)
    assert weights is None
    shape = CARDS["MultiheadAttention"].shape
    assert shape is not None
    arguments = filled("MultiheadAttention", {"embed_dim": 4, "num_heads": 2})
    assert shape(arguments, ((2, 3, 4),)).outputs[0] == tuple(y.shape)


def test_true_in_a_mask_hides_a_place_as_the_card_says() -> None:
    x = torch.randn(3, 1, 4)
    mask = torch.tensor([[False, True, True]] * 3)
    with torch.no_grad():
        _, weights = nn.MultiheadAttention(4, 2)(x, x, x, attn_mask=mask)
    assert weights.tolist() == [[[1.0, 0.0, 0.0]] * 3]
    assert any("True where nothing may be looked at" in line for line in CARDS["MultiheadAttention"].takes)


def test_the_numbers_of_a_layer_stand_in_the_arithmetic() -> None:
    card = CARDS["MultiheadAttention"]
    arguments = filled("MultiheadAttention", {"embed_dim": 512, "num_heads": 8, "add_zero_attn": True})
    shapes = ((10, 32, 512), (20, 32, 512), (20, 32, 512))
    assert card.shape is not None
    assert card.cost is not None
    shaped = card.shape(arguments, shapes)
    assert shaped.outputs == ((10, 32, 512), (32, 10, 21))
    assert shaped.lines == (
        "query 10×32×512 is read as sequence × batch × feature (batch_first=False)",
        "head_dim = 512/8 = 64",
        "places to look at = 20 + 1 = 21: the layer has some of its own",
        "weights 32×10×21: the mean over the heads; need_weights=False: none come out",
    )
    assert card.cost(arguments, shapes).lines == (
        "queries and output: 2·N·L·2·embed_dim·embed_dim = 2·32·10·2·512·512 = 335,544,320",
        "keys and values: 2·N·S·2·embed_dim·embed_dim = 2·32·20·2·512·512 = 671,088,640",
        "attention: 2·N·L·S·2·embed_dim = 2·32·10·(20 + 1)·2·512 = 13,762,560",
    )


def test_without_arguments_a_card_is_the_general_rule() -> None:
    card = CARDS["MultiheadAttention"]
    nothing = {argument: Symbol(argument) for argument in card.arguments}
    required = {argument: card.defaults.get(argument, Symbol(argument)) for argument in card.arguments}
    assert card.parameters is not None
    assert card.shape is not None
    assert card.cost is not None
    for arguments in (nothing, required):
        assert card.shape(arguments, ()).outputs == (("L", "N", "embed_dim"), ("N", "L", "S"))
        assert card.parameters(arguments).lines[0] == "in_proj_weight 3·embed_dim·embed_dim"
        assert card.cost(arguments, ()).lines[2] == "attention: 2·N·L·S·2·embed_dim"
        assert all("embed_dim" in drawn.text for each in card.initial[:5] if (drawn := each.of(arguments)))
