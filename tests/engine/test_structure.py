"""The structure of a model as it was registered: paths, order, numbers, flags, runs, and nothing left behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from inspector.engine.structure import read
from inspector.schema import Flag, Kind
from tests.engine.reading import reading


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
