"""Modules that wrap a model are named, and their content is where torch has it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, fx, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.optim.swa_utils import AveragedModel
from torch.testing._internal.distributed.fake_pg import FakeStore

try:
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor
except ImportError:  # Before torch 2.5 it has no public name.
    from torch.distributed._tensor import Replicate, Shard, distribute_tensor  # type: ignore[attr-defined]

from inspector.engine.structure import read
from inspector.schema import Flag
from tests.engine.reading import Reading, check_shape, reading


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.act = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.fc(x))
        return y


@pytest.fixture
def two_processes() -> Iterator[None]:
    """A process group of two in which this process is the only one, and nothing is sent."""
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    yield
    dist.destroy_process_group()


def test_data_parallel_is_named_and_looked_through() -> None:
    result = reading(nn.DataParallel(LeNet()))
    assert result.record("").wraps == "DataParallel of LeNet"
    assert Flag.WRAPPER in result.flag("")
    assert Flag.WRAPPER not in result.flag("module")
    opening = [result.paths[row] for row in result.structure.opening_rows()]
    assert opening == ["", "module", "module.fc", "module.act"]


def test_a_compiled_model_is_named_and_keeps_its_paths_and_mode() -> None:
    result = reading(torch.compile(LeNet()))  # type: ignore[arg-type]
    assert result.record("").wraps == "torch.compile of LeNet"
    assert "_orig_mod.fc.weight" in result.paths
    assert Flag.TRAINING in result.flag("")
    assert Flag.MIXED_MODE not in result.flag("")
    assert result.ghosts() == {}


def test_a_model_compiled_in_place_says_so() -> None:
    model = LeNet()
    model.compile()
    result = reading(model)
    assert result.record("").note == "compiled in place"
    assert Flag.WRAPPER not in result.flag("")


def test_an_averaged_model_is_named() -> None:
    result = reading(AveragedModel(LeNet()))
    assert result.record("").wraps == "averaged model of LeNet"
    assert "n_averaged" in result.paths


def test_a_scripted_model_shows_the_classes_it_was_compiled_from() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.script(LeNet().eval())
    result = reading(model)
    assert result.type("").name == "LeNet"
    assert result.record("").wraps == "TorchScript of LeNet"
    assert Flag.TRAINING not in result.flag("")
    assert result.type("fc").name == "Linear"
    assert result.type("fc").qualified == "torch.nn.modules.linear.Linear"
    assert result.type("fc").group == "linear"
    assert Flag.WRAPPER not in result.flag("fc")
    assert result.structure.tensor(result.row("fc.weight")) is model.fc.weight


def test_a_traced_model_is_read_like_a_scripted_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace: Any = torch.jit.trace
        model = trace(LeNet().eval(), torch.zeros(2, 4))
    result = reading(model)
    assert result.type("").name == "LeNet"
    assert result.totals.parameters == sum(p.numel() for p in model.parameters())
    assert result.ghosts() == {}


def test_a_compiled_script_says_its_class_once() -> None:
    result = reading(torch.jit.script(LeNet()))
    assert result.record("fc").facts == ""
    assert result.type("fc").name == "Linear"


def test_a_frozen_script_says_that_its_weights_are_constants() -> None:
    frozen = torch.jit.freeze(torch.jit.script(LeNet().eval()))
    result = reading(frozen)
    assert result.totals.parameters == 0
    assert result.record("").note == "frozen by TorchScript: its weights are constants of its code, and not counted"


def test_a_graph_module_is_named() -> None:
    result = reading(fx.symbolic_trace(LeNet()))
    assert result.record("").wraps == "GraphModule of LeNet"
    assert result.type("").name == "GraphModule"
    assert result.ghosts() == {}


def test_a_subclass_of_a_wrapper_is_a_wrapper() -> None:
    class Mine(nn.DataParallel[Any]):
        pass

    assert reading(Mine(LeNet())).record("").wraps == "DataParallel of LeNet"


@pytest.mark.usefixtures("two_processes")
def test_distributed_data_parallel_is_named() -> None:
    result = reading(nn.parallel.DistributedDataParallel(LeNet()))
    assert result.record("").wraps == "DistributedDataParallel of LeNet"
    assert result.ghosts() == {}


@pytest.mark.usefixtures("two_processes")
@pytest.mark.filterwarnings("ignore:DTensor random operators")  # torch 2.4 says it of every mesh of CPUs
def test_a_sharded_parameter_counts_in_full_and_holds_its_shard() -> None:
    mesh = init_device_mesh("cpu", (2,))
    model = nn.Module()
    model.weight = nn.Parameter(distribute_tensor(torch.zeros(5, 3), mesh, [Shard(0)]))
    model.bias = nn.Parameter(distribute_tensor(torch.zeros(4), mesh, [Replicate()]))
    result = Reading(model, read(model))
    check_shape(result)
    record = result.record("weight")
    assert (record.shape, record.elements, record.bytes) == ((5, 3), 15, 36)
    assert record.layout == "DTensor Shard(0) of 2"
    assert result.record("bias").layout == "DTensor Replicate of 2"
    assert result.totals.parameters == sum(p.numel() for p in model.parameters()) == 19
    assert result.totals.bytes == 36 + 16


@pytest.mark.usefixtures("two_processes")
def test_a_fully_sharded_module_shows_the_class_that_was_written() -> None:
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    if not hasattr(fsdp, "fully_shard"):
        pytest.skip("fully_shard is private in this torch")

    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    fsdp.fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    result = Reading(model, read(model))
    assert result.type("").name == "Sequential"
    assert result.record("").note == "sharded by fully_shard"
    assert result.totals.parameters == 40
    assert result.totals.bytes == 80


@pytest.mark.usefixtures("two_processes")
def test_a_flat_parameter_is_named() -> None:
    from torch.distributed.fsdp import FullyShardedDataParallel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = FullyShardedDataParallel(nn.Sequential(nn.Linear(4, 4)), device_id=torch.device("cpu"))
    result = reading(model)
    assert result.record("").wraps == "FSDP of Sequential"
    flat = next(record for record, path in zip(result.records, result.paths, strict=True) if "_flat_param" in path)
    assert flat.note == "FSDP FlatParameter of 2 parameters"  # type: ignore[union-attr]


@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("original", [True, False])
def test_the_views_that_fsdp_sets_into_its_layers_are_no_ghosts(original: bool) -> None:
    model = FullyShardedDataParallel(LeNet(), device_id=torch.device("cpu"), use_orig_params=original)
    result = reading(model)
    assert result.record("").wraps == "FSDP of LeNet"
    assert result.ghosts() == {}
    assert result.record("").hooks == ()


@pytest.mark.usefixtures("two_processes")
@pytest.mark.filterwarnings("ignore:DTensor random operators")  # torch 2.4 says it of every mesh of CPUs
@pytest.mark.filterwarnings("ignore:Deallocating Tensor that still has live")  # and this of its own tensors
def test_the_hooks_of_a_tensor_parallel_layer_are_torchs_own() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))
    parallelize_module(model, init_device_mesh("cpu", (2,)), {"0": ColwiseParallel(), "2": RowwiseParallel()})
    result = Reading(model, read(model))
    check_shape(result)
    assert model[0]._forward_hooks
    assert result.record("0").hooks == ()
    assert result.totals.parameters == 4 * 8 + 8 + 8 * 4 + 4
    assert result.totals.bytes == 4 * ((4 * 8 + 8 + 8 * 4) // 2 + 4)
