"""What is said beside a report: the card of a failed forward, and remarks."""

from __future__ import annotations

from typing import Any

from inspector.messages import ModelBuilt, Run, StructureFinished
from inspector.reports import failure_text, remarks
from inspector.run_schema import InputSet, RunRecord
from inspector.schema import Argument, Failure
from tests.reports.runs import TARGET, failed, healthy
from tests.run_events import called, guessed, record


def run_of(report: Any) -> RunRecord:
    found = report.rows().record
    assert isinstance(found, RunRecord)
    return found


def test_the_card_names_place_received_expected_and_mend_then_quotes_torch() -> None:
    assert failure_text.card(run_of(failed())) == (
        "forward failed in fc1, line 21  NN201\n"
        "with x 2×1×28×28  given\n"
        "\n"
        "/home/me/model.py:21\n"
        "     20  x = x.view(x.size(0), -1)\n"
        " >   21  x = F.relu(self.fc1(x))\n"
        "\n"
        "fc1 expects 576 features, got 400 = 16×5×5\n"
        "  received  2×400   = 16×5×5 of max_pool2d, flattened at :20\n"
        "  expected  2×576\n"
        "  from      view (model.py:20)\n"
        "  mend      Linear(400, 120), or an input of 32×32\n"
        "\n"
        "Traceback (most recent call last):\n"
        "  …\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied\n"
    )


def test_a_card_of_a_guess_says_that_it_was_one() -> None:
    second = failure_text.card(run_of(failed("guessed"))).splitlines()[1]
    assert second == "with x 2×1×28×28  guessed: conv1 takes 1 channel, fc1 wants 576"


def test_a_failure_that_nobody_explained_is_told_in_pythons_words() -> None:
    failure = Failure(stage="forward", type="ValueError", message="no\x1b[2J")
    run = record(called(""), InputSet("given"), ok=False, failure=failure)
    assert failure_text.card(run) == "forward failed\nwith no arguments  given\n\n\nValueError: no\\x1b[2J\n"


def test_a_guess_is_said_as_it_would_be_typed() -> None:
    inputs = guessed("x", 2, 1, 32, 32)
    said = list(remarks.write(None, None, Run(), inputs, run_of(healthy())))
    assert said == ["inputs guessed: x=2x1x32x32 (conv1 takes 1 channel, fc1 wants 576)"]
    assert list(remarks.write(None, None, Run(), InputSet("given"), run_of(healthy()))) == []


def test_a_model_that_was_not_run_says_why_and_what_to_type() -> None:
    wanted = (Argument("graph", "Data", None, True), Argument("scale", "float", "1.0", False))
    none = InputSet("none", reason="forward takes a Data", signature=wanted)
    said = list(remarks.write(None, None, Run(), none, None))
    assert said == ["not run: forward takes a Data; give them with --input graph=2x3x224x224"]
    ready = InputSet("none", command="nn-inspect model.py --input x=2x3")
    assert list(remarks.write(None, None, Run(), ready, None)) == [
        "not run: no inputs could be found; for example: nn-inspect model.py --input x=2x3"
    ]


def test_a_run_that_became_dry_for_want_of_memory_is_said_to_be() -> None:
    dry = run_of(healthy(dry=True))
    asked = Run(unless_larger=3 * 1024**3)
    words = "run dry, for shapes alone: it would need more than the 3.00 GiB of memory that are free"
    assert list(remarks.write(None, None, asked, InputSet("given"), dry)) == [words]
    assert list(remarks.write(None, None, Run(dry=True), InputSet("given"), dry)) == []
    assert list(remarks.write(None, None, Run(), InputSet("given"), dry)) == ["run dry, for shapes alone"]


def test_what_changed_is_said_whoever_changed_it() -> None:
    built = ModelBuilt(TARGET, (), note="moved to meta after building: 1 tensor")
    finished = StructureFinished("", ("attribute a was added",))
    ran = record(called(""), InputSet("given"), changed=("bn.running_mean\x1b",))
    assert list(remarks.write(built, finished, Run(), InputSet("given"), ran)) == [
        "moved to meta after building: 1 tensor",
        "not left as found: attribute a was added",
        r"not left as found: bn.running_mean\x1b",
    ]
