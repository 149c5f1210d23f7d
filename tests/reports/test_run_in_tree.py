"""What the plain tree and the Markdown table say of a run."""

from __future__ import annotations

import math

import pytest

from inspector.run_schema import CallState, Warned
from inspector.schema import Source
from tests.fake_model import lenet, module, parameter, transformer
from tests.reports.runs import Reported, failed, healthy
from tests.run_events import called, guessed, lenet_run, table_of


def line_of(text: str, name: str) -> list[str]:
    """The cells of a row of the tree, without the letter that may stand before it."""
    lines = [line.lstrip("EWnew ") for line in text.splitlines()]
    rows = [line.lstrip("│├└ ") for line in lines if line.startswith(("├", "│", "└"))]
    return next(row for row in rows if row.startswith(f"{name} ")).split("  ")


def test_every_row_says_what_came_out_of_it_and_what_it_cost() -> None:
    text = healthy().tree()
    cells = [cell.strip() for cell in line_of(text, "conv2") if cell.strip()]
    assert cells == ["conv2", "Conv2d 6→16 k3", "2×16×12×12", "880", "1.1", "2 ms", "498 k"]


def test_inputs_mode_cost_and_proof_stand_above_the_tree() -> None:
    above = healthy(peak_bytes=99_000).tree().split("\n\n")[0].splitlines()
    assert above[1:] == [
        "inputs      x 2×1×32×32  guessed: conv1 takes 1 channel, fc1 wants 576",
        "run         eval, 12.3 ms, 1.29 MFLOP, peak 96.7 KiB",
        "output      2×10 float32",
        "guard       left as found: 10 tensors, 6 modes, hooks, RNG",
    ]


def test_warnings_and_notes_stand_under_the_tree_once_each() -> None:
    warning = Warned("UserWarning", "careful", Source("model.py", 3), 2)
    text = healthy(warnings=(warning,), notes=("ran on a copy",), uncounted=(("lstm", 2),)).tree()
    below = text.rstrip().split("\n\n")[-1].splitlines()
    assert below[-4:] == [
        "FLOPs       1,288,224",
        "uncounted   lstm ×2",
        "note        ran on a copy",
        "warning     UserWarning: careful (model.py:3, 2 times)",
    ]


def test_a_failed_run_marks_the_row_that_raised_and_those_it_did_not_reach() -> None:
    text = failed().tree()
    assert "✗ got 2×400" in "  ".join(line_of(text, "fc1"))
    assert "not reached" in "  ".join(line_of(text, "fc3"))
    assert "run         eval, forward failed in fc1, line 21" in text
    assert "(as far as it ran)" in text


def test_a_dry_run_shows_shapes_and_no_times() -> None:
    text = Reported(
        table_of(lenet()), lenet_run(), guessed("x", 2, 1, 32, 32), {"dry": True, "flops_by": "dry run"}
    ).tree()
    assert "eval, dry: shapes alone, 1.29 MFLOP" in text
    assert " time " not in text
    assert " ms" not in text
    assert "2×16×12×12" in text


def test_how_often_is_said_only_where_something_was_called_again() -> None:
    assert "calls" not in healthy().tree()
    again = Reported(table_of(lenet()), called("", called("fc1"), called("fc1"), called("fc2")), guessed("x", 2)).tree()
    assert "calls" in again
    assert "×2" in map(str.strip, line_of(again, "fc1"))
    assert "×" not in "".join(line_of(again, "fc2"))


def test_what_was_not_called_says_so() -> None:
    short = lenet_run()
    del short.inside[-1]
    report = Reported(table_of(lenet()), short, guessed("x", 2))
    assert "not called" in "  ".join(line_of(report.tree(), "fc3"))
    report.facts = {"uncalled_but_used": (report.table.count - 3,)}
    assert "weights used, not called" in "  ".join(line_of(report.tree(), "fc3"))


def test_a_run_of_blocks_says_what_they_cost_together() -> None:
    blocks = [called(f"layers.{n}", out=(2, 64), own_flops=1000, seconds=0.001) for n in range(12)]
    text = Reported(table_of(transformer()), called("", *blocks, out=(2, 64)), guessed("x", 2)).tree()
    assert line_of(text, "0-11")[-1].strip() == "12.0 k"
    assert line_of(text, "0")[-1].strip() == "1.00 k"


@pytest.mark.parametrize("width", [20, 40, 60, 64, 80, 120, 200])
def test_columns_that_find_no_room_are_left_out(width: int) -> None:
    report = healthy()
    rows = report.tree(width=width).split("\n\n")[1].splitlines()
    whole = report.tree().split("\n\n")[1].splitlines()
    assert len(rows) == len(whole)
    fewest = len("├ conv2  Conv2d 6→16 k3  2×16×12×12    params")
    assert max(map(len, rows)) <= max(width, fewest)
    assert all("conv" not in row or "2×" in row for row in rows)


def test_a_terminal_shows_in_red_what_failed_and_dim_what_did_not_run() -> None:
    painted = failed().tree(painted=lambda text, style: f"<{style}>{text}</>" if style else text)
    assert "<bold red>✗ got 2×400" in painted
    assert "<red>✗ inside" in painted
    assert "<dim>not reached" in painted


def test_long_types_are_cut_before_a_cost_is_left_out() -> None:
    layer = module("fc", "Linear", parameter("weight", 4), facts="with a great many facts that take a lot of room")
    report = Reported(
        table_of(module("Net", "Net", layer)), called("", called("fc", out=(2, 2), own_flops=5)), guessed("x")
    )
    rows = report.tree(width=60).split("\n\n")[1].splitlines()
    assert "FLOPs" in rows[0]
    assert "Linear with a great many f…" in rows[2]
    assert max(map(len, rows)) <= 60
    assert "time" in healthy().tree(width=62).split("\n\n")[1]
    assert "time" not in healthy().tree(width=61).split("\n\n")[1]


def test_a_value_that_is_a_huge_structure_does_not_widen_the_tree() -> None:
    many = lenet_run()
    many.inside[0].outputs *= 500
    assert max(map(len, healthy().tree().splitlines())) < 100
    report = Reported(table_of(lenet()), many, guessed("x", 2))
    assert "+497" in "  ".join(line_of(report.tree(), "conv1"))
    assert max(map(len, report.tree().splitlines())) < 120


def test_of_many_outputs_the_first_are_listed() -> None:
    many = lenet_run()
    many.outputs *= 100
    above = Reported(table_of(lenet()), many, guessed("x", 2)).tree().split("\n\n")[0].splitlines()
    assert len(above) == 13
    assert above[-2].strip() == "and 92 more"


def test_a_run_with_nothing_counted_says_so() -> None:
    text = healthy(flops=0, flops_by="").tree()
    assert "FLOPs not counted" in text
    assert "\nFLOPs " not in text


def test_markdown_has_the_same_columns() -> None:
    text = healthy().markdown()
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[0] == "| module | type | output | calls | parameters | % | time | FLOPs |"
    assert all(line.count("|") == 9 for line in table)
    assert "| &nbsp;&nbsp;&nbsp;&nbsp;conv2 | Conv2d 6→16 k3 | 2×16×12×12 |  | 880 | 1.1 | 2 ms | 498 k |" in table
    assert "- inputs: x 2×1×32×32  guessed: conv1 takes 1 channel, fc1 wants 576" in text
    assert "- FLOPs: 1,288,224" in text


def test_times_that_are_not_numbers_are_left_out() -> None:
    odd = lenet_run()
    odd.inside[0].seconds, odd.inside[3].seconds, odd.seconds = math.nan, math.inf, math.nan
    text = Reported(table_of(lenet()), odd, guessed("x", 2), {"seconds": math.nan}).tree()
    assert "nan" not in text
    assert "inf" not in text


def test_a_run_whose_root_itself_raised_names_no_module() -> None:
    root = called("", state=CallState.FAILED)
    text = Reported(table_of(lenet()), root, guessed("x", 2)).tree()
    assert "run         eval, forward failed" in text
