"""What / and \\ and --filter find."""

from __future__ import annotations

import pytest

from inspector.query import QueryError, search
from inspector.schema import Flag
from inspector.table import ModelTable
from tests import run_events
from tests.fake_model import buffer, lenet, linear, module, outline, parameter, transformer


@pytest.fixture(name="table")
def _table() -> ModelTable:
    frozen = module("head", "Head", parameter("weight", 4, flags=Flag.FROZEN), buffer("mask", 4, dtype="bool"))
    return ModelTable(outline(module("Net", "Net", *transformer(3).below, frozen)))


def paths(table: ModelTable, words: str) -> list[str]:
    return [table.path(row) for row in search(table, words)]


def test_a_word_is_found_in_names_and_classes_whatever_its_case(table: ModelTable) -> None:
    assert paths(table, "EMBED") == ["embed"]
    assert "layers.0.up" in paths(table, "linear")


def test_a_dotted_word_is_found_in_paths(table: ModelTable) -> None:
    assert paths(table, "1.up.w") == ["layers.1.up.weight"]
    assert paths(table, "layers.2.down") == ["layers.2.down"]


def test_all_words_must_hold(table: ModelTable) -> None:
    assert paths(table, "is:frozen weight") == ["head.weight"]
    assert paths(table, "is:frozen bias") == []


def test_kinds_dtypes_and_states_can_be_asked_for(table: ModelTable) -> None:
    assert paths(table, "is:buffer") == ["head.mask"]
    assert paths(table, "dtype:bool") == ["head.mask"]
    assert paths(table, "type:block") == ["layers.0-2", "layers.0", "layers.1", "layers.2"]
    assert len(paths(table, "device:cpu is:parameter")) == 2 + 3 * 4 + 2 + 1


def test_nothing_is_found_by_nothing(table: ModelTable) -> None:
    assert search(table, "  ") == []


@pytest.mark.parametrize(("words", "said"), [("is:purple", "is:frozen"), ("colour:red", "dtype:")])
def test_what_cannot_be_asked_is_answered_with_what_can(table: ModelTable, words: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        search(table, words)


def test_a_name_with_a_colon_can_be_searched(table: ModelTable) -> None:
    root = module("Net", "Net", linear("a:", 2, 2))
    assert search(ModelTable(outline(root)), "a:") == [1]


def test_the_functions_of_a_run_are_found_in_the_order_of_the_tree() -> None:
    table = ModelTable(outline(lenet()))
    assert paths(table, "relu") == []
    rows = run_events.rows_of(table, run_events.lenet_run())
    table.attach(rows.run)
    assert paths(table, "relu") == ["F.relu", "F.relu"]
    assert paths(table, "F.Max") == ["F.max_pool2d", "F.max_pool2d"]
    assert paths(table, "name:view") == paths(table, "is:function VIEW") == ["view"]
    assert len(paths(table, "is:function")) == 5
    assert paths(table, "view type:linear") == paths(table, "view is:buffer") == []
    found = search(table, "e")
    assert found == sorted(found, key=table.place)
    table.attach(None)
    assert paths(table, "relu") == []
