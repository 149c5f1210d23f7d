"""A run beside other things: a reload, a stop, an engine that dies, a picture, a run with nothing watched."""

from __future__ import annotations

from inspector.messages import (
    DrawTensor,
    EngineDied,
    Failed,
    Probe,
    Run,
    RunCancelled,
    RunProgressed,
    StillRunning,
    TensorDrawn,
)
from inspector.run_schema import CallState
from inspector.schema import Argument, Failure, Source
from tests import run_events
from tests.fake_engine import opening
from tests.fake_model import lenet, linear, module
from tests.tui.drawn import picture_of, wave
from tests.tui.driving import driven
from tests.tui.test_runs import GUESS, good, line_of, row_of, table_in


async def test_a_run_with_nothing_watched_tells_the_whole_and_takes_away_nothing_that_is_known() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        whole = run_events.called("", out=(2, 10), seconds=0.0101)
        alone = run_events.events(table_in(window), whole, GUESS, seconds=0.0101)
        window.engine.runs.append(list(alone))
        await window.press("u")
        assert window.engine.asked[-1] == Run(untouched=True)
        assert "nothing watched 10.1 ms, before 12.3 ms · left as found" in window.status()
        assert "2×16×12×12" in line_of(window, "conv2")
        assert "not called" not in window.screen()
        await window.press("3")
        assert "unwatched  10.1 ms" in window.app.detail.text()


async def test_a_run_with_nothing_watched_that_raises_says_so() -> None:
    async with driven() as window:
        failure = Failure("forward", "ValueError", "no such thing", run_events.features().source)
        whole = run_events.called("", state=CallState.FAILED)
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS, failure=failure, flops_by="")))
        await window.press("u")
        assert window.status() == "with nothing watched forward failed, line 21: ValueError: no such thing"


async def test_ctrl_c_that_comes_when_the_run_has_just_been_stopped_does_not_close_the_window() -> None:
    async with driven() as window:
        await window.press("r", "ctrl+c")
        window.engine.tell(1, [RunCancelled("left as found: 10 tensors")])
        await window.settle()
        assert window.status() == "run cancelled; left as found"
        await window.press("ctrl+c")
        assert window.app.is_running
        assert "once more" in window.status()


async def test_what_could_not_be_put_back_after_a_cancelled_run_is_named() -> None:
    async with driven() as window:
        await window.press("r", "ctrl+c")
        window.engine.tell(1, [RunCancelled("not left as found: 1 change among 10 tensors", ("conv1.weight",))])
        await window.settle()
        assert window.status() == "not left as found: conv1.weight"


async def test_while_the_first_run_goes_on_nobody_says_that_there_is_none() -> None:
    async with driven() as window:
        await window.press("r", "t")
        window.app.stage_changed()
        assert window.app.message is not None
        assert window.app.message.text == "the first run is going on"
        await window.press("3")
        assert "the first run is going on" in window.app.detail.text()
        await window.press("p")
        assert window.app.message.text.startswith("nothing flowed here yet: a run is going on")


async def test_a_run_that_goes_on_while_the_file_is_loaded_again_does_not_hide_that() -> None:
    async with driven(scripts=[opening(lenet()), []]) as window:
        await window.press("r")
        window.app.action_reload()
        await window.settle()
        assert window.status().startswith("starting an engine")
        window.engine.tell(1, [RunProgressed(1, 34, 160)])
        await window.settle()
        assert window.status().startswith("starting an engine")
        window.engine.tell(1, good(window))
        await window.settle()
        assert window.status().startswith("starting an engine")
        assert "2×16×12×12" in line_of(window, "conv2")


async def test_when_loading_again_fails_the_run_that_goes_on_is_told_of() -> None:
    broken = Failure("construct", "ValueError", "heads must divide width")
    async with driven(scripts=[opening(lenet()), [Failed(broken)]]) as window:
        await window.press("r")
        window.app.action_reload()
        await window.settle()
        assert window.status().startswith("starting the run")
        window.engine.tell(1, good(window))
        await window.settle()
        assert "cannot be built" in window.status() or "12.3 ms" in window.status()


async def test_a_dry_run_that_takes_long_is_told_of_although_nobody_asked_for_it() -> None:
    async with driven() as window:
        runs = window.app.talk.runs
        runs.begin(dry=True, unasked=True)
        await window.settle()
        assert "looking for shapes" not in window.screen()
        assert runs.pending is not None
        runs.tell_if_slow(runs.pending)
        await window.settle()
        assert "looking for shapes" in window.screen().split("\n")[-2]
        await window.press("down")
        assert window.status().startswith("looking for shapes")


async def test_the_line_that_a_run_was_in_is_not_told_of_the_next_call() -> None:
    async with driven() as window:
        await window.press("r")
        window.engine.tell(1, [StillRunning("forward", Source("/home/me/model.py", 21, "x = self.fc1(x)"))])
        await window.settle()
        assert "in model.py:21" in window.status()
        window.engine.tell(1, [RunProgressed(row_of(table_in(window), "fc2"), 1, 0)])
        await window.settle()
        assert "running · 1 call · fc2" in window.status()
        assert "model.py:21" not in window.status()


async def test_when_the_engine_died_the_model_says_why_and_its_parts_what_is_known_of_them() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "r")
        window.engine.tell(1, [EngineDied(Failure("engine", "SIGSEGV", "killed by signal 11 in model.py:21"))])
        await window.settle()
        assert "R loads the model again" in window.app.detail.text()
        assert "THE ENGINE ENDED: R loads again" in window.screen().split("\n")[0]
        await window.press("down")
        assert window.app.detail.text().startswith("conv1 · Conv2d")
        await window.press("up")
        assert "killed by signal 11" in window.app.detail.text()
        await window.press("R", "down", "up")
        assert "signal 11" not in window.screen()
        assert "ENDED" not in window.screen()


async def test_ctrl_c_stops_the_forward_that_a_picture_waits_for() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "down", "p", "ctrl+c")
        assert window.engine.interrupted == [1]
        window.engine.tell(1, [Failed(Failure("forward", "CaptureError", "the run was stopped"), -1)])
        await window.settle()
        assert "the run was stopped" in window.screen()


async def test_that_a_run_is_being_stopped_stays_told_while_it_still_goes_on() -> None:
    async with driven(size=(80, 24)) as window:
        await window.press("r", "ctrl+c")
        window.engine.tell(1, [RunProgressed(1, 34, 160), StillRunning("forward", Source("m.py", 3, "x"))])
        await window.settle()
        assert "stopping; ctrl+c again loads the model anew" in window.screen()
        assert "34 of 160" not in window.screen()


async def test_a_fault_that_no_forward_has_raised_is_shown_whole_until_the_cursor_moves() -> None:
    async with driven() as window:
        await window.press("r")
        fault = Failure("forward", "NameError", "name 'kind' is not defined", traceback="Traceback: in the engine\n")
        window.engine.tell(1, [Failed(fault)])
        await window.settle()
        assert window.status() == "NameError: name 'kind' is not defined"
        await window.press("2")
        assert "Traceback: in the engine" in window.app.detail.text()
        await window.press("escape", "down")
        assert "NameError" not in window.screen()


async def test_with_a_dead_engine_a_picture_is_refused_with_the_key_that_helps() -> None:
    async with driven() as window:
        window.engine.tell(1, [EngineDied(Failure("engine", "SIGKILL", "killed by signal 9"))])
        await window.press("down", "p")
        assert window.status() == "the engine has ended; R loads the model again"


async def test_the_cursor_of_the_trace_stays_on_its_call_when_the_model_runs_again() -> None:
    async with driven(size=(120, 8)) as window:
        window.engine.runs += [good(window), good(window)]
        await window.press("r", "t", "s", "down", "down")
        call = window.app.trace.call
        assert call == 1
        await window.press("r")
        assert window.app.trace.call == call
        whole = run_events.called("", run_events.called("conv2", out=(2, 6, 28, 28)), out=(2, 10))
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r")
        assert window.app.trace._at == 0


async def test_what_a_run_told_stays_to_be_read_while_further_checks_go_on_behind_it() -> None:
    async with driven() as window:
        runs = window.app.talk.runs
        runs.automatic = True
        window.engine.runs.append(good(window))
        await window.press("r")
        assert runs.pending is not None
        assert isinstance(runs.pending.request, Probe)
        runs.tell_if_slow(runs.pending)
        await window.settle()
        assert "12.3 ms" in window.status()
        assert "checking further" in window.screen().split("\n")[-2]
        await window.press("r")
        assert window.status().startswith("finishing the checks")


async def test_the_trace_of_a_model_that_was_loaded_again_begins_anew() -> None:
    small = module("Net", "Net", linear("fc", 2, 2))
    async with driven(lenet(), small) as window:
        window.engine.runs.append(good(window))
        await window.press("r", "t", "G", "R")
        assert "no run of this model yet" in window.screen()
        assert window.cursor() == ""
        await window.press("down", "enter", "t")
        assert window.app.main is window.app.model_tree


async def test_how_far_it_is_says_what_goes_on_unless_something_else_waits_for_its_end() -> None:
    async with driven() as window:
        window.app.talk.runs.begin(dry=True, unasked=True)
        await window.press("down")
        window.engine.tell(1, [RunProgressed(row_of(table_in(window), "fc2"), 34, 0)])
        await window.settle()
        assert window.status().startswith("looking for shapes · 34 calls · fc2")
        await window.press("r")
        window.engine.tell(1, [RunProgressed(row_of(table_in(window), "fc3"), 35, 0)])
        await window.settle()
        assert window.status().startswith("finishing the dry run")


async def test_a_picture_asks_no_other_model_for_its_next_slice() -> None:
    async with driven(lenet(), lenet()) as window:
        window.engine.runs.append(good(window))
        await window.press("r", "down", "p")
        window.engine.tell(1, [TensorDrawn(DrawTensor(8, 8), picture_of(wave, (2, 6, 8, 8), (0, 0)))])
        window.app.action_reload()
        await window.settle()
        asked = len(window.engine.asked)
        await window.press("right")
        assert "the model was loaded again" in window.screen()
        assert not any(isinstance(request, DrawTensor) for request in window.engine.asked[asked:])


async def test_example_inputs_that_raise_are_shown_with_their_line_and_others_can_be_given() -> None:
    async with driven() as window:
        source = Source("/home/me/model.py", 30, "return torch.load('nothing.pt')")
        wanted = (Argument("x", "Tensor"),)
        failure = Failure("inputs", "FileNotFoundError", "No such file: 'nothing.pt'", source, arguments=wanted)
        window.engine.runs.append([Failed(failure)])
        await window.press("r")
        assert window.status().startswith("These inputs cannot be used: FileNotFoundError: No such file")
        assert "model.py:30" in window.app.detail.text()
        assert "i gives others" in window.app.detail.text()
        await window.press("i")
        assert "x: Tensor" in window.screen()
        await window.press(*"2x1x32x32", "enter")
        assert window.engine.asked[-1] == Run(inputs=("x=2x1x32x32",), dry=True)
