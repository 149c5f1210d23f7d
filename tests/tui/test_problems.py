"""What was noticed: badges in the tree, the count below it, the list, and the way from one to the next."""

from __future__ import annotations

from inspector.messages import FindingsReported, Probe, Run
from inspector.problems import badges, counted, kept, ordered
from inspector.run_schema import Finding
from inspector.schema import Source
from inspector.table import ModelTable
from inspector.tui.open_model import OpenModel
from tests import run_events
from tests.fake_model import lenet, linear, module
from tests.run_events import FILE, guessed, table_of
from tests.tui.driving import Driven, driven


def row_of(table: ModelTable, path: str) -> int:
    return next(row for row in range(table.count) if table.path(row) == path)


def found(table: ModelTable) -> tuple[Finding, ...]:
    """A note, an error and a warning, in no order."""
    conv2, fc1 = row_of(table, "conv2"), row_of(table, "fc1")
    where = Source(FILE, 14, "self.fc1 = nn.Linear(576, 120)")
    return (
        Finding("NN109", "note", conv2, "conv2", "momentum 0.9: new = 0.1*old + 0.9*batch"),
        Finding("NN110", "error", fc1, "fc1", "weight holds 3 NaN of 69,120, the first at [0, 0]", "look", where),
        Finding("NN113", "warning", 0, "", "2 dtypes"),
    )


def model_in(window: Driven) -> OpenModel:
    assert window.app.talk.model is not None
    return window.app.talk.model


def table_in(window: Driven) -> ModelTable:
    return model_in(window).table


async def report(window: Driven, findings: tuple[Finding, ...] | None = None) -> None:
    findings = found(table_in(window)) if findings is None else findings
    window.engine.tell(1, [FindingsReported("structure", findings)])
    await window.settle()


def mark_of(window: Driven, name: str) -> str:
    lines = [line[:70] for line in window.screen().split("\n")[2:]]
    return next(line for line in lines if f" {name} " in line.replace("▸", " ").replace("▾", " "))[:1]


async def test_rows_with_a_finding_carry_its_letter_and_rows_above_a_small_one() -> None:
    async with driven() as window:
        await report(window)
        assert mark_of(window, "fc1") == "E"
        assert mark_of(window, "conv2") == "n"
        assert mark_of(window, "conv1") == " "
        assert window.app.model_tree.badges[0] == "W"


async def test_the_line_below_counts_what_was_noticed() -> None:
    async with driven() as window:
        await report(window)
        await window.press("down")
        assert "x: 1 error, 1 warning, 1 note" in window.screen()


async def test_the_list_begins_with_the_gravest_and_leads_to_its_place() -> None:
    async with driven() as window:
        await report(window)
        await window.press("x")
        lines = window.screen().split("\n")
        assert [line.split()[:2] for line in lines[1:4]] == [["E", "NN110"], ["W", "NN113"], ["N", "NN109"]]
        assert "weight holds 3 NaN of 69,120" in window.screen()
        await window.press("down", "down", "enter")
        assert window.cursor() == "conv2"
        assert window.status().startswith("NN109 momentum 0.9")


async def test_the_text_of_a_finding_names_the_line_and_the_mend() -> None:
    async with driven() as window:
        await report(window)
        await window.press("x", "g")
        screen = window.screen()
        assert "model.py:14" in screen
        assert "self.fc1 = nn.Linear(576, 120)" in screen
        assert "--ignore NN110" in screen


async def test_brackets_go_from_problem_to_problem_and_around() -> None:
    async with driven() as window:
        await report(window)
        await window.press("right_square_bracket")
        assert window.cursor() == "conv2"
        await window.press("right_square_bracket")
        assert window.cursor() == "fc1"
        await window.press("right_square_bracket")
        assert window.cursor() == ""
        await window.press("left_square_bracket")
        assert window.cursor() == "fc1"


async def test_without_a_finding_the_list_says_so() -> None:
    async with driven() as window:
        await window.press("x")
        assert "problems: none" in window.screen()
        assert "nothing was noticed" in window.screen()


async def test_what_is_reported_again_takes_the_place_of_what_was_reported_before() -> None:
    async with driven() as window:
        await report(window)
        await report(window, ())
        assert mark_of(window, "fc1") == " "
        await window.press("right_square_bracket")
        assert "nothing was noticed" in window.status()


async def test_a_failed_forward_is_a_problem_like_any_other() -> None:
    async with driven() as window:
        finding = run_events.features(row_of(table_in(window), "fc1"))
        more = {"ok": False, "finding": finding}
        events = run_events.events(table_in(window), run_events.failed_run(), guessed("x", 2, 1, 28, 28), **more)
        window.engine.runs.append(list(events))
        await window.press("r", "x")
        assert "NN201" in window.screen()


async def test_silenced_findings_are_not_told() -> None:
    async with driven() as window:
        model_in(window).ignored = frozenset({"NN110"})
        await report(window)
        assert mark_of(window, "fc1") == " "


async def test_a_silenced_failure_is_said_and_is_no_problem() -> None:
    async with driven() as window:
        model_in(window).ignored = frozenset({"NN201:fc*"})
        finding = run_events.features(row_of(table_in(window), "fc1"))
        more = {"ok": False, "finding": finding}
        events = run_events.events(table_in(window), run_events.failed_run(), guessed("x", 2, 1, 28, 28), **more)
        window.engine.runs.append(list(events))
        await window.press("r")
        assert "NN201" in window.status()
        assert "fc1 expects" in window.status()
        assert model_in(window).findings == []
        assert mark_of(window, "fc1") != "E"


async def test_what_is_silenced_stays_so_when_the_model_is_loaded_again() -> None:
    async with driven() as window:
        window.app.talk.runs.ignored = frozenset({"NN110"})
        await window.press("R")
        assert model_in(window).ignored == {"NN110"}


async def test_after_the_first_real_run_more_is_looked_for_once() -> None:
    async with driven() as window:
        runs = window.app.talk.runs
        runs.automatic = True
        events = run_events.events(table_in(window), run_events.lenet_run(), guessed("x", 2, 1, 32, 32))
        window.engine.runs += [list(events), list(events)]
        await window.press("r")
        assert window.engine.asked.count(Probe()) == 1
        window.engine.tell(1, [FindingsReported("probes", found(table_in(window)))])
        await window.press("r")
        assert window.engine.asked.count(Run()) == 2
        assert window.engine.asked.count(Probe()) == 1
        assert mark_of(window, "fc1") == "E"


def test_findings_stand_by_severity_then_by_place() -> None:
    table = table_of(lenet())
    assert [finding.id for finding in ordered(found(table))] == ["NN110", "NN113", "NN109"]
    assert counted(found(table)) == "1 error, 1 warning, 1 note"
    assert [finding.id for finding in kept(found(table), ["NN110"])] == ["NN109", "NN113"]


def test_a_note_is_not_carried_upwards() -> None:
    table = table_of(lenet())
    note = Finding("NN109", "note", row_of(table, "conv2"), "conv2", "momentum")
    assert badges(table, [note]) == {row_of(table, "conv2"): "n"}


async def test_a_problem_of_a_model_that_was_loaded_again_meanwhile_leads_nowhere() -> None:
    small = module("Net", "Net", linear("fc", 2, 2))
    async with driven(lenet(), small) as window:
        await report(window)
        await window.press("x", "end")
        window.app.action_reload()
        await window.settle()
        await window.press("enter")
        assert window.cursor() == ""
        assert window.status() == "the model was loaded again meanwhile; x lists what was noticed of this one"


async def test_from_the_trace_a_problem_leads_to_the_tree_and_the_keys_follow() -> None:
    async with driven() as window:
        await report(window)
        inputs = guessed("x", 2, 1, 32, 32)
        window.engine.runs.append(list(run_events.events(table_in(window), run_events.lenet_run(), inputs)))
        await window.press("r", "t", "right_square_bracket")
        assert window.cursor() == "conv2"
        await window.press("down")
        assert window.cursor() == "fc1"
