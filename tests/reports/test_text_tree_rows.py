"""Which rows of a model made by hand the plain tree shows, and how they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from inspector.reports import text_tree
from inspector.schema import Target
from inspector.table import ModelTable
from tests.fake_model import Node, described, lenet, module, outline, parameter

TARGET = Target("model.py", "Net", 1, "Net()", "cpu")


def table_of(root: Node) -> ModelTable:
    table = ModelTable(outline(root))
    for event in described(root):
        table.add(event)
    return table


def test_a_filter_that_only_the_root_answers_is_answered() -> None:
    assert "nothing answers" not in text_tree.write(table_of(lenet()), TARGET, keep="type:LeNet")
    assert "nothing answers zebra" in text_tree.write(table_of(lenet()), TARGET, keep="zebra")


def test_titles_stand_above_their_columns_however_short_the_names_are() -> None:
    title, root = text_tree.write(table_of(module("N", "N", parameter("w", 3))), TARGET).split("\n")[2:4]
    assert title.index("params") + len("params") == root.index(" 3 ") + len(" 3")


def test_a_row_is_not_looked_at_again_for_each_of_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: Counter[int] = Counter()
    children = ModelTable.children

    def counted(table: ModelTable, row: int) -> Iterator[int]:
        looked[row] += 1
        return children(table, row)

    table = table_of(module("Net", "Net", *(parameter(str(n), 2) for n in range(500))))
    monkeypatch.setattr(ModelTable, "children", counted)
    text_tree.write(table, TARGET)
    assert looked[0] == 1
