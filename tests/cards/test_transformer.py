"""The Transformer and its layers, against torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.cards import CARDS
from inspector.cards.arithmetic import shape_text
from inspector.cards.card import Symbol
from inspector.cards.explaining import Flow, explain_module
from inspector.engine.detail import describe_module
from inspector.engine.forward.dispatch import Dispatching
from inspector.engine.forward.flops import Flops
from inspector.run_schema import Seen
from tests.cards.against_torch import (
    Trial,
    build,
    check_costs,
    check_initial,
    check_parameters,
    check_shapes,
    filled,
    tensors_in,
)

LAYERS = ["TransformerEncoderLayer", "TransformerDecoderLayer"]
STACKS = {"TransformerEncoder": "TransformerEncoderLayer", "TransformerDecoder": "TransformerDecoderLayer"}


def trials(name: str, count: int = 260) -> Iterator[Trial]:
    random = Random(name)
    for _ in range(count):
        heads = random.randint(1, 4) if random.random() < 0.97 else 0
        width = heads * random.randint(1, 3) if random.random() < 0.95 else random.randint(0, 7)
        given = {
            "d_model": width,
            "nhead": heads,
            "dim_feedforward": random.randint(1, 6),
            "dropout": random.choice([0.0, 0.1, 1.0]) if random.random() < 0.96 else random.choice([-0.1, 1.5]),
            "activation": random.choice(["relu", "gelu"]) if random.random() < 0.96 else "tanh",
            "batch_first": random.random() < 0.5,
            "norm_first": random.random() < 0.5,
            "bias": random.random() < 0.8,
        }
        if name == "Transformer":
            given |= {f"num_{half}_layers": random.choice([1, 1, 1, 2]) for half in ("encoder", "decoder")}
            if random.random() < 0.05:
                given["num_encoder_layers"] = 0
        yield Trial(given, tuple(inputs(given, random, 1 if name == "TransformerEncoderLayer" else 2)))


def inputs(given: Mapping[str, Any], random: Random, count: int) -> Iterator[tuple[int, ...]]:
    """So many sequences, or batches of them; mostly of the right shapes."""
    batch, batched = random.randint(1, 4), random.random() < 0.8
    for _ in range(count):
        length, width = random.randint(1, 4), given["d_model"] if random.random() < 0.96 else 8
        if not batched:
            yield (length, width)
        elif random.random() < 0.06:
            yield random.choice([(length, width), (batch + 1, length + 1, width), (1, batch, length, width), (width,)])
        else:
            yield (batch, length, width) if given["batch_first"] else (length, batch, width)


@pytest.mark.parametrize("name", [*LAYERS, "Transformer"])
@pytest.mark.parametrize("mode", [True, False])
def test_the_shapes_are_those_of_torch(name: str, mode: bool) -> None:
    check_shapes(name, trials(name), mode=mode)


@pytest.mark.parametrize("name", [*LAYERS, "Transformer"])
@pytest.mark.parametrize("mode", [True, False])
def test_the_costs_are_what_a_run_counts_also_on_the_fused_path(name: str, mode: bool) -> None:
    check_costs(name, trials(name, 50), mode=mode)


@pytest.mark.parametrize("name", [*LAYERS, "Transformer"])
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_and_their_distribution_are_those_of_torch(name: str, bias: bool) -> None:
    given: dict[str, Any] = {"d_model": 600, "nhead": 2, "dim_feedforward": 900, "bias": bias}
    if name == "Transformer":
        given |= {"num_encoder_layers": 2, "num_decoder_layers": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the fused path, which this one does not take
        check_parameters(name, given)
        check_initial(name, given)


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_keeps_the_shape_and_wants_a_layer(name: str) -> None:
    shape, count = CARDS[name].shape, 1 if name == "TransformerEncoder" else 2
    assert shape is not None
    random, taken = Random(name), 0
    for _ in range(80):
        batch_first, layers = random.random() < 0.5, random.choice([1, 1, 2, 0])
        layer = build(STACKS[name], {"d_model": 4, "nhead": 2, "dim_feedforward": 3, "batch_first": batch_first})
        given = {next(iter(CARDS[name].arguments)): layer, "num_layers": layers}
        if name == "TransformerEncoder":
            given["enable_nested_tensor"] = False
        shapes = tuple(inputs({"d_model": 4, "batch_first": batch_first}, random, count))
        out = came_out(name, given, shapes)
        if layers == 0:
            assert out is None
            with pytest.raises(ValueError, match="at least one layer"):
                shape(filled(name, given), shapes)
        elif out is not None:
            taken += 1
            assert shape(filled(name, given), shapes).outputs == (out,)
    assert taken > 40


def came_out(name: str, given: Mapping[str, Any], shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...] | None:
    """The shape of what torch gives; None when it refuses."""
    try:
        with torch.no_grad():
            return tuple(tensors_in(build(name, given)(*map(torch.zeros, shapes)))[0].shape)
    except (AssertionError, RuntimeError, IndexError):
        return None


def test_the_layers_of_a_stack_begin_alike_and_those_of_a_transformer_do_not() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    stack = nn.TransformerEncoder(layer, 2)
    assert weight(stack, 0).equal(weight(stack, 1))
    assert "same numbers" in CARDS["TransformerEncoder"].initial[0].of({}).text  # type: ignore[union-attr]
    assert "NN115" in CARDS["TransformerEncoder"].pitfalls
    whole = nn.Transformer(4, 2, 2, 2, 8, batch_first=True)
    assert not weight(whole.encoder, 0).equal(weight(whole.encoder, 1))


def weight(stack: nn.Module, place: int) -> Tensor:
    return stack.get_parameter(f"layers.{place}.linear1.weight")


def test_a_stack_says_of_what_its_numbers_are_made() -> None:
    card = CARDS["TransformerEncoder"]
    arguments = filled("TransformerEncoder", {"encoder_layer": Symbol("layer"), "num_layers": 6})
    assert card.parameters is not None
    assert card.cost is not None
    assert card.parameters(arguments).lines == ("layers 6·(parameters of encoder_layer)",)
    assert card.cost(arguments, ()).lines == ("6 times what encoder_layer costs",)
    assert card.cost(arguments, ()).total is None


def test_a_half_of_ones_own_leaves_the_other_half_counted() -> None:
    card = CARDS["Transformer"]
    arguments = filled("Transformer", {"d_model": 4, "nhead": 2, "dim_feedforward": 8, "custom_encoder": Symbol("own")})
    assert card.parameters is not None
    assert card.cost is not None
    counted, cost = card.parameters(arguments), card.cost(arguments, ((5, 2, 4), (3, 2, 4)))
    assert (counted.total, cost.total) == (None, None)
    assert counted.lines[0] == "encoder: those of custom_encoder"
    assert cost.lines[-1] == "encoder: what custom_encoder costs"
    own = sum(
        parameter.numel() for parameter in nn.Transformer(4, 2, 1, 6, 8, batch_first=True).decoder.layers.parameters()
    )
    assert counted.lines[1] == f"decoder.layers 6·{own // 6} = {own:,}"


def test_the_numbers_of_a_layer_stand_in_the_arithmetic() -> None:
    card = CARDS["TransformerEncoderLayer"]
    given = {"d_model": 512, "nhead": 8, "batch_first": True}
    arguments = filled("TransformerEncoderLayer", given)
    assert card.cost is not None
    assert card.shape is not None
    assert card.cost(arguments, ((32, 10, 512),)).lines == (
        "projections: 2·N·S·4·d_model·d_model = 2·32·10·4·512·512 = 671,088,640",
        "attention: 2·N·S·S·2·d_model = 2·32·10·10·2·512 = 6,553,600",
        "linear1 and linear2: 2·N·S·2·d_model·dim_feedforward = 2·32·10·2·512·2048 = 1,342,177,280",
    )
    assert card.shape(arguments, ((32, 10, 512),)).lines == (
        "src 32×10×512 is read as batch × sequence × feature (batch_first=True)",
        "head_dim = 512/8 = 64",
        "the output has the shape of src",
    )


@pytest.mark.parametrize("name", [*LAYERS, *STACKS, "Transformer"])
def test_without_arguments_a_card_is_the_general_rule(name: str) -> None:
    card = CARDS[name]
    nothing: dict[str, Any] = {argument: Symbol(argument) for argument in card.arguments}
    required = {argument: card.defaults.get(argument, Symbol(argument)) for argument in card.arguments}
    assert card.parameters is not None
    assert card.shape is not None
    assert card.cost is not None
    widths = {name: symbol for name, symbol in nothing.items() if name in ("d_model", "nhead")}
    for arguments in (nothing, {**required, **widths}):
        assert card.shape(arguments, ()).outputs[0][1:] == ("N", "d_model")
        assert card.parameters(arguments).total is None
        assert card.cost(arguments, ()).total is None
        assert all(drawn.text for initial in card.initial if (drawn := initial.of(arguments)))


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_of_real_layers_counts_them_in_numbers_as_torch_does(name: str) -> None:
    random, wrong = Random(name), []
    for _ in range(40):
        layer: dict[str, Any] = {
            "d_model": (heads := random.randint(1, 3)) * random.randint(1, 4),
            "nhead": heads,
            "dim_feedforward": random.randint(1, 9),
            "activation": random.choice(["relu", "gelu"]),
            "batch_first": random.random() < 0.5,
            "norm_first": random.random() < 0.5,
            "bias": random.random() < 0.7,
        }
        norm = random.choice([None, nn.LayerNorm(layer["d_model"]), nn.RMSNorm(layer["d_model"])])
        given = {_COPIED[name]: build(STACKS[name], layer), "num_layers": random.randint(1, 3), "norm": norm}
        stack = build(name, given | ({"enable_nested_tensor": False} if name == "TransformerEncoder" else {}))
        width, both = layer["d_model"], name == "TransformerDecoder"
        memory = (2, 5, width) if layer["batch_first"] else (5, 3, width)
        shapes = ((2, 3, width), memory) if both else ((2, 3, width),)
        explained = explain_module(describe_module(stack), Flow(tuple(Seen(shape=shape) for shape in shapes)))
        assert explained is not None
        flops = Flops(lambda _: None)
        with torch.no_grad(), Dispatching(flops), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = stack(*map(torch.zeros, shapes))
        shape = explained.section("shape")
        assert shape is not None
        real = sum(map(torch.numel, stack.parameters())), flops.total, f"out  {shape_text(result.shape)}"
        mine = explained.parameters, explained.flops, next(line for line in shape.lines if line.startswith("out"))
        wrong += [(layer, norm, shapes, real, mine)] if real != mine else []
        assert flops.total
    assert not wrong


_COPIED = {"TransformerEncoder": "encoder_layer", "TransformerDecoder": "decoder_layer"}


def test_a_stack_of_somebodys_own_layers_stays_symbolic() -> None:
    class Own(nn.TransformerEncoderLayer):
        def __init__(self) -> None:
            super().__init__(4, 2)

    explained = explain_module(describe_module(nn.TransformerEncoder(Own(), 2, enable_nested_tensor=False)))
    assert explained is not None
    assert explained.parameters is None
    parameters = explained.section("parameters")
    assert parameters is not None
    assert parameters.lines == ("layers 2·(parameters of encoder_layer)",)
