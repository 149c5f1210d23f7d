"""The first rows of a large model: whole numbers, runs folded, the rest cut and said to be."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from inspector.engine import preview as choosing
from inspector.engine.structure import preview, read
from inspector.schema import Flag, Kind
from tests.engine.reading import Reading, check_shape
from tests.engine.test_structure_sharing import build, steps

WHOLE = ("elements", "trainable", "buffers", "held")


class Block(nn.Module):
    def __init__(self, width: int = 1, p: float = 0.0) -> None:
        super().__init__()
        self.fc = nn.Linear(width, 1)
        self.norm = nn.BatchNorm1d(1)
        self.drop = nn.Dropout(p)


class Large(nn.Module):
    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(4, 10, bias=False)


def first_rows(model: nn.Module) -> Reading:
    """The preview of a large model, every number in it compared with those of the whole reading."""
    structure = preview(model)
    assert structure is not None
    result = Reading(model, structure)
    check_shape(result)
    compare(result, Reading(model, read(model)))
    return result


def compare(first: Reading, whole: Reading) -> None:
    assert first.totals == whole.totals
    rows = {(whole.paths[row], whole.kinds[row]): row for row in range(whole.count)}
    for row in range(first.count):
        other = rows[first.paths[row], first.kinds[row]]
        for column in WHOLE:
            assert first.columns[column][row] == whole.columns[column][other], (first.paths[row], column)
        later = Flag.TIED | Flag.ALIASED
        assert first.flags[row] & ~Flag.CUT == whole.flags[other] & ~later, first.paths[row]
        for column, texts in (("dtype", "dtypes"), ("device", "devices")):
            told = [getattr(each.structure.outline, texts) for each in (first, whole)]
            assert told[0][first.columns[column][row]] == told[1][whole.columns[column][other]]


def test_a_small_model_needs_no_preview() -> None:
    assert preview(nn.Sequential(nn.Linear(2, 2))) is None


def test_a_run_of_thousands_of_blocks_is_one_row_that_is_cut() -> None:
    result = first_rows(Large([Block() for _ in range(2000)]))
    assert result.paths == [
        "", "embedding", "embedding.weight", "blocks", "blocks.0-1999", "head", "head.weight",
    ]  # fmt: skip
    run = result.row("blocks.0-1999")
    assert result.kinds[run] is Kind.RUN
    assert Flag.CUT in result.flags[run]
    assert Flag.CUT not in result.flag("blocks")
    record: Any = result.records[run]
    assert record.count == 2000
    assert result.structure.outline.types[result.columns["type"][run]].name == "Block"


def test_blocks_that_differ_only_in_what_the_count_does_not_see_are_no_run() -> None:
    result = first_rows(Large([Block(p=index / 990) for index in range(990)]))
    assert result.of_kind(Kind.RUN) == []
    assert "blocks.989" in result.paths
    assert Flag.CUT in result.flag("blocks.989")


def test_a_wide_module_that_does_not_fold_is_cut_and_its_numbers_are_whole() -> None:
    result = first_rows(Large([Block(index % 7 + 1) for index in range(2000)]))
    assert Flag.CUT in result.flag("blocks")
    assert result.below("blocks") == []


def test_a_root_with_thousands_of_different_children_shows_them_all() -> None:
    result = first_rows(nn.ModuleList([Block(index % 7 + 1) for index in range(2000)]))
    assert len(result.below("")) == 2000


def test_a_tied_head_is_counted_once_in_the_root_and_whole_in_itself() -> None:
    model = Large([Block() for _ in range(2000)])
    model.embedding = nn.Embedding(10, 4)
    model.head.weight = model.embedding.weight
    result = first_rows(model)
    assert result.number("elements", "head") == 40
    assert result.number("elements", "embedding") == 40


def test_blocks_that_share_a_layer_fold_and_count_it_once() -> None:
    shared = nn.Linear(5, 5)
    blocks: list[nn.Module] = []
    for _ in range(1500):
        block = Block()
        block.shared = shared
        blocks.append(block)
    assert "blocks.0-1499" in first_rows(Large(blocks)).paths


def test_below_a_wrapper_the_preview_begins_anew() -> None:
    result = first_rows(nn.DataParallel(Large([Block() for _ in range(2000)])))
    assert "module.blocks.0-1999" in result.paths
    assert result.record("").wraps == "DataParallel of Large"


def test_a_module_that_is_registered_again_points_to_its_first_place() -> None:
    model = Large([Block() for _ in range(2000)])
    model.again = model.head
    result = first_rows(model)
    assert result.kinds[result.row("again")] is Kind.SHARED
    assert result.record("again").same_as == result.row("head")


def test_a_compiled_large_model_is_previewed() -> None:
    result = first_rows(torch.compile(Large([Block() for _ in range(2000)])))  # type: ignore[arg-type]
    assert "_orig_mod.blocks.0-1999" in result.paths


def test_records_paths_and_modules_of_a_preview_are_live() -> None:
    model = Large([Block() for _ in range(2000)])
    result = first_rows(model)
    assert result.structure.module(result.row("head")) is model.head
    assert result.structure.tensor(result.row("head.weight")) is model.head.weight
    assert result.record("head").facts == "4→10 no bias"
    assert [result.paths[row] for row in result.structure.opening_rows()] == ["", "embedding", "blocks", "head"]


def test_a_class_that_cannot_be_hashed_is_counted_all_the_same() -> None:
    class Equal(nn.Module):
        __hash__ = None  # type: ignore[assignment]

    first_rows(nn.ModuleList([*[Block() for _ in range(2000)], Equal(), Equal()]))


@settings(max_examples=150, deadline=None)
@given(recipe=st.lists(steps, max_size=25))
def test_whatever_is_shared_the_preview_has_the_numbers_of_the_whole(recipe: Any) -> None:
    large, choosing.LARGE = choosing.LARGE, 0
    try:
        model = build(recipe)
        structure = preview(model)
        assert structure is not None
        first = Reading(model, structure)
        check_shape(first)
        compare(first, Reading(model, read(model)))
    finally:
        choosing.LARGE = large


def test_a_class_that_cannot_be_compared_is_counted_all_the_same() -> None:
    class Raising(nn.Module):
        def __eq__(self, other: object) -> bool:
            raise ValueError("compare something else")

        def __hash__(self) -> int:
            return 1

    model = nn.ModuleList(nn.Linear(1, 1) for _ in range(20_000))
    model.extend(Raising() for _ in range(3))
    first = preview(model)
    assert first is not None
    assert first.outline.totals == read(model).outline.totals
