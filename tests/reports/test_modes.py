"""Train against eval in every form: which modules make the difference, why, and what comes of it."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest

from inspector.mode_schema import OutputDifference
from inspector.reports import failure_text
from inspector.run_schema import Finding, InputSet, Warned
from inspector.schema import Failure, Source
from tests.mode_events import conv_block, conv_block_comparison, difference
from tests.reports.json_shapes import Document
from tests.reports.runs import Reported
from tests.run_events import FILE, called, guessed, table_of


def compared(inputs: InputSet | None = None, **more: Any) -> Reported:
    """A block with two sources, as it ran and was compared."""
    table, inputs = table_of(conv_block()), inputs or InputSet("given", guessed("x", 2, 3, 8, 8).arguments)
    inside = [called(name, out=(2, 16, 8, 8)) for name in ("conv", "bn", "relu", "drop")]
    root = called("", *inside, called("fc", out=(2, 10)), out=(2, 10))
    return Reported(table, root, inputs, comparison=conv_block_comparison(table, inputs, **more))


BATCH = "bn got one value for each of 16 channels"
FAILED: dict[str, Any] = {
    "differences": (),
    "outputs": (),
    "sources": (),
    "failed_in": "train",
    "finding": Finding("NN212", "error", 3, "bn", BATCH, "a batch of 2", Source(FILE, 18, "x = self.bn(x)")),
    "failure": Failure(stage="forward", type="ValueError", message="Expected more than 1 value", traceback="Trace\n"),
}


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if any(f"{branch} {name} " in line for branch in "├└"))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_every_row_says_how_far_it_moves_by_how_much_chance_and_what_it_is() -> None:
    text = compared().tree()
    assert cells(text, "bn")[-3:] == ["0.41", "0", "SOURCE"]
    assert cells(text, "drop")[-3:] == ["0.58", "0.57", "SOURCE"]
    assert cells(text, "conv")[-3:] == ["0", "0", "unchanged"]
    assert cells(text, "fc")[-3:] == ["0.44", "0.4", "passes on"]
    title = next(line for line in text.splitlines() if line.lstrip().startswith("module "))
    assert title.split() == ["module", "type", "output", "params", "differs", "noise", "role"]


def test_the_sources_stand_under_the_tree_with_their_reasons_those_that_matter_most_first() -> None:
    lines = compared().tree().split("\n\n")[3].splitlines()
    assert lines == [
        "train/eval  2 sources, 3 pass it on, 1 unchanged",
        "            differs: |train - eval| / |eval| of the output; noise: the same between two runs of one mode",
        "output      2×10  differs by 0.44 of its size, an element by at most 0.9; by chance 0.4 in train, 0 in eval",
        "SOURCE      drop (Dropout) by 0.58",
        "            p=0.3",
        "SOURCE      bn (BatchNorm2d) by 0.41",
        "            uses this batch in train, running statistics in eval; they were never updated "
        "(num_batches_tracked = 0)",
        "guard       left as found: 6 tensors, 6 modes, hooks, RNG",
    ]


def test_what_only_one_mode_calls_has_a_role_and_no_numbers() -> None:
    report = compared()
    only = difference(report.table, "fc", "only in train", math.nan)
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=(only,), sources=())
    assert cells(report.tree(), "fc")[-1] == "only in train"
    assert "nan" not in report.tree()
    assert "1 module called in one mode only" in report.tree()
    assert "| 10 |  |  | only in train |" in report.markdown().replace("170", "10")


def test_modes_that_agree_are_said_to() -> None:
    report = compared(sources=())
    same = difference(report.table, "", "unchanged", 0.0)
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=(same,), sources=())
    assert "train/eval  train and eval give the same, bit for bit\noutput" in report.tree()


@pytest.mark.parametrize("known", ["noise_train", "noise_eval"])
def test_noise_that_is_known_of_one_mode_alone_is_that_ones(known: str) -> None:
    report = compared()
    told = {"noise_train": math.nan, "noise_eval": math.nan, known: 0.25}
    one = difference(report.table, "bn", "passes on", 0.5, **told)
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=(one,), sources=())
    assert cells(report.tree(), "bn")[-3:] == ["0.5", "0.25", "passes on"]


def test_a_source_of_the_users_own_names_the_line_that_looks_at_training() -> None:
    report = compared()
    looks = Source(FILE, 14, "    if self.training:")
    own = difference(
        report.table, "relu", "source", 0.5, looks=looks, reason="draws", source=Source(FILE, 19), number=2
    )
    first = difference(report.table, "relu", "unchanged", 0.0)
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=(first, own), sources=(1,))
    text = report.tree()
    assert "SOURCE      relu (ReLU) by 0.5, call 2 of 2  model.py:19" in text
    assert "            looks at training: model.py:14  if self.training:" in text


def test_a_line_that_the_reason_has_already_is_not_said_twice() -> None:
    report = compared()
    looks = Source(FILE, 14, "    if self.training:")
    reason = "its own code looks at `training`: model.py:14 · if self.training:"
    own = difference(report.table, "relu", "source", 0.5, looks=looks, reason=reason)
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=(own,), sources=(0,))
    assert report.tree().count("if self.training:") == 1


def test_what_cannot_be_subtracted_has_no_number() -> None:
    report = compared()
    other = difference(
        report.table, "bn", "source", math.nan, own=math.nan, note="gives 2×4 in train mode, 1×4 in eval"
    )
    output = OutputDifference("", (1, 4), math.nan, math.nan, 0.0, 0.4)
    facts: dict[str, Any] = {"differences": (other,), "sources": (0,), "outputs": (output,)}
    report.comparison = conv_block_comparison(report.table, report.inputs, **facts)
    text = report.tree()
    assert "SOURCE      bn (BatchNorm2d) gives other things\n            gives 2×4 in train mode, 1×4 in eval" in text
    assert "output      1×4  train mode gives other things, which cannot be subtracted" in text
    assert "nan" not in text


def test_of_a_great_many_sources_the_first_are_told() -> None:
    report = compared()
    many = tuple(difference(report.table, "bn", "source", 0.1, number=n) for n in range(1, 31))
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=many, sources=tuple(range(30)))
    assert "            and 10 more sources" in report.tree()
    assert report.tree().count("SOURCE      ") == 20


def test_warnings_and_notes_of_the_comparison_are_told() -> None:
    text = compared(notes=("only a sample",), warnings=(Warned("UserWarning", "careful", None),)).tree()
    assert "note        only a sample" in text
    assert "warning     UserWarning: careful" in text


def test_a_forward_that_fails_in_train_mode_alone_is_told_beside_the_run() -> None:
    report = compared(**FAILED)
    text = report.tree()
    assert "train/eval  not compared: forward failed in train mode, in bn, line 18" in text
    assert "E ├ bn" in text
    assert "differs" not in text
    assert report.comparison is not None
    assert failure_text.card(report.comparison).splitlines()[:2] == [
        "forward failed in train mode, in bn, line 18  NN212",
        "with x 2×3×8×8  given",
    ]
    document = msgspec.json.decode(report.json(), type=Document)
    assert document.comparison is not None
    assert document.comparison.failed_in == "train"
    assert document.error is not None
    assert document.error.stage == "forward"
    assert [found.id for found in document.findings] == ["NN212"]


def test_a_forward_that_fails_in_train_mode_on_a_guess_is_no_error_of_the_document() -> None:
    document = json.loads(compared(guessed("x", 2, 3, 8, 8), **FAILED).json())
    assert document["error"] is None
    assert document["comparison"]["failed_in"] == "train"


def test_the_document_has_an_entry_for_every_call_and_the_sources_in_order() -> None:
    document = msgspec.json.decode(compared().json(), type=Document)
    found = document.comparison
    assert found is not None
    assert [one.path for one in found.calls] == ["", "conv", "bn", "relu", "drop", "fc"]
    assert [(one.path, one.call) for one in found.sources] == [("drop", 1), ("bn", 1)]
    norm = found.calls[2].norm
    assert norm is not None
    assert (norm.total, norm.batches) == (16, 0)
    assert norm.channels["batch_mean"][15] == pytest.approx(0.465)
    dropout = found.calls[4].dropout
    assert dropout is not None
    assert (dropout.p, dropout.zeroed, dropout.elements) == (0.3, 612, 2048)
    assert found.failed_in is None
    assert found.outputs[0].shape == [2, 10]


def test_differences_that_are_no_numbers_are_spelled_in_the_document() -> None:
    report = compared()
    odd = difference(report.table, "bn", "passes on", math.inf, noise_eval=math.nan)
    report.comparison = conv_block_comparison(report.table, report.inputs, differences=(odd,), sources=())
    call = msgspec.json.decode(report.json(), type=Document).comparison
    assert call is not None
    assert (call.calls[0].difference, call.calls[0].noise_eval) == ("inf", "nan")


def test_markdown_has_the_same_columns_and_the_reasons() -> None:
    text = compared().markdown()
    assert "| module | type | output | parameters | differs | noise | role |" in text
    assert "| &nbsp;&nbsp;&nbsp;&nbsp;bn | BatchNorm2d 16 | 2×16×8×8 | 32 | 0.41 | 0 | SOURCE |" in text
    assert "#### train against eval" in text
    assert "- SOURCE: drop (Dropout) by 0.58\n  p=0.3" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_keeps_the_differences_and_cuts_the_rest(width: int) -> None:
    text = compared().tree(width=width)
    assert "SOURCE" in "".join(cells(text, "bn"))
    assert max(map(len, text.splitlines())) <= width
