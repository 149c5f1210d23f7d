"""What was noticed: in which order, what is silenced, and what somebody is told who mistypes an id."""

from __future__ import annotations

import pytest

from inspector.messages import FindingsReported, Load
from inspector.mode_schema import Comparison
from inspector.outcome import Outcome
from inspector.problems import badges, counted, kept, no_such, ordered, patterns, reached, softened
from inspector.run_schema import Finding, InputSet, RunRecord
from tests.fake_model import lenet
from tests.run_events import features, guessed, table_of

NOTE = Finding("NN302", "note", 3, "head.aux", "aux was not called in this forward")
WARNING = Finding("NN103", "warning", 1, "pos", "pos is a plain attribute")
ERROR = Finding("NN110", "error", 5, "head.weight", "3 of 4 are NaN")


def test_the_gravest_comes_first_and_the_same_thing_once() -> None:
    assert ordered([NOTE, WARNING, ERROR, NOTE]) == [ERROR, WARNING, NOTE]
    assert counted([NOTE, WARNING, NOTE]) == "1 warning, 2 notes"


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        ((), [NOTE, WARNING]),
        (("NN302",), [WARNING]),
        (("NN302:head.aux",), [WARNING]),
        (("NN302:head.*",), [WARNING]),
        (("NN302:*aux",), [WARNING]),
        (("NN302:aux",), [NOTE, WARNING]),
        (("NN302:HEAD.*",), [NOTE, WARNING]),
        (("NN302:",), [NOTE, WARNING]),
        (("NN103:pos", "NN302"), []),
    ],
)
def test_a_finding_is_silenced_by_its_id_or_at_its_path(ignored: tuple[str, ...], left: list[Finding]) -> None:
    assert kept([NOTE, WARNING], ignored) == left


def test_a_path_that_looks_like_a_pattern_is_silenced_by_its_own_spelling() -> None:
    odd = Finding("NN103", "warning", 1, "cache[0]*", "a plain attribute")
    assert kept([odd], ["NN103:cache[0]*"]) == []


def test_the_root_is_silenced_by_an_empty_path() -> None:
    assert kept([Finding("NN106", "note", 0, "", "nothing is trained")], ["NN106:"]) == []


def test_ids_are_typed_in_any_case_and_several_with_commas() -> None:
    assert patterns(["nn302, NN103:pos.*", "NN110", ""]) == ("NN302", "NN103:pos.*", "NN110")


@pytest.mark.parametrize(("typed", "said"), [("NN304x", "NN304"), ("NN402", "NN401"), ("20", "there are NN101, NN102")])
def test_an_id_that_there_is_not_is_refused_with_those_that_are_nearest(typed: str, said: str) -> None:
    with pytest.raises(ValueError, match="there is no finding") as refused:
        patterns(["NN302", f"{typed}:path"])
    assert said in str(refused.value)
    assert "\x1b" not in no_such("\x1b[31m")


def test_a_limit_is_reached_by_what_is_as_grave_or_graver() -> None:
    assert reached([ERROR], "warning")
    assert reached([WARNING], "warning")
    assert not reached([NOTE], "warning")
    assert reached([NOTE], "note")
    assert not reached([], "note")


def test_a_row_has_the_letter_of_the_gravest_and_those_above_it_a_small_one() -> None:
    table = table_of(lenet())
    fc1 = 7
    note = Finding("NN302", "note", fc1, "fc1", "")
    assert badges(table, [note]) == {fc1: "n"}
    assert badges(table, [note, features(fc1)]) == {fc1: "E", 0: "e"}
    assert badges(table, [Finding("NN106", "note", None, "", ""), Finding("NN106", "error", 10**6, "", "")]) == {}


def of_run(origin: str) -> Outcome:
    inputs = guessed("x", 2) if origin == "guessed" else InputSet("given")
    ran = RunRecord(
        mode="eval", dry=False, device="cpu", seed=0, ok=False, inputs=inputs, finding=features()
    )  # fmt: skip
    return Outcome(request=Load(""), ran=ran, noticed={"structure": FindingsReported("structure", (WARNING,))})


def test_everything_that_was_noticed_stands_in_one_list() -> None:
    outcome = of_run("given")
    outcome.noticed["run"] = FindingsReported("run", (NOTE, features()))
    assert outcome.findings() == [features(), WARNING, NOTE]


def test_a_forward_that_failed_on_a_guess_is_only_a_note_where_that_is_asked_for() -> None:
    assert of_run("guessed").findings()[0].severity == "error"
    soft = of_run("guessed").findings(soft=True)
    assert [(found.id, found.severity) for found in soft] == [("NN103", "warning"), ("NN201", "note")]
    assert "the inputs were guessed" in soft[1].message
    assert of_run("given").findings(soft=True)[0] == features()
    assert softened(features()).source == features().source


def test_what_the_comparison_notices_again_is_told_once() -> None:
    again = Finding("NN103", "warning", 1, "pos", "the same in other words")
    new = Finding("NN403", "note", 4, "bn", "never updated")
    outcome = of_run("given")
    outcome.comparison = Comparison(InputSet("given"), 0, "cpu", 0.1, findings=(again, new))
    assert outcome.findings() == [features(), WARNING, new]
