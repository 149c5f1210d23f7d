"""Keys that come before what they are about is there."""

from __future__ import annotations

from inspector.messages import CompareModes, Failed, Run
from inspector.schema import Failure
from tests import run_events
from tests.fake_engine import opening
from tests.fake_model import lenet, linear, module
from tests.tui.driving import driven
from tests.tui.test_runs import GUESS, table_in

SMALL = module("Net", "Net", linear("fc", 2, 2))


async def test_a_run_asked_for_while_the_model_is_on_its_way_begins_as_soon_as_it_is_there() -> None:
    async with driven(silent=True) as window:
        await window.press("r")
        assert window.engine.asked == []
        assert window.screen().split("\n")[-2].endswith("then it runs   ctrl+c cancels")
        window.engine.tell(1, opening(lenet()))
        await window.settle()
        assert window.engine.asked.count(Run()) == 1


async def test_it_follows_the_dry_run_that_comes_first() -> None:
    async with driven(silent=True) as window:
        window.app.talk.runs.automatic = True
        await window.press("d")
        window.engine.tell(1, opening(lenet()))
        await window.settle()
        assert window.engine.asked[-1:] == [Run(dry=True)]
        window.engine.tell(1, run_events.events(table_in(window), run_events.lenet_run(), GUESS, dry=True))
        await window.settle()
        assert window.engine.asked[-1:] == [CompareModes()]


async def test_a_run_asked_for_during_a_reload_is_one_of_the_new_model() -> None:
    async with driven() as window:
        window.engine.silent = True
        await window.press("R", "r")
        assert Run() not in window.engine.asked
        window.engine.tell(2, opening(SMALL))
        await window.settle()
        assert window.engine.asked.count(Run()) == 1
        assert window.app.talk.model is not None
        assert window.app.talk.model.engine == 2


async def test_what_was_asked_of_a_model_that_does_not_come_is_forgotten() -> None:
    async with driven(silent=True) as window:
        await window.press("r")
        window.engine.tell(1, [Failed(Failure("import", "SyntaxError", "invalid syntax"))])
        await window.settle()
        window.engine.silent = False
        await window.press("R")
        assert window.app.talk.model is not None
        assert Run() not in window.engine.asked


async def test_without_a_model_a_run_is_answered_with_the_key_that_helps() -> None:
    async with driven(silent=True) as window:
        window.engine.tell(1, [Failed(Failure("import", "SyntaxError", "invalid syntax"))])
        await window.settle()
        for key in ("r", "d", "u"):
            await window.press(key)
            assert window.status() == "there is no model to run; R loads the file again"
