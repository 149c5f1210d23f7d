"""Distances between outputs of every kind, against plain arithmetic in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from inspector.engine.modes.alignment import side_by_side
from inspector.engine.modes.distance import BLOCK, between
from inspector.engine.modes.keeping import Comparer, Keeper, Room, sample_of, sums_of, total
from tests.engine.comparing import compared


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- distances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("elements", [1, 7, BLOCK, BLOCK + 1, 3 * BLOCK - 5])
def test_a_distance_is_that_of_float64(dtype: torch.dtype, elements: int) -> None:
    one = random(elements).to(dtype)
    two = (one + random(elements, seed=1) / 8).to(dtype)
    found = between(one, two)
    step = two.double() - one.double()
    assert found.relative == pytest.approx(float(step.norm() / one.double().norm()), rel=1e-4)
    assert found.largest == pytest.approx(float(step.abs().max()), rel=1e-6)


def test_only_the_same_bits_are_0() -> None:
    one = random(1000)
    two = one.clone()
    assert between(one, two).relative == 0.0
    two[500] = torch.nextafter(two[500], torch.tensor(9.0))
    assert 0 < between(one, two).relative < 1e-6


def test_zeros_of_either_sign_are_not_the_same_bits() -> None:
    found = between(torch.tensor([0.0, 0.0]), torch.tensor([0.0, -0.0]))
    assert (found.equal, found.largest, 0 < found.relative < 1e-300) == (False, 0.0, True)


def test_nothing_beside_something_is_measured_by_the_something() -> None:
    assert between(torch.zeros(4), torch.full((4,), 2.0)).relative == 1.0


def test_huge_and_tiny_numbers_do_not_leave_the_range() -> None:
    one = torch.tensor([1e30, 3e30])
    assert between(one, one * 1.5).relative == pytest.approx(0.5, rel=1e-6)
    assert between(one.double() * 1e60, one.double() * 1.5e60).relative == pytest.approx(0.5, rel=1e-6)


def test_what_is_not_finite_in_both_is_left_out() -> None:
    one = torch.tensor([1.0, math.nan, math.inf, -math.inf, 3.0])
    two = one.clone()
    assert between(one, two).relative == 0.0
    two[0] = 2.0
    assert between(one, two).relative == pytest.approx(1 / math.sqrt(10))
    two[1] = 5.0
    assert math.isnan(between(one, two).relative)


def test_of_what_is_not_finite_in_one_of_them_nothing_is_told() -> None:
    assert math.isnan(between(torch.tensor([1.0, math.inf]), torch.tensor([1.0, -math.inf])).relative)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers_have_a_distance_too(dtype: torch.dtype) -> None:
    one, two = torch.tensor([1, 0, 1], dtype=dtype), torch.tensor([1, 1, 1], dtype=dtype)
    assert between(one, two).relative == pytest.approx(1 / math.sqrt(2))


# --- kept results -----------------------------------------------------------------------------------------------------


def distance(one: Any, two: Any, most: int | None = None) -> Any:
    kept = Keeper(Room(most)).keep(one)
    pairs, note = Comparer().compare(kept, two)
    return total(pairs).relative, note


class Point(NamedTuple):
    x: Tensor
    label: str


@dataclass
class Held:
    value: Tensor


@pytest.mark.parametrize(
    "made",
    [
        lambda x: x,
        lambda x: (x, None, "text"),
        lambda x: {"a": [x, x * 2], "b": 3},
        lambda x: Point(x, "label"),
        lambda x: Held(x),
        lambda x: x.to_sparse(),
        lambda x: x.T,
        lambda x: x.expand(3, *x.shape),
        lambda x: torch.view_as_complex(torch.stack((x, x), -1)),
        lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
        lambda x: nn.utils.rnn.pack_sequence([x, x[:2]]),
        lambda x: x[:0],
    ],
)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_results_of_every_kind_are_kept_and_compared(made: Any) -> None:
    x = random(4, 5)
    assert distance(made(x), made(x.clone())) == (0.0, "")
    assert distance(made(x), made(x.clone()), most=0) == (0.0, "")
    if x.numel() and not (isinstance(made(x), Tensor) and made(x).numel() == 0):
        relative, note = distance(made(x), made(x * 1.5))
        assert (note, relative) == ("", pytest.approx(0.5, rel=0.1))


def test_a_view_is_compared_in_its_own_order() -> None:
    x = random(4, 5)
    assert distance(x.T, x.T.contiguous()) == (0.0, "")


def test_numbers_that_are_no_tensors_have_a_distance() -> None:
    assert distance(2.0, 3.0) == (0.5, "")
    assert distance("a", "a") == (0.0, "")
    assert math.isnan(distance("a", "b")[0])


def test_other_shapes_and_dtypes_cannot_be_told() -> None:
    assert math.isnan(distance(random(2, 3), random(3, 2))[0])
    assert math.isnan(distance(random(2, 3), random(2, 3).double())[0])


def test_a_copy_is_that_of_the_time_of_the_call() -> None:
    x = random(4)
    kept = Keeper(Room()).keep(x)
    was = x.clone()
    x.add_(1)
    assert total(Comparer().compare(kept, was)[0]).relative == 0.0
    assert total(Comparer().compare(kept, x)[0]).relative > 0


def test_a_tensor_that_was_written_to_is_copied_again() -> None:
    keeper, x = Keeper(Room()), random(4)
    (first,) = keeper.keep(x)
    (same,) = keeper.keep(x)
    x.mul_(2)
    (other,) = keeper.keep(x)
    assert first.values is same.values
    assert other.values is not first.values


@pytest.mark.parametrize("elements", [100_003, 300_000, 1 << 20])
def test_sums_tell_one_bit_and_two_elements_that_changed_places(elements: int) -> None:
    x = random(elements)
    before = sums_of(x)
    changed, swapped = x.clone(), x.clone()
    changed[elements // 2] *= 1.0000002
    swapped[[5, elements - 7]] = swapped[[elements - 7, 5]]
    assert sums_of(x.clone()) == before
    assert len({before, sums_of(changed), sums_of(swapped)}) == 3


def test_a_sample_is_always_the_same_and_stands_for_the_whole() -> None:
    x = random(1 << 20)
    assert torch.equal(sample_of(x), sample_of(x.clone()))
    assert float(sample_of(x).std()) == pytest.approx(1.0, abs=0.03)
    assert len(set(sample_of(torch.arange(1 << 20)).tolist())) == len(sample_of(x))


# --- calls side by side -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evaluation", "training", "merged"),
    [
        ("abc", "abc", "abc"),
        ("abc", "aXbcY", "aXbcY"),
        ("aEbcF", "abc", "aEbcF"),
        ("aEb", "aXb", "aXEb"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("abcd", "acbd", "acbd"),
    ],
)
def test_calls_stand_side_by_side_in_the_order_of_the_train_run(evaluation: str, training: str, merged: str) -> None:
    keys = [[(ord(letter), 1) for letter in letters] for letters in (evaluation, training)]
    assert "".join(chr(row) for row, _ in side_by_side(*keys)) == merged


# --- whole models -----------------------------------------------------------------------------------------------------


class Inference(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(x)
        return out


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_models_of_every_dtype_are_compared(dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5)).to(dtype)
    found = compared(model, (random(16, 8).to(dtype),))
    assert (found.record.failed_in, found.sources(), found.left_as_found) == ("", {"1", "2"}, True)


def test_inference_tensors_are_compared() -> None:
    found = compared(Inference(), (random(16, 8),))
    assert (found.record.failed_in, found.sources(), found.left_as_found) == ("", {"drop"}, True)


def test_keyword_arguments_are_compared() -> None:
    found = compared(nn.Dropout(0.5), (), kwargs={"input": random(16, 8)})
    assert found.sources() == {""}
    assert found.of("").dropout is not None
