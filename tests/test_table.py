"""The rows of a model as a front end holds them."""

from __future__ import annotations

from inspector.schema import Flag, Kind, ModuleRow, TensorRow
from inspector.table import ModelTable
from tests.fake_model import Node, described, linear, module, outline, parameter, run, transformer


def table_of(root: Node) -> ModelTable:
    table = ModelTable(outline(root))
    for event in described(root):
        table.add(event)
    return table


def test_paths_leave_out_runs_and_name_the_root_by_nothing() -> None:
    table = table_of(transformer(3))
    paths = [table.path(row) for row in range(table.count)]
    assert paths[0] == ""
    assert "layers.0.up.weight" in paths
    assert "layers.0-2" in paths


def test_elements_of_a_list_are_joined_without_a_dot() -> None:
    ghost = Node("layers", Kind.GHOST, below=[Node("[0]", Kind.GHOST, below=[parameter("weight", 2)])])
    table = table_of(module("Net", "Net", ghost))
    assert table.path(3) == "layers[0].weight"


def test_what_is_below_an_elided_row_stands_in_its_place() -> None:
    hidden = Node("parametrizations", type="ModuleDict", flags=Flag.ELIDED, below=[parameter("original0", 3)])
    made = Node("weight", Kind.MADE, shape=(3,), below=[hidden])
    table = table_of(module("Net", "Net", made))
    assert [table.name(child) for child in table.children(1)] == ["original0"]
    assert table.above(3) == 1
    assert table.path(3) == "parametrizations.original0"


def test_records_come_from_chunks_and_from_single_rows() -> None:
    root = module("Net", "Net", *(linear(f"fc{i}", 2, 2) for i in range(600)))
    table = ModelTable(outline(root))
    first, *_, last = described(root)
    assert table.row(0) is None
    table.add(last)
    assert table.row(0) is None
    assert isinstance(table.row(table.count - 1), TensorRow)
    assert not table.complete
    table.add(first)
    assert isinstance(table.row(0), ModuleRow)


def test_a_trail_leads_back_to_its_row_whether_or_not_blocks_are_folded() -> None:
    blocks = [module(str(i), "Block", linear("up", 4, 4)) for i in range(4)]
    folded = table_of(module("Net", "Net", run(blocks)))
    flat = table_of(module("Net", "Net", *blocks))
    for table, other in ((folded, flat), (flat, folded)):
        row = next(r for r in range(table.count) if table.path(r) == "2.up.weight")
        found, steps = other.follow(table.trail(row))
        assert other.path(found) == "2.up.weight"
        assert steps == 3


def test_a_trail_leads_as_far_as_it_can() -> None:
    table = table_of(transformer(2))
    row, steps = table.follow(("layers", "1", "gone", "weight"))
    assert table.path(row) == "layers.1"
    assert steps == 2
