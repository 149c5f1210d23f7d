"""torchinfo's table as it has always been, exact numbers beside it, and a model that is as it was."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import pytest
import torch
import torchinfo
from torch import nn
from torch.nn.utils import parametrizations, prune

from inspector.engine import summary
from inspector.engine.guard import Guard
from inspector.engine.parameter_counts import CyclicError, Effort, counts_of, effort_of
from inspector.engine.summary import summarize


class Tied(nn.Module):
    """An embedding whose weight is the head's too: 64,000 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(1000, 64)
        self.head = nn.Linear(64, 1000, bias=False)
        self.head.weight = self.embed.weight


def lazy() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls lazy modules new
        return nn.Sequential(nn.Linear(3, 4), nn.LazyLinear(5))


def pruned() -> nn.Module:
    module = nn.Sequential(nn.Linear(10, 10))
    mask: Callable[..., nn.Module] = prune.l1_unstructured
    mask(module[0], "weight", amount=0.5)
    return module


def mixed_modes() -> nn.Module:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    module[1].eval()
    return module


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_is_torchinfos_own() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 5))
    told = summarize(model, depth=3)
    assert told.text == str(torchinfo.summary(model, verbose=0, depth=3))
    assert "Total params: 41" in told.text
    assert told.notes == ()


def test_the_depth_is_passed_on() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4)))
    assert "Linear: 2-1" in summarize(model, depth=2).text
    assert "Linear: 2-1" not in summarize(model, depth=1).text


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    summarize(nn.Linear(2, 2), depth=3)
    assert capfd.readouterr() == ("", "")


# --- exact numbers ----------------------------------------------------------------------------------------------------


def test_tied_weights_are_counted_once_in_the_note() -> None:
    assert summarize(Tied(), depth=3).notes == (
        "torchinfo counts 128,000 parameters, there are 64,000; "
        "tied weights stand in several layers (head.weight is embed.weight): 64,000 of them again",
        "torchinfo counts 128,000 trainable parameters, there are 64,000",
    )


def test_weights_under_a_pruning_mask_are_there() -> None:
    note, trainable, buffers = summarize(pruned(), depth=3).notes
    assert note == (
        "torchinfo counts 60 parameters, there are 110; pruning masks hide 50 elements (0.weight_orig) that are there"
    )
    assert trainable == "torchinfo counts 60 trainable parameters, there are 110"
    assert buffers == "buffers are not in this table: 100 elements"


def test_lazy_parameters_are_named_and_stay_lazy() -> None:
    model = lazy()
    told = summarize(model, depth=3)
    assert "Total params: 16" in told.text
    assert told.notes == ("2 lazy parameters have no size yet and are not counted: 1.weight, 1.bias",)
    assert counts_of(model).parameters == 16
    assert isinstance(model.get_parameter("1.weight"), nn.UninitializedParameter)


@pytest.mark.parametrize(
    "make",
    [
        Tied,
        pruned,
        mixed_modes,
        lambda: nn.Sequential(*[nn.Linear(3, 3)] * 4),
        lambda: parametrizations.weight_norm(nn.Linear(20, 40)),
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(d_model=16, nhead=2, dim_feedforward=8), 2),
        lambda: nn.Linear(4, 4, device="meta").requires_grad_(False),
        lambda: nn.ParameterList([torch.zeros(3), torch.zeros(4)]),
        nn.Identity,
    ],
)
def test_the_count_is_the_sum_over_parameters(make: Callable[[], nn.Module]) -> None:
    model = make()
    counts = counts_of(model)
    assert counts.parameters == sum(p.numel() for p in model.parameters())
    assert counts.trainable == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert counts.buffers == sum(b.numel() for b in model.buffers())


def test_one_parameter_under_two_names_of_one_module_is_no_tie_between_layers() -> None:
    model = nn.Linear(2, 2)
    model.again = model.weight
    assert counts_of(model).tied == {}
    assert summarize(model, depth=3).notes == ()


# --- nothing is left behind -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Tied, lazy, pruned, mixed_modes])
def test_the_model_is_left_as_it_was(make: Callable[[], nn.Module]) -> None:
    model = make()
    guard = Guard(model)
    summarize(model, depth=3)
    assert guard.check()[1] == ()


def test_mixed_modes_stay_mixed_though_code_of_the_model_flips_them() -> None:
    class Flipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2).eval()

        @property
        def kernel_size(self) -> int:  # torchinfo reads this
            self.train()
            self.norm.momentum = 0.5
            self.touched = True
            return 3

    model = Flipping()
    told = summarize(model, depth=3)
    assert not model.norm.training
    assert told.notes[-1].endswith("has changed the model: the model itself: attribute touched was added")


# --- models it cannot take --------------------------------------------------------------------------------------------


def test_a_model_that_torchinfo_raises_on_is_told_in_its_own_words() -> None:
    class Odd(nn.Module):
        kernel_size = object()

    told = summarize(Odd(), depth=3)
    assert told.text == ""
    assert told.notes == ("torchinfo made no table: TypeError: kernel_size has an unexpected type: <class 'object'>",)


def test_a_message_that_raises_is_no_exception_either() -> None:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Odd(nn.Module):
        @property
        def kernel_size(self) -> int:
            raise UnspeakableError

    assert summarize(Odd(), depth=3).notes[0].startswith("torchinfo made no table: UnspeakableError: (its message")


@pytest.mark.filterwarnings("ignore")
def test_a_pruned_model_on_meta_is_told() -> None:
    told = summarize(pruned().to("meta"), depth=3)
    assert told.text == ""
    assert told.notes[0].startswith("torchinfo made no table: ")


@pytest.mark.filterwarnings("ignore")
def test_a_script_module_has_a_table() -> None:
    told = summarize(torch.jit.script(nn.Sequential(nn.Linear(2, 3), nn.ReLU())), depth=3)
    assert "Total params: 9" in told.text
    assert told.notes == ()


def test_a_cycle_is_refused_at_once_and_named() -> None:
    inner = nn.Sequential(nn.Linear(2, 2))
    inner[0].parent = inner
    model = nn.Sequential(inner)
    told = summarize(model, depth=3)
    assert told.text == ""
    assert told.notes == (
        "torchinfo has no table for this model: 0.0.parent is registered below itself, and it would never end",
    )
    with pytest.raises(CyclicError):
        effort_of(model)


def nested(depth: int) -> nn.Module:
    model: nn.Module = nn.Linear(1, 1)
    for _ in range(depth):
        model = nn.Sequential(model)
    return model


def test_a_model_that_would_take_forever_is_refused_at_once() -> None:
    doubling: nn.Module = nn.Linear(1, 1)
    for _ in range(40):
        doubling = nn.Sequential(doubling, doubling)
    started = time.perf_counter()
    assert summarize(doubling, depth=3).notes == (
        f"torchinfo has no table for this model: {2**41 - 1:,} rows, of which it can take 20,000",
    )
    assert "too many steps" in summarize(nested(60), depth=3).notes[0]
    assert time.perf_counter() - started < 5


def test_the_effort_is_what_torchinfo_would_take() -> None:
    assert effort_of(nn.Linear(1, 1)) == Effort(rows=1, steps=1)
    assert effort_of(nested(1)) == Effort(rows=2, steps=4)
    assert effort_of(nested(2)) == Effort(rows=3, steps=11)
    shared = nn.Linear(1, 1)
    assert effort_of(nn.Sequential(shared, nn.Sequential(shared))).rows == 4
    assert summary.MOST.rows >= 10_000
