"""Folding, filtering and sorting against the plainest way of computing what should be shown."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inspector.run_table import RunTable
from inspector.table import ModelTable
from inspector.tui.shown_rows import ShownRows, SortKey
from tests.fake_model import Node, linear, module, outline, parameter, run, transformer
from tests.run_events import Called, called, operation, trace


def tree(depth: int, width: int) -> Node:
    """A tree of modules with a run in each."""
    if depth == 0:
        return linear("leaf", 2, 3)
    blocks = [module(str(i), "Block", linear("fc", 2, 2)) for i in range(3)]
    inner = [tree(depth - 1, width) for _ in range(width)]
    for index, child in enumerate(inner):
        child.name = f"part{index}"
    return module("Net", "Net", parameter("scale", 2), run(blocks), *inner)


def _calls(table: ModelTable, row: int, shared: int) -> Called:
    """A run in which every module calls its children, and some of them two functions between."""
    inside = [_calls(table, child, shared) for child in table.members(row) if table.is_module(child)]
    if row % shared == 0:
        inside[1:1] = [operation("F.relu", out=(2, 2)), operation("+", out=(2, 2))]
    return called(table.path(row), *inside, out=(2, 2))


class Folding(RuleBasedStateMachine):
    """Any order of folding, filtering, sorting and runs."""

    @initialize(depth=st.integers(0, 3), width=st.integers(1, 3))
    def start(self, depth: int, width: int) -> None:
        self.table = ModelTable(outline(tree(depth, width)))
        self.shown = ShownRows(self.table)
        self.kept: set[int] | None = None
        self.key: SortKey | None = None

    @rule(pick=st.integers(0, 10**6))
    def fold(self, pick: int) -> None:
        self.shown.toggle(self.shown.rows[pick % len(self.shown)])

    @rule(pick=st.integers(0, 10**6))
    def reveal(self, pick: int) -> None:
        row = pick % self.table.count
        at = self.shown.reveal(row)
        if self.kept is None or row in self.kept:
            assert self.shown.rows[at] == row

    @rule(pick=st.integers(0, 10**6), below=st.booleans())
    def all_below(self, pick: int, below: bool) -> None:
        row = self.shown.rows[pick % len(self.shown)]
        (self.shown.expand_below if below else self.shown.collapse_below)(row)

    @rule(depth=st.integers(1, 4))
    def depth(self, depth: int) -> None:
        self.shown.expand_to_depth(depth)

    @rule(picks=st.none() | st.lists(st.integers(0, 10**6), max_size=5))
    def keep(self, picks: list[int] | None) -> None:
        rows = None if picks is None else [pick % self.table.count for pick in picks]
        self.shown.keep(rows)
        self.kept = None if rows is None else {a for row in rows for a in [row, *self.table.ancestors(row)]} | {0}

    @rule(sort=st.booleans())
    def order(self, sort: bool) -> None:
        table = self.table
        self.key = (lambda row: -table.elements[row]) if sort else None
        self.shown.sort(self.key)

    @rule(shared=st.integers(1, 3), told=st.booleans())
    def a_run_arrives(self, shared: int, told: bool) -> None:
        """Every so-and-so-many-th module calls two functions beside its children; or the run is taken away."""
        self.table.attach(RunTable(trace(self.table, _calls(self.table, 0, shared))) if told else None)
        self.shown.rebuild()

    def _expected(self, row: int) -> list[int]:
        children = [c for c in self.table.children(row) if self.kept is None or c in self.kept]
        if self.key is not None:
            children.sort(key=self.key)
        is_open = row in self.shown.open or self.kept is not None
        return [row, *(r for child in children for r in self._expected(child) if is_open)]

    @invariant()
    def what_is_shown_is_what_is_open(self) -> None:
        assert self.shown.rows == self._expected(0)

    @invariant()
    def every_row_knows_whether_a_sibling_follows(self) -> None:
        rows = self.shown.rows
        for row in rows[1:]:
            siblings = [r for r in rows[1:] if self.table.above(r) == self.table.above(row)]
            assert self.shown.is_last(row) == (siblings[-1] == row)

    @invariant()
    def every_row_knows_where_it_stands(self) -> None:
        assert [self.shown.index(row) for row in self.shown.rows] == list(range(len(self.shown)))


TestFolding = Folding.TestCase
TestFolding.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_a_small_model_opens_to_its_modules_and_leaves_tensors_folded() -> None:
    shown = ShownRows(ModelTable(outline(transformer(3))))
    shown.expand_within(40)
    assert [shown.table.path(row) for row in shown.rows] == ["", "embed", "layers", "layers.0-2", "head"]


def test_the_first_screen_never_shows_more_than_its_budget() -> None:
    wide = module("Net", "Net", *(module(f"m{i}", "Part", linear("a", 2, 2)) for i in range(30)))
    shown = ShownRows(ModelTable(outline(wide)))
    shown.expand_within(40)
    assert len(shown) == 31


def test_the_depth_of_a_deep_tree_is_counted_once_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    node = linear("leaf", 1, 1)
    for level in range(60):
        node = module(f"n{level}", "Node", node)
    shown = ShownRows(ModelTable(outline(node)))
    shown.expand_below(0)
    above = Mock(side_effect=shown.table.above)
    monkeypatch.setattr(shown.table, "above", above)
    assert shown.deepest_open() == 60
    assert above.call_count < len(shown)
