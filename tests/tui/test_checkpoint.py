"""A checkpoint beside the model in the window: asked for by name, told in one line, its faults at their rows."""

from __future__ import annotations

from typing import Any

from inspector.checkpoint_schema import CheckpointComparison
from inspector.messages import CheckpointCompared, CompareCheckpoint, Failed
from inspector.run_schema import Finding
from inspector.schema import Failure
from tests.tui.driving import Driven, driven
from tests.tui.test_problems import mark_of, row_of, table_in


def compared(window: Driven, **facts: Any) -> CheckpointCompared:
    fc3 = row_of(table_in(window), "fc3")
    finding = Finding("NN602", "error", fc3, "fc3", "weight and bias of fc3 are not in best.pt", "load it otherwise")
    known = {"fitting": 8, "wanted": 10, "held": 8, "place": '["state_dict"]', "findings": (finding,)}
    return CheckpointCompared(CheckpointComparison("runs/best.pt", "torch.save", **{**known, **facts}))


def asked(window: Driven) -> list[CompareCheckpoint]:
    return [request for request in window.engine.asked if isinstance(request, CompareCheckpoint)]


async def tell(window: Driven, event: Any) -> None:
    window.engine.tell(len(window.engine.loads), [event])
    await window.settle()


async def ask(window: Driven, path: str, *, unsafe: bool = False) -> None:
    window.app.action_checkpoint(unsafe)
    for letter in path:
        await window.pilot.press({"/": "slash", ".": "full_stop", "~": "tilde"}.get(letter, letter))
    await window.press("enter")


async def test_the_command_asks_for_a_path_and_compares() -> None:
    async with driven() as window:
        await ask(window, "runs/best.pt")
        assert asked(window) == [CompareCheckpoint("runs/best.pt")]
        assert not window.app.prompt.display


async def test_the_answer_is_a_line_a_badge_and_a_problem() -> None:
    async with driven() as window:
        await tell(window, compared(window))
        assert window.status() == "best.pt: 8 of 10 tensors fit; x tells all"
        assert mark_of(window, "fc3") == "E"
        assert mark_of(window, "fc2") == " "
        await window.press("x")
        assert "weight and bias of fc3 are not in best.pt" in window.screen()


async def test_a_file_that_fits_is_said_to_and_marks_nothing() -> None:
    async with driven() as window:
        await tell(window, compared(window, fits=True, fitting=10, findings=()))
        assert window.status() == "best.pt: all 10 tensors fit"
        assert mark_of(window, "fc3") == " "


async def test_the_models_own_page_says_it_for_as_long_as_it_is_open() -> None:
    async with driven() as window:
        await tell(window, compared(window))
        await window.press("g")
        assert "│ checkpoint best.pt: 8 of 10 tensors fit" in window.screen()
        assert '["state_dict"] of torch.save, 8' in window.screen()


async def test_another_file_takes_the_place_of_the_one_before() -> None:
    async with driven() as window:
        await tell(window, compared(window))
        await ask(window, "x")
        assert asked(window) == [CompareCheckpoint("x")]
        await tell(window, compared(window, fits=True, findings=()))
        assert mark_of(window, "fc3") == " "


async def test_the_prompt_begins_with_the_file_that_was_asked_for_last() -> None:
    async with driven() as window:
        await ask(window, "best.p")
        await ask(window, "")
        assert asked(window) == [CompareCheckpoint("best.p")] * 2
        window.app.action_checkpoint()
        await window.press("end")
        await window.press("t", "enter")
        assert asked(window)[-1] == CompareCheckpoint("best.pt")
        await ask(window, "other.pt")  # The first letter takes the place of all of it.
        assert asked(window)[-1] == CompareCheckpoint("other.pt")
        window.app.action_checkpoint()
        await window.press("escape")
        assert len(asked(window)) == 4


async def test_an_empty_path_asks_for_nothing() -> None:
    async with driven() as window:
        await ask(window, "")
        assert asked(window) == []


async def test_a_file_that_cannot_be_read_is_said_with_its_mend_and_the_last_answer_stays() -> None:
    async with driven() as window:
        await tell(window, compared(window))
        failure = Failure(
            stage="checkpoint", type="CheckpointUnreadable", message="b.pt is empty", mend="copy it again"
        )
        await tell(window, Failed(failure))
        assert window.status() == "b.pt is empty; copy it again"
        assert mark_of(window, "fc3") == "E"
        assert window.app.talk.failure is None


async def test_a_refusal_ends_no_run_that_goes_on() -> None:
    async with driven() as window:
        await window.press("r")
        await tell(window, Failed(Failure(stage="checkpoint", type="CheckpointUnreadable", message="b.pt is empty")))
        assert window.app.talk.runs.pending is not None


async def test_the_file_of_the_command_line_is_compared_with_every_model_that_is_loaded() -> None:
    async with driven() as window:
        window.app.talk.checkpoints.wanted = CompareCheckpoint("best.pt", unsafe=True)
        await window.press("R")
        assert asked(window) == [CompareCheckpoint("best.pt", unsafe=True)]
        await tell(window, compared(window))
        await window.press("R")
        assert len(asked(window)) == 2
        assert mark_of(window, "fc3") == " "  # of the model before


async def test_the_palette_has_both_ways_to_ask() -> None:
    async with driven() as window:
        commands = [command.title for command in window.app.get_system_commands(window.app.screen)]
        assert [title for title in commands if "checkpoint" in title] == [
            "compare with a checkpoint: does the file fit?",
            "compare with a checkpoint, which may run code of its own: does the file fit?",
        ]
        await ask(window, "a", unsafe=True)
        assert asked(window) == [CompareCheckpoint("a", unsafe=True)]


async def test_what_could_not_be_put_back_is_said() -> None:
    async with driven() as window:
        await tell(window, compared(window, changed=("fc3.weight",)))
        assert window.status() == "not left as found: fc3.weight"


async def test_silenced_findings_of_a_checkpoint_stay_silent() -> None:
    async with driven() as window:
        model = window.app.talk.model
        assert model is not None
        model.ignored = frozenset({"NN602"})
        await tell(window, compared(window))
        assert mark_of(window, "fc3") == " "
