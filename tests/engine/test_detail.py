"""What is told of one module beyond its row."""

from __future__ import annotations

import enum
import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from inspector.engine.detail import MOST_ATTRIBUTES, describe_module
from inspector.engine.guard import Guard
from inspector.schema import Code, ModuleDetail


def text_of(code: Code | None) -> str:
    assert code is not None
    return "".join(text for _, text in code.tokens)


def values_of(detail: ModuleDetail) -> dict[str, str | None]:
    return {argument.name: argument.value for argument in detail.arguments}


class Activation(enum.Enum):
    RELU = "relu"


class Block(nn.Module):
    """A block.

    With a second paragraph.
    """

    def __init__(
        self,
        width: int,
        depth: int = 2,
        *,
        kind: Activation = Activation.RELU,
        dropout: float = 0.1,
        bias: bool = True,
        inner: nn.Module | None = None,
        table: Tensor | None = None,
        lost: str = "x",
    ) -> None:
        super().__init__()
        self.width, self.depth, self.kind, self.inner, self.table = width, depth, kind, inner, table
        self.dropout = nn.Dropout(dropout)
        self.register_parameter("bias", nn.Parameter(torch.zeros(width)) if bias else None)
        self.scale = width**-0.5
        self.sizes = [1, 2, 3]
        self._private = None

    def forward(self, x: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(x)
        return dropped


class Quiet(Block):
    def __init__(self) -> None:
        super().__init__(3, bias=False)


# --- the class --------------------------------------------------------------------------------------------------------


def test_a_class_of_the_user_is_told_in_full() -> None:
    detail = describe_module(Block(4))
    assert detail.qualified_type == f"{__name__}.Block"
    assert detail.bases == ("torch.nn.modules.module.Module",)
    assert detail.doc == "A block.\n\nWith a second paragraph."
    assert detail.class_code is not None
    assert detail.class_code.file == __file__
    assert text_of(detail.class_code).startswith("class Block(nn.Module):\n")
    assert (
        text_of(detail.forward_code)
        == "def forward(self, x: Tensor) -> Tensor:\n    dropped: Tensor = self.dropout(x)\n    return dropped\n"
    )
    assert detail.note == ""


def test_a_docstring_that_is_inherited_is_not_the_classs_own() -> None:
    detail = describe_module(Quiet())
    assert detail.doc == ""
    assert detail.bases == (f"{__name__}.Block",)
    assert "= self.dropout(x)" in text_of(detail.forward_code)


def test_a_forward_that_nobody_wrote_is_not_shown() -> None:
    assert describe_module(nn.ModuleList()).forward_code is None
    assert describe_module(nn.Module()).forward_code is None


def test_a_decorated_forward_is_shown_with_its_decorator() -> None:
    class Decorated(nn.Module):
        @torch.no_grad()
        def forward(self, x: Tensor) -> Tensor:
            return x

    assert text_of(describe_module(Decorated()).forward_code).startswith("@torch.no_grad()\ndef forward(self")


def test_a_forward_that_was_put_on_the_module_is_shown_as_such() -> None:
    module = nn.Linear(2, 2)

    def patched(x: Tensor) -> Tensor:
        return x

    vars(module)["forward"] = patched
    detail = describe_module(module)
    assert text_of(detail.forward_code).startswith("def patched(x: Tensor)")
    assert detail.note == "forward was set on this module, it is not its class's"


def test_a_forward_without_source_says_of_what_type_it_is() -> None:
    class Partial(nn.Module):
        forward = functools.partial(torch.relu)

    detail = describe_module(Partial())
    assert detail.forward_code is None
    assert detail.note == "forward is no function with source, but of type partial"
    assert detail.class_code is not None


def test_a_parametrized_module_is_described_as_the_class_it_is_made_from() -> None:
    detail = describe_module(parametrizations.weight_norm(nn.Linear(3, 4)))
    assert detail.qualified_type == "torch.nn.modules.linear.Linear"
    assert values_of(detail)["in_features"] == "3"
    assert detail.note.startswith("ParametrizedLinear is made at run time")


@pytest.mark.filterwarnings("ignore")
def test_a_script_module_shows_what_was_compiled() -> None:
    for module in (torch.jit.script(Quiet()), torch.jit.trace(Quiet().eval(), torch.zeros(3))):  # type: ignore[no-untyped-call]
        detail = describe_module(module)
        assert text_of(detail.forward_code).startswith("def forward(self,\n    x: Tensor) -> Tensor:")
        assert detail.class_code is None
        assert detail.note.startswith("TorchScript: the Python source is not kept")


@pytest.mark.filterwarnings("ignore")
def test_a_script_module_without_forward_says_why_there_is_nothing() -> None:
    class Bare(nn.Module):
        pass

    detail = describe_module(torch.jit.script(Bare()))
    assert detail.forward_code is None
    assert "its source cannot be found: " in detail.note


def test_a_graph_module_shows_its_generated_code() -> None:
    detail = describe_module(torch.fx.symbolic_trace(nn.Sequential(nn.ReLU())))
    assert text_of(detail.forward_code).startswith("def forward(self, input):\n    ")
    assert detail.class_code is None
    assert detail.note == "made by torch.fx: forward is code that it generated"


def test_a_class_from_exec_says_why_there_is_no_source() -> None:
    scope: dict[str, Any] = {"__name__": "nowhere", "nn": nn}
    exec("class A(nn.Module):\n    def forward(self, x): return x\n", scope)
    detail = describe_module(scope["A"]())
    assert (detail.class_code, detail.forward_code) == (None, None)
    assert (
        detail.note
        == "its source is not kept: it was made from text, <string>, as exec() and the interactive prompt do"
    )


def test_a_file_that_was_saved_since_says_so(tmp_path: Path) -> None:
    file = tmp_path / "saved_later.py"
    file.write_text("from torch import nn\n\n\nclass A(nn.Module):\n    def forward(self, x): return x\n")
    spec = importlib.util.spec_from_file_location("saved_later", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["saved_later"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert describe_module(module.A()).note == ""
    file.write_text("# nothing is left\n")
    detail = describe_module(module.A())
    assert text_of(detail.forward_code) == "def forward(self, x): return x\n"
    assert detail.note == "the file was saved since it was loaded: this is the source as it was loaded"


# --- arguments --------------------------------------------------------------------------------------------------------


def test_arguments_of_torchs_layers_have_their_values() -> None:
    detail = describe_module(nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False))
    by_name = {argument.name: argument for argument in detail.arguments}
    assert (by_name["in_channels"].annotation, by_name["in_channels"].required) == ("int", True)
    assert (by_name["stride"].default, by_name["stride"].required) == ("1", False)
    assert values_of(detail) == {
        "in_channels": "3", "out_channels": "64", "kernel_size": "(7, 7)", "stride": "(2, 2)", "padding": "(3, 3)",
        "dilation": "(1, 1)", "groups": "1", "bias": "False", "padding_mode": "'zeros'", "device": None, "dtype": None,
    }  # fmt: skip


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_arguments_of_recurrent_layers_are_those_of_their_base(make: Callable[..., nn.Module]) -> None:
    values = values_of(describe_module(make(3, 5, num_layers=2)))
    assert values["input_size"] == "3"
    assert values["num_layers"] == "2"
    assert "mode" not in values


def test_arguments_of_the_users_class_are_told_as_far_as_the_module_keeps_them() -> None:
    detail = describe_module(Block(4, inner=nn.ReLU(), table=torch.zeros(64, 3)))
    assert values_of(detail) == {
        "width": "4", "depth": "2", "kind": "Activation.RELU", "inner": "ReLU", "table": "Tensor 64×3", "bias": "True",
        "dropout": None,  # a layer was made with it: the number itself is not kept
        "lost": None,
    }  # fmt: skip
    by_name = {argument.name: argument for argument in detail.arguments}
    assert (by_name["dropout"].annotation, by_name["dropout"].default) == ("float", "0.1")
    assert by_name["kind"].default == "Activation.RELU"
    assert by_name["lost"].default == "'x'"
    assert values_of(describe_module(Block(4)))["inner"] == "None"
    assert values_of(describe_module(Block(4, bias=False)))["bias"] == "False"


def test_a_class_without_arguments_has_none() -> None:
    assert describe_module(Quiet()).arguments == ()
    assert describe_module(nn.ReLU()).arguments[0].value == "False"


# --- attributes -------------------------------------------------------------------------------------------------------


def test_plain_attributes_are_told_and_torchs_own_are_not() -> None:
    attributes = dict(describe_module(Quiet()).attributes)
    assert attributes == {
        "width": "3", "depth": "2", "kind": "Activation.RELU", "inner": "None", "table": "None",
        "scale": repr(3**-0.5), "sizes": "[1, 2, 3]", "_private": "None",
    }  # fmt: skip
    assert describe_module(nn.Linear(2, 2)).attributes == ()


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Odd(nn.Module):
    def __init__(self, hostile: object = None, name: str = "", plain: object = None) -> None:
        super().__init__()
        self.hostile, self.name, self.plain = hostile, name, plain

    @property
    def touched(self) -> int:
        raise AssertionError("a property was read")


def test_reprs_that_raise_or_run_on_are_bounded() -> None:
    values = values_of(describe_module(Odd(Hostile(), "x" * 10_000, object())))
    assert values["hostile"] == "<Hostile: __repr__ raised RuntimeError>"
    assert values["plain"] == "<object>"
    assert values["name"] is not None
    assert len(values["name"]) <= 80
    assert values["name"].startswith("'xxx")


def test_containers_of_anything_are_bounded_without_reading_all_of_them() -> None:
    values = values_of(describe_module(Odd(list(range(10**6)), "a", {"deep": [[[[[1]]]]], "hostile": Hostile()})))
    assert values["hostile"] == "[0, 1, 2, 3, 4, 5, 6, 7, ...]"
    assert values["plain"] == "{'deep': [[[...]]], 'hostile': <Hostile: __repr__ raised RuntimeError>}"


def test_tensors_and_layers_in_containers_are_named_not_printed() -> None:
    values = values_of(describe_module(Odd([torch.zeros(2, 3), nn.Parameter(torch.tensor(1.0))], "", {"act": nn.ReLU})))
    assert values["hostile"] == "[Tensor 2×3, Parameter scalar]"
    assert values["plain"] == "{'act': torch.nn.modules.activation.ReLU}"
    assert values_of(describe_module(Odd(torch.nn.functional.relu)))["hostile"] == "torch.nn.functional.relu"


def test_names_that_no_wire_can_carry_are_spelled_out() -> None:
    module = nn.Module()
    vars(module)["\ud800"] = "\udfff"
    (attribute,) = describe_module(module).attributes
    assert attribute[0] == "\\ud800"
    assert attribute[1].encode()


def test_very_many_attributes_are_counted() -> None:
    module = nn.Module()
    vars(module).update({f"x{n}": n for n in range(500)})
    attributes = describe_module(module).attributes
    assert len(attributes) == MOST_ATTRIBUTES + 1
    assert attributes[-1] == ("…", f"and {500 - MOST_ATTRIBUTES} more")


def test_describing_leaves_the_module_as_it_was() -> None:
    for module in (Block(3), Odd(Hostile()), nn.Linear(1, 1)):
        guard = Guard(module)
        describe_module(module)
        assert guard.check()[1] == ()


@pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning")
def test_every_layer_of_torch_can_be_described() -> None:
    classes = [cls for cls in vars(nn).values() if isinstance(cls, type) and issubclass(cls, nn.Module)]
    for cls in classes:
        module = cls.__new__(cls)
        nn.Module.__init__(module)
        detail = describe_module(module)
        assert text_of(detail.class_code).lstrip("@").strip()
        assert detail.note == "", cls
    assert len(classes) > 150


def test_a_module_whose_constructor_never_ran_is_described() -> None:
    detail = describe_module(Block.__new__(Block))
    assert detail.attributes == ()
    assert detail.class_code is not None


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (nn.MultiheadAttention(8, 2, bias=False), {"bias": "False", "add_bias_kv": "False"}),
        (
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True),
            {"d_model": "16", "nhead": "4", "batch_first": "True"},
        ),
        (nn.LSTM(4, 8, 2, bias=False), {"input_size": "4", "num_layers": "2", "bias": "False"}),
        (nn.RNN(4, 8, nonlinearity="relu"), {"nonlinearity": "'relu'"}),
    ],
)
def test_arguments_that_a_layer_keeps_in_its_parts_are_told(layer: nn.Module, told: dict[str, str]) -> None:
    arguments = {argument.name: argument.value for argument in describe_module(layer).arguments}
    assert {name: arguments.get(name) for name in told} == told
