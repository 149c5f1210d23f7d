"""What a reload is said to have changed."""

from __future__ import annotations

from inspector.table import ModelTable
from inspector.tui.changes import Changes
from tests.fake_model import Node, linear, module, outline, run, transformer


def changes(old: Node, new: Node) -> tuple[dict[str, str], str]:
    table = ModelTable(outline(new))
    found = Changes(ModelTable(outline(old)), table)
    return {table.path(row): mark for row, mark in found.marks.items()}, found.text()


def test_the_same_structure_is_said_to_be_the_same() -> None:
    assert changes(transformer(3), transformer(3)) == ({}, "same structure")


def test_a_resized_tensor_is_marked_up_to_the_root() -> None:
    old, new = module("Net", "Net", linear("fc", 4, 4)), module("Net", "Net", linear("fc", 4, 8))
    marks, text = changes(old, new)
    assert marks == {"": "~", "fc": "~", "fc.weight": "~", "fc.bias": "~"}
    assert text == "2 changed (fc.weight, fc.bias)"


def test_added_and_removed_parts_are_named() -> None:
    old = module("Net", "Net", linear("a", 2, 2), linear("b", 2, 2))
    new = module("Net", "Net", linear("b", 2, 2), linear("c", 2, 2))
    marks, text = changes(old, new)
    assert marks == {"": "-", "c": "+"}
    assert text == "1 added (c), 1 removed (a)"


def test_a_run_that_grew_is_marked_with_its_new_blocks() -> None:
    marks, text = changes(transformer(3), transformer(4))
    assert marks["layers.3"] == "+"
    assert text.startswith("1 added (layers.3)")


def test_a_change_inside_a_run_marks_the_run() -> None:
    def net(width: int) -> Node:
        return module("Net", "Net", run([module(str(i), "Block", linear("fc", 2, width)) for i in range(3)]))

    marks, _ = changes(net(2), net(4))
    assert marks["0-2"] == "~"
    assert marks["1.fc.weight"] == "~"
