"""Cards put together with a layer, a run and measurements: what a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

from inspector import inspect
from inspector.cards import CARDS
from inspector.cards.card import Symbol
from inspector.cards.explaining import Explained, Flow, Registered, Section, explain, explain_arguments, explain_module
from inspector.cards.reading import is_changed, value_of
from inspector.engine.detail import describe_module
from inspector.engine.tensor_stats import measure
from inspector.producers import origin
from inspector.run_schema import Seen
from inspector.schema import Argument, ModuleDetail
from sample_models.lenet import LeNet


def of(module: nn.Module, flow: Flow | None = None, measured: bool = False) -> Explained:
    """The card of a real layer."""
    stats = {name: measure(parameter) for name, parameter in module.named_parameters(recurse=False)}
    explained = explain_module(describe_module(module), flow, Registered(stats=stats) if measured else None)
    assert explained is not None
    return explained


def lines(explained: Explained, key: str) -> tuple[str, ...]:
    section = explained.section(key)
    assert section is not None
    return section.lines


def seen(*sizes: int) -> tuple[Seen, ...]:
    return (Seen("x", sizes, "float32", "cpu"),)


# --- the class alone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_every_class_can_be_explained_without_a_layer(name: str) -> None:
    explained = explain(CARDS[name])
    keys = [section.key for section in explained.sections]
    assert keys[0] == "what"
    assert keys == sorted(set(keys), key=ORDER.index)
    assert all(line or section.key == "formula" for section in explained.sections for line in section.lines)
    assert not [section for section in explained.sections if any("Symbol(" in line for line in section.lines)]


ORDER = ["what", "formula", "shape", "parameters", "takes", "arguments", "initial", "cost", "modes", "pitfalls"]


@pytest.mark.parametrize("name", CARDS)
def test_a_card_survives_the_way_through_json(name: str) -> None:
    explained = explain(CARDS[name])
    assert msgspec.json.decode(msgspec.json.encode(explained), type=Explained) == explained


def test_a_class_shows_its_rule_in_symbols() -> None:
    explained = explain(CARDS["Conv2d"])
    assert lines(explained, "shape")[0] == "out  N×out_channels×H_out×W_out"
    assert lines(explained, "cost") == ("2·N·H_out·W_out·out·in/groups·kernel·kernel",)
    assert "  in_channels (required): " in lines(explained, "arguments")[0]
    assert explained.parameters is None
    assert explained.flops is None


# --- a layer ----------------------------------------------------------------------------------------------------------


def test_a_layer_shows_its_own_numbers() -> None:
    explained = of(nn.Conv2d(3, 64, 7, stride=2, padding=3))
    assert lines(explained, "parameters") == ("weight 64·3·7·7 = 9,408", "bias 64", "together 9,472")
    assert lines(explained, "shape") == (
        "out  N×64×H_out×W_out",
        "     H_out = ⌊(H + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1",
        "     W_out likewise, from W",
    )
    assert explained.parameters == 9_472


def test_arguments_that_are_not_at_their_default_are_marked() -> None:
    explained = of(nn.Conv2d(3, 64, 7, stride=2, bias=False))
    assert [each.name for each in explained.arguments if each.changed] == ["stride", "bias"]
    marked = [line for line in lines(explained, "arguments") if line.startswith("* ")]
    assert marked[0].startswith("* stride = (2, 2) (default 1): ")
    assert marked[1].startswith("* bias = False (default True): ")


def changed(module: nn.Module) -> list[str]:
    return [each.name for each in of(module).arguments if each.changed]


def test_what_torch_fills_in_for_none_is_no_change() -> None:
    assert changed(nn.MaxPool2d(2)) == []
    assert changed(nn.MaxPool2d(3, stride=2)) == ["stride"]
    assert changed(nn.AvgPool2d((2, 3))) == []
    assert not is_changed("kdim", {"kdim": 8, "embed_dim": 8}, {"kdim": None})
    assert is_changed("kdim", {"kdim": 4, "embed_dim": 8}, {"kdim": None})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(3, 4)", (3, 4)),
        ("torch.Size([3, 4])", [3, 4]),
        ("'same'", "same"),
        ("inf", float("inf")),
        ("-1", -1),
        ("torch.nn.functional.relu", Symbol("torch.nn.functional.relu")),
        ("[1, 2, 3…", Symbol("name")),
        ("(" * 5000, Symbol("name")),
    ],
)
def test_arguments_are_read_from_source_text_and_what_cannot_be_read_is_a_symbol(text: str, value: Any) -> None:
    assert value_of(text, "name") == value


def test_a_function_is_unchanged_whatever_its_module_is_called() -> None:
    defaults = {"activation": Symbol("relu")}
    assert not is_changed("activation", {"activation": Symbol("torch.nn.functional.relu")}, defaults)
    assert is_changed("activation", {"activation": Symbol("torch.nn.functional.gelu")}, defaults)


def test_a_number_that_a_layer_does_not_tell_stays_a_symbol() -> None:
    explained = explain_arguments(CARDS["Linear"], [Argument("in_features", value="3"), Argument("out_features")])
    assert lines(explained, "parameters") == ("weight out_features·3", "bias out_features")
    assert explained.parameters is None


class Named(nn.Conv2d):
    """A class of the user's that is a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__(3, width, 3)


def test_a_class_that_is_made_from_one_of_torchs_gets_its_card() -> None:
    explained = of(Named(8))
    assert explained.name == "Conv2d"
    assert lines(explained, "parameters")[0] == "weight 8·3·3·3 = 216"


def test_what_is_no_building_block_has_no_card() -> None:
    assert explain_module(describe_module(LeNet())) is None
    detail = ModuleDetail("lenet.Linear", ("torch.nn.modules.module.Module",), "", (), None, None)
    assert explain_module(detail) is None


JUNK = [
    "None",
    "'x'",
    "()",
    "(1, 2, 3, 4)",
    "-1",
    "0",
    "2.5",
    "[]",
    "{'a': 1}",
    "Linear(1, 2)",
    "True",
    "(None, 2)",
    "1000000000",
]


@pytest.mark.parametrize("name", CARDS)
def test_whatever_somebody_has_made_of_the_attributes_a_card_can_be_shown(name: str) -> None:
    random, card = Random(name), CARDS[name]
    for _ in range(150):
        arguments = [Argument(each, value=random.choice(JUNK)) for each in card.arguments if random.random() < 0.7]
        shapes = [tuple(random.randint(0, 5) for _ in range(random.randint(0, 5))) for _ in range(random.randint(0, 3))]
        inputs = tuple(Seen("x", shape, "float32", "cpu") for shape in shapes)
        assert explain_arguments(card, arguments, Flow(inputs)).sections


# --- a run ------------------------------------------------------------------------------------------------------------


def test_the_shapes_of_a_run_stand_in_the_arithmetic() -> None:
    explained = of(nn.Conv2d(3, 64, 7, stride=2, padding=3), Flow(seen(1, 3, 224, 224), seen(1, 64, 112, 112)))
    assert lines(explained, "shape") == (
        "in   1×3×224×224",
        "out  1×64×112×112",
        "     H_out = W_out = ⌊(224 + 2·3 − 1·(7 − 1) − 1)/2⌋ + 1 = 112",
    )


def test_a_call_that_torch_refuses_is_refused_in_words() -> None:
    explained = of(nn.Linear(576, 120), Flow(seen(2, 400)))
    assert lines(explained, "shape") == (
        "in   2×400",
        "     refused: Linear takes 576 features on the last axis, and got 400 (2×400)",
    )


def test_what_a_run_saw_comes_before_what_a_card_would_say() -> None:
    """ConvTranspose2d takes the size of its output in the call, which a card does not see."""
    explained = of(nn.ConvTranspose2d(1, 1, 2, stride=2), Flow(seen(1, 1, 4, 4), seen(1, 1, 9, 9)))
    assert lines(explained, "shape") == ("in   1×1×4×4", "out  1×1×9×9")


def test_the_cost_is_told_for_a_call_and_for_a_sample() -> None:
    flow = Flow(seen(2, 576), seen(2, 120), samples=2, flops=276_480)
    explained = of(nn.Linear(576, 120), flow)
    assert lines(explained, "cost") == (
        "2·rows·in_features·out_features = 2·2·576·120 = 276,480",
        "276 kFLOP a call, 138 kFLOP a sample; a multiply-add is two",
    )
    assert explained.flops == 276_480
    other = of(nn.Linear(576, 120), msgspec.structs.replace(flow, flops=1))
    assert lines(other, "cost")[-1] == "the run counted 1"


def test_what_is_measured_stands_beside_what_was_drawn() -> None:
    torch.default_generator.manual_seed(0)
    layer = nn.Linear(576, 120)
    drawn = lines(of(layer, measured=True), "initial")
    assert drawn[0] == "weight  U(−√k, √k), k = 1/576 → ±0.04167"
    assert drawn[1].startswith("weight  measured −0.0416")
    assert not drawn[1].endswith("set since")
    with torch.no_grad():
        layer.weight.mul_(2)
    assert lines(of(layer, measured=True), "initial")[1].endswith(": not as drawn, so trained, loaded or set since")


def explained_calls() -> Iterator[tuple[str, Explained]]:
    """The card of every layer of LeNet, after a run."""
    model = LeNet()
    rows = inspect(model, torch.zeros(2, 1, 32, 32)).outcome.run_rows()
    assert rows is not None
    run, table = rows.run, rows.table
    for row in filter(table.is_module, range(1, table.count)):
        record, call = rows.last(row), rows.last_call(row)
        assert record is not None
        assert call is not None
        flow = Flow(record.inputs, record.outputs, origin(rows, call), 2, run.flops[call])
        yield table.path(row), of(model.get_submodule(table.path(row)), flow)


def test_lenet_says_why_its_first_linear_layer_is_576_wide() -> None:
    cards = dict(explained_calls())
    assert lines(cards["fc1"], "shape")[:4] == (
        "in   2×576",
        "     576 = 16·6·6 of max_pool2d, flattened at :22",
        "     each sample: 1×32×32 → conv1 6×28×28 → max_pool2d 6×14×14 → conv2 16×12×12 → max_pool2d 16×6×6"
        " → flatten 576",
        "out  2×120",
    )
    assert lines(cards["conv2"], "shape")[-1] == "     H_out = W_out = ⌊(14 + 2·0 − 1·(3 − 1) − 1)/1⌋ + 1 = 12"


def test_what_a_card_costs_is_what_the_run_counted() -> None:
    for path, explained in explained_calls():
        assert not [line for line in lines(explained, "cost") if line.startswith("the run counted")], path


def test_a_section_can_be_asked_for_by_its_key() -> None:
    explained = explain(CARDS["ReLU"])
    assert explained.section("what") == Section("what", "", (CARDS["ReLU"].sentence,))
    assert explained.section("nothing") is None
