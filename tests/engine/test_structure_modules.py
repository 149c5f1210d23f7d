"""What is said of each module: mode, frozen parts, dtype and device, hooks, extra_repr, its class and its oddities."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

from inspector.engine.structure import read
from inspector.schema import Flag, Kind
from tests.engine.reading import Reading, reading


def test_modes_are_told_of_each_module_and_of_what_differs_below() -> None:
    norm = nn.BatchNorm1d(1).eval()
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(norm, nn.ReLU()))
    result = reading(model)
    assert Flag.TRAINING in result.flag("")
    assert Flag.MIXED_MODE in result.flag("")
    assert Flag.MIXED_MODE in result.flag("1")
    assert Flag.TRAINING not in result.flag("1.0")
    assert Flag.MIXED_MODE not in result.flag("1.0")
    assert Flag.MIXED_MODE not in result.flag("0")


def test_frozen_and_trainable_are_told_of_tensors_and_of_modules() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU())
    model[0].requires_grad_(False)
    model[1].bias.requires_grad_(False)
    result = reading(model)
    assert result.flag("0") & (Flag.FROZEN | Flag.TRAINABLE) == Flag.FROZEN
    assert result.flag("1") & (Flag.FROZEN | Flag.TRAINABLE) == Flag.FROZEN | Flag.TRAINABLE
    assert result.flag("1.bias") & (Flag.FROZEN | Flag.TRAINABLE) == Flag.FROZEN
    assert result.flag("2") & (Flag.FROZEN | Flag.TRAINABLE) == Flag(0)
    assert result.totals.trainable == 1


def test_the_dtype_of_a_module_is_that_of_its_parameters_or_mixed() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2).half(), nn.ReLU())
    result = reading(model)
    assert result.dtype("0") == "float32"
    assert result.dtype("1") == "float16"
    assert result.dtype("") == "mixed"
    assert result.dtype("2") == ""


def test_the_device_of_a_module_is_mixed_when_a_tensor_below_is_elsewhere() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))
    result = reading(model)
    assert (result.device("0"), result.device("1"), result.device("")) == ("cpu", "meta", "mixed")


def test_a_model_on_meta_is_counted_in_full_and_said_not_to_be_allocated() -> None:
    result = reading(nn.Sequential(nn.Linear(1000, 1000, device="meta"), nn.Linear(1000, 10, device="meta")))
    assert result.totals.parameters == 1_001_000 + 10_010
    assert result.totals.bytes == 4 * (1_001_000 + 10_010)
    assert result.totals.allocated is False
    assert Flag.META in result.flag("")
    assert Flag.META in result.flag("1.weight")
    assert Flag.TIED not in result.flag("1.weight")
    assert Flag.ALIASED not in result.flag("1.weight")


def test_lazy_modules_are_labelled_and_left_lazy() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.Linear(2, 2))
    result = reading(model)
    assert result.totals.lazy == 2 + 4
    assert result.totals.parameters == 6
    assert Flag.LAZY in result.flag("0.weight")
    assert Flag.LAZY in result.flag("1.running_mean")
    assert Flag.LAZY in result.flag("0")
    assert Flag.LAZY in result.flag("")
    assert Flag.LAZY not in result.flag("2")
    record = result.record("0.weight")
    assert (record.shape, record.lazy, record.elements, record.bytes) == (None, True, 0, 0)
    assert type(model[0]) is nn.LazyLinear
    assert isinstance(model[0].weight, nn.UninitializedParameter)
    assert result.record("0").hooks == ()


def test_hooks_of_others_are_named_with_their_place() -> None:
    def watch(module: nn.Module, inputs: Any, output: Any) -> None: ...

    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    model[0].register_forward_hook(watch)
    model[0].register_full_backward_hook(watch)
    model[0].register_forward_pre_hook(watch)
    layer: Any = model[0]
    layer.register_state_dict_pre_hook(watch)
    if hasattr(layer, "register_load_state_dict_pre_hook"):
        layer.register_load_state_dict_pre_hook(watch)
    else:  # Before torch 2.5 it has no public name.
        layer._register_load_state_dict_pre_hook(watch)
    result = reading(model)
    place = f"{watch.__qualname__} ({__file__}:{watch.__code__.co_firstlineno})"
    kinds = (
        "forward_pre_hook",
        "forward_hook",
        "full_backward_hook",
        "state_dict_pre_hook",
        "load_state_dict_pre_hook",
    )
    assert result.record("0").hooks == tuple(f"{kind}: {place}" for kind in kinds)
    assert Flag.HOOKED in result.flag("0")
    assert Flag.HOOKED not in result.flag("1")
    assert Flag.HOOKED not in result.flag("")


def test_an_object_that_is_called_as_a_hook_is_named_by_its_class() -> None:
    class Recorder:
        def __call__(self, *args: Any) -> None: ...

    model = nn.ReLU()
    model.register_forward_hook(Recorder())
    (hook,) = reading(model).record("").hooks
    assert hook.startswith(f"forward_hook: {Recorder.__qualname__} ({__file__}:")


@pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(3)])
def test_an_extra_repr_that_raises_is_said_to(raised: BaseException) -> None:
    class Bad(nn.Linear):
        def extra_repr(self) -> str:
            raise raised

    result = reading(nn.Sequential(Bad(2, 3)))
    assert result.record("0").extra_repr == f"extra_repr raised {type(raised).__name__}"
    assert result.record("0").facts == "2→3"


def test_extra_repr_is_called_once_for_each_module() -> None:
    calls = []

    class Counted(nn.Module):
        def extra_repr(self) -> str:
            calls.append(self)
            return ""

    model = nn.Sequential(*(Counted() for _ in range(5)))
    structure = read(model)
    structure.rows(0, 100)
    assert calls == list(model)


def test_an_extra_repr_that_is_no_string_or_too_long_does_no_harm() -> None:
    class Wrong(nn.Module):
        def extra_repr(self) -> Any:
            return 3

    class Long(nn.Module):
        def extra_repr(self) -> str:
            return "x" * 1_000_000

    result = reading(nn.Sequential(Wrong(), Long()))
    assert result.record("0").extra_repr == "extra_repr returned int"
    assert len(result.record("1").extra_repr) < 20_000


def test_modules_that_keep_the_same_are_told_apart_by_what_differs() -> None:
    result = reading(nn.ModuleList([nn.Dropout(0.1), nn.Dropout(0.2), nn.Dropout(0.1, inplace=True)]))
    assert [result.record(name).extra_repr for name in "012"] == [
        "p=0.1, inplace=False",
        "p=0.2, inplace=False",
        "p=0.1, inplace=True",
    ]


def test_names_with_markup_escapes_and_line_ends_are_kept_as_they_are() -> None:
    names = ["[bold]", "\x1b[31mred", "two\nlines", "層", "x" * 5000, "a b", "0" * 5000]
    model = nn.Module()
    for name in names:
        model.add_module(name, nn.Linear(1, 1))
    result = reading(model)
    assert [result.names[row] for row in result.of_kind(Kind.MODULE)[1:]] == names


def test_a_model_nested_five_thousand_deep_is_read() -> None:
    model: nn.Module = nn.Linear(1, 1)
    for _ in range(5000):
        outer = nn.Module()
        outer.inner = model
        model = outer
    structure = read(model)
    assert structure.outline.totals.modules == 5001
    assert structure.outline.totals.parameters == 2
    assert structure.path(structure.outline.count - 1) == ".".join(["inner"] * 5000) + ".bias"
    leave_unwound(model)


def leave_unwound(model: nn.Module) -> None:
    """Take a deep model apart: letting it go whole would recurse in the interpreter."""
    while model._modules.get("inner") is not None:
        inner = model._modules.pop("inner")
        assert inner is not None
        model = inner


def test_a_module_whose_constructor_never_called_its_base_has_a_note() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            pass

    result = read(Forgetful())
    (row,) = result.rows(0, 10)
    assert "super().__init__() was never called" in row.note  # type: ignore[union-attr]


def test_a_class_that_cannot_be_hashed_is_read_all_the_same() -> None:
    class Equal(nn.Module):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

    model = nn.Module()
    model.one, model.two = Equal(), Equal()
    structure = read(model)
    assert [structure.path(row) for row in range(structure.outline.count)] == ["", "one", "two"]
    assert "__eq__ without __hash__" in structure.rows(1, 1)[0].note  # type: ignore[union-attr]


def test_a_quantized_module_says_that_its_weights_are_packed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dynamic: Any = torch.ao.nn.quantized.dynamic
        model = dynamic.Linear(3, 4)
    result = reading(model)
    assert result.totals.parameters == 0
    assert "packed in a ScriptObject" in result.record("_packed_params").note
    assert result.type("").group == "linear"


def test_classes_have_families_and_sources() -> None:
    class Mine(nn.Linear):
        pass

    class Stack(nn.Sequential):
        pass

    layers = {
        "container": nn.ModuleList(), "convolution": nn.ConvTranspose1d(1, 1, 1), "linear": Mine(1, 1),
        "normalization": nn.InstanceNorm1d(1), "activation": nn.Softmax(0), "pooling": nn.AdaptiveAvgPool1d(1),
        "dropout": nn.AlphaDropout(), "recurrent": nn.GRUCell(1, 1), "attention": nn.MultiheadAttention(2, 1),
        "embedding": nn.EmbeddingBag(1, 1), "loss": nn.MSELoss(), "other": nn.Flatten(), "user": Stack(),
    }  # fmt: skip
    result = reading(nn.ModuleDict(layers))
    assert {name: result.type(name).group for name in layers} == {name: name for name in layers}
    source = result.type("linear").source
    assert source.file == __file__
    assert source.code == "class Mine(nn.Linear):"
    assert result.type("other").source.file.endswith("flatten.py")
    assert result.type("other").qualified == "torch.nn.modules.flatten.Flatten"


def test_of_two_classes_of_one_name_each_has_its_own_line() -> None:
    class Twice(nn.Module):
        def forward(self) -> None: ...

    first = Twice

    class Twice(nn.Module):  # type: ignore[no-redef]
        def forward(self) -> None: ...

    result = reading(nn.Sequential(first(), Twice()))
    assert result.type("0").source.line < result.type("1").source.line


def test_names_that_have_no_bytes_are_escaped() -> None:
    class Odd(nn.Module):
        def extra_repr(self) -> str:
            return "\ud800"

    model = nn.Module()
    model.add_module("half \udc80", Odd())
    result = Reading(model, read(model))
    assert result.names[1] == "half \\udc80"
    assert result.record("half \\udc80").extra_repr == "\\ud800"
    msgspec.msgpack.encode(result.records)
