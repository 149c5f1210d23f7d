"""The structure of a model as it was registered: paths, order, numbers, flags, runs, and nothing left behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from collections import OrderedDict
from typing import Any

import msgspec
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from inspector.engine.structure import read
from inspector.schema import Flag, Kind
from tests.engine.reading import Reading, reading


class Block(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(width, width)
        self.act = nn.ReLU()
        self.norm = nn.BatchNorm1d(width)


class Net(nn.Module):
    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.ModuleList(Block(width) for width in widths)
        self.head = nn.Linear(4, 2)


def test_rows_stand_in_preorder_parameters_before_buffers_before_children() -> None:
    result = reading(Block())
    assert result.paths == [
        "", "fc", "fc.weight", "fc.bias", "act",
        "norm", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked",
    ]  # fmt: skip
    assert result.names[0] == "Block"


def test_batch_norm_has_sixteen_parameters_and_seventy_two_bytes_of_buffers() -> None:
    result = reading(nn.BatchNorm2d(8))
    assert result.totals.parameters == 16
    assert result.totals.buffers == 8 + 8 + 1
    assert result.totals.bytes == 16 * 4 + 72
    tracked = result.record("num_batches_tracked")
    assert (tracked.shape, tracked.dtype, tracked.bytes) == ((), "int64", 8)


def test_a_buffer_that_is_not_saved_is_held_all_the_same() -> None:
    module = nn.Module()
    module.register_buffer("pos", torch.zeros(1000), persistent=False)
    module.register_buffer("kept", torch.zeros(1))
    result = reading(module)
    assert result.number("held", "pos") == 4000
    assert result.totals.bytes == 4004
    assert Flag.TRANSIENT in result.flag("pos")
    assert result.record("pos").persistent is False
    assert Flag.TRANSIENT not in result.flag("kept")
    assert result.record("kept").persistent is True


def test_a_parameter_of_a_module_with_children_is_counted() -> None:
    class ReZero(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(2, 2), nn.Linear(2, 2))
            self.weights = nn.Parameter(torch.zeros(2))

    result = reading(ReZero())
    assert result.totals.parameters == 14
    assert result.record("").own_parameters == 2
    assert result.paths[1] == "weights"


def test_parameter_lists_and_dicts_are_listed_at_every_depth() -> None:
    inner = nn.Module()
    inner.items_ = nn.ParameterList([nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))])
    inner.named = nn.ParameterDict({"a": nn.Parameter(torch.zeros(5)), "b": nn.Parameter(torch.zeros(7))})
    result = reading(nn.Sequential(nn.Sequential(inner)))
    assert result.totals.parameters == 17
    assert result.below("0.0.items_") == ["0", "1"]
    assert result.below("0.0.named") == ["a", "b"]
    assert result.type("0.0.items_").name == "ParameterList"
    assert result.record("0.0.named").facts == "2 items"


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Linear(3, 4),
        lambda: nn.Sequential(),
        lambda: nn.Sequential(OrderedDict(first=nn.Linear(1, 2), second=nn.Identity())),
        lambda: nn.ModuleDict({"conv": nn.Conv2d(1, 2, 3), "pool": nn.MaxPool2d(2)}),
        lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True),
        lambda: nn.GRU(3, 4),
        lambda: nn.MultiheadAttention(8, 2),
        lambda: nn.Transformer(8, 2, 2, 2, 16, batch_first=True),
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 4),
        lambda: nn.EmbeddingBag(10, 3),
        lambda: nn.BatchNorm2d(4, affine=False, track_running_stats=False),
        lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
        lambda: Net(4, 4, 4, 5, 5),
    ],
)
def test_every_model_of_torch_is_read_as_torch_itself_walks_it(build: Any) -> None:
    reading(build())


def test_a_registration_that_is_none_has_no_row() -> None:
    module = nn.Module()
    module.register_module("nothing", None)
    module.register_parameter("no_parameter", None)
    module.register_buffer("no_buffer", None)
    module.register_parameter("some", nn.Parameter(torch.zeros(2)))
    assert reading(module).paths == ["", "some"]


def test_equal_siblings_with_rising_numbers_fold_to_a_run() -> None:
    result = reading(Net(4, 4, 4, 5, 5, 6))
    run = result.row("blocks.0-2")
    assert result.kinds[run] is Kind.RUN
    assert result.below("blocks") == ["0-2", "3", "4", "5"]
    assert result.below("blocks.0-2") == ["0", "1", "2"]
    record: Any = result.records[run]
    assert (record.first, record.last, record.count) == ("0", "2", 3)
    assert result.structure.outline.types[result.columns["type"][run]].name == "Block"
    block = sum(p.numel() for p in Block().parameters())
    assert result.columns["elements"][run] == 3 * block
    assert "blocks.1.fc.weight" in result.paths


def test_a_run_may_have_a_prefix_and_begin_anywhere() -> None:
    model = nn.Module()
    for index in (7, 8, 9, 10):
        model.add_module(f"layer{index:02}", nn.Linear(2, 2))
    assert reading(model).below("") == ["layer07-layer10"]


def test_the_facts_of_a_run_are_those_of_its_blocks() -> None:
    result = reading(nn.Sequential(*(nn.Linear(2, 2) for _ in range(3))))
    assert result.record("0-2").facts == "2→2"


@pytest.mark.parametrize(
    "change",
    [
        lambda block: setattr(block, "fc", nn.Linear(4, 4, bias=False)),
        lambda block: setattr(block, "act", nn.Dropout(0.1)),
        lambda block: setattr(block, "extra", nn.Identity()),
        lambda block: block.eval(),
        lambda block: block.fc.weight.requires_grad_(False),
        lambda block: block.half(),
        lambda block: block.register_forward_hook(lambda *_: None),
        lambda block: setattr(block, "hidden", [nn.Linear(1, 1)]),
    ],
)
def test_a_block_that_differs_in_anything_ends_the_run(change: Any) -> None:
    model = Net(4, 4, 4, 4, 4, 4)
    change(model.blocks[3])
    assert reading(model).below("blocks") == ["0-2", "3", "4", "5"]


def test_numbers_that_do_not_rise_by_one_are_no_run() -> None:
    model = nn.Module()
    for name in ("a0", "a1", "a3", "b4", "b5", "c"):
        model.add_module(name, nn.ReLU())
    assert reading(model).below("") == ["a0", "a1", "a3", "b4", "b5", "c"]


def test_two_equal_siblings_are_no_run() -> None:
    assert reading(nn.Sequential(nn.ReLU(), nn.ReLU())).below("") == ["0", "1"]


def test_signatures_are_equal_for_equal_structures_and_differ_for_others() -> None:
    def signature(model: nn.Module) -> int:
        return reading(model).number("signature")

    assert signature(Net(4, 4)) == signature(Net(4, 4))
    assert signature(Net(4, 4)) != signature(Net(4, 5))
    assert signature(Net(4, 4)) != signature(Net(4, 4).eval())


def test_a_signature_does_not_depend_on_addresses() -> None:
    class Strange(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.thing = object()

        def extra_repr(self) -> str:
            return f"thing={self.thing!r}"

    assert reading(nn.ModuleList(Strange() for _ in range(4))).below("") == ["0-3"]


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
    layer.register_load_state_dict_pre_hook(watch)
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


def test_a_default_device_does_not_disturb_the_reading() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3), parametrizations.weight_norm(nn.Linear(2, 2)))
    before = read(model)
    torch.set_default_device("meta")
    try:
        after = read(model)
        computed = after.tensor(after.outline.kind.index(Kind.MADE))
    finally:
        torch.set_default_device(None)
    assert after.outline == before.outline
    assert computed is not None
    assert computed.device.type == "cpu"


def test_signatures_are_the_same_in_another_process_with_the_same_hash_seed() -> None:
    program = (
        "from torch import nn; from inspector.engine.structure import read\n"
        "m = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())\n"
        "m.hidden = [nn.Linear(1, 1)]; m[2].again = m[0]; m[1].up = m\n"
        "m[0].register_forward_hook(print)\n"
        "print(read(m).outline.signature.hex())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    runs = [
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""


def test_rows_come_as_asked_and_end_with_the_model() -> None:
    structure = read(Net(4, 4))
    everything = structure.rows(0, structure.outline.count)
    assert structure.rows(3, 4) == everything[3:7]
    assert structure.rows(structure.outline.count - 1, 100) == everything[-1:]
    assert structure.rows(structure.outline.count, 5) == []


def test_modules_and_tensors_are_the_live_ones() -> None:
    model = Net(4)
    result = reading(model)
    assert result.structure.module(result.row("blocks.0")) is model.blocks[0]
    assert result.structure.tensor(result.row("stem.weight")) is model.stem.weight
    assert result.structure.module(result.row("stem.weight")) is None
    assert result.structure.tensor(result.row("stem")) is None


def test_the_first_screen_shows_the_root_and_what_is_directly_below_it() -> None:
    result = reading(Net(4, 4, 4))
    assert [result.paths[row] for row in result.structure.opening_rows()] == ["", "stem", "blocks", "head"]
    wide = read(nn.ModuleList(nn.Linear(index + 1, 1) for index in range(300)))
    assert len(wide.opening_rows()) == 201


def test_reading_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(
        parametrizations.spectral_norm(nn.Linear(3, 3)),
        nn.BatchNorm1d(3),
        nn.LazyLinear(2),
        nn.Dropout(0.5),
        nn.LSTM(2, 2),
    )
    random.seed(0)

    def state() -> Any:
        return [
            torch.get_rng_state().tolist(),
            random.getstate(),
            [(path, list(vars(module)), module.training) for path, module in model.named_modules()],
            [(id(t), t._version) for t in (*model.parameters(), *model.buffers()) if not nn.parameter.is_lazy(t)],
            [(t.clone().tolist()) for t in model.buffers() if not nn.parameter.is_lazy(t)],
        ]

    before = state()
    structure = read(model)
    structure.rows(0, structure.outline.count)
    assert state() == before
