"""A run in the window: what is asked for, what is seen of it, and what a failure shows."""

from __future__ import annotations

from msgspec import structs

from inspector.messages import (
    Event,
    Failed,
    FindingsReported,
    InputsChosen,
    Run,
    RunCancelled,
    RunFinished,
    RunProgressed,
    StageStarted,
)
from inspector.run_schema import InputSet
from inspector.schema import Failure, Source
from inspector.table import ModelTable
from inspector.tui import palette
from inspector.tui.app import InspectorApp
from inspector.tui.appearance import Appearance
from tests import run_events
from tests.fake_model import lenet, linear, module
from tests.tui.driving import Driven, driven

GUESS = run_events.guessed("x", 2, 1, 32, 32)


def table_in(window: Driven) -> ModelTable:
    assert window.app.talk.model is not None
    return window.app.talk.model.table


def row_of(table: ModelTable, path: str) -> int:
    return next(row for row in range(table.count) if table.path(row) == path)


def good(window: Driven) -> list[Event]:
    return list(run_events.events(table_in(window), run_events.lenet_run(), GUESS))


def failing(window: Driven) -> list[Event]:
    table = table_in(window)
    finding = run_events.features(row_of(table, "fc1"))
    failure = Failure("forward", "RuntimeError", "mat1 and mat2 shapes cannot be multiplied", finding.source)
    more = {"ok": False, "finding": finding, "failure": failure}
    return list(run_events.events(table, run_events.failed_run(), GUESS, **more))


def line_of(window: Driven, name: str) -> str:
    """The line of the tree that a name stands in."""
    lines = [line[:70] for line in window.screen().split("\n")[1:]]
    return next(line for line in lines if f" {name} " in line.replace("▸", " ").replace("✗", " "))


async def test_a_run_puts_shapes_and_times_into_the_tree() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        assert window.engine.asked[-1] == Run()
        line = line_of(window, "conv2")
        assert "2×16×12×12" in line
        assert "2 ms" in line
        assert "498 k" in line


async def test_the_line_below_says_what_the_run_took_and_that_nothing_was_changed() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        assert "12.3 ms" in window.status()
        assert "left as found" in window.status()


async def test_the_title_says_what_went_in_and_that_it_was_guessed() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        assert "x 2×1×32×32 guessed" in window.screen().split("\n")[0]


async def test_functions_stand_below_the_modules_of_the_forward_that_called_them() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        lines = [line for line in window.screen().split("\n") if "F.relu" in line]
        assert len(lines) == 2
        assert ":18" in lines[0]
        assert "2×6×28×28" in lines[0]


async def test_the_page_of_a_function_shows_its_line_and_what_came_out() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "G")
        text = window.app.detail.text()
        assert text.startswith("view · called by the model itself")
        assert "model.py:20" in text
        assert "2×576" in text
        assert "a view of its input" in text


async def test_a_second_run_takes_the_place_of_the_first_and_the_cursor_stays() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "down", "down")
        whole = run_events.lenet_run()
        whole.inside = [call for call in whole.inside if call.path != "view"]
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r")
        assert window.cursor() == "conv2"
        assert not any("view" in line[:30] for line in window.screen().split("\n"))


async def test_the_cursor_on_a_function_that_is_gone_stands_on_its_module() -> None:
    async with driven() as window:
        window.engine.runs += [good(window), []]
        await window.press("r", "G")
        whole = run_events.called("", run_events.called("conv1", out=(2, 6, 28, 28)), out=(2, 10))
        window.engine.runs[0] = list(run_events.events(table_in(window), whole, GUESS))
        await window.press("r")
        assert window.cursor() == ""
        assert "F.relu" not in window.screen()


async def test_a_module_that_was_not_called_says_so() -> None:
    root = module("Net", "Net", linear("fc1", 4, 4), linear("aux", 4, 2))
    async with driven(root) as window:
        whole = run_events.called("", run_events.called("fc1", out=(2, 4)), out=(2, 4))
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r")
        assert "not called" in line_of(window, "aux")
        await window.press("down", "down")
        assert "not called in this forward" in window.app.detail.text()


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_after_a_failure_the_cursor_is_on_the_module_that_failed_and_its_card_is_seen() -> None:
    async with driven() as window:
        window.engine.runs.append(failing(window))
        await window.press("r")
        assert window.cursor() == "fc1"
        text = window.app.detail.text()
        assert text.index("NN201") < text.index("received") < text.index("expected") < text.index("mend")
        assert "mat1 and mat2 shapes cannot be multiplied" in " ".join(text.split())


async def test_a_failure_is_marked_up_to_the_root_and_what_ran_stays() -> None:
    async with driven() as window:
        window.engine.runs.append(failing(window))
        await window.press("r")
        assert "✗ got 2×400" in line_of(window, "fc1")
        assert "✗ inside" in line_of(window, "LeNet")
        assert "2×16×12×12" in line_of(window, "conv2")
        assert "not reached" in line_of(window, "fc3")


async def test_the_line_below_a_failure_has_room_for_what_was_expected_and_what_came_at_80_columns() -> None:
    async with driven(size=(80, 24)) as window:
        window.engine.runs.append(failing(window))
        await window.press("r")
        line = window.screen().split("\n")[-2]
        assert line.startswith(" NN201 inputs guessed, line 21: fc1 expects 576 features, got")
        assert line.endswith("Enter tells all")


async def test_the_whole_traceback_is_pointed_to_from_where_it_is_not() -> None:
    async with driven(size=(80, 60)) as window:
        told = failing(window)
        finished = told[-1]
        assert isinstance(finished, RunFinished)
        assert finished.run.failure is not None
        failure = structs.replace(finished.run.failure, traceback="Traceback: all of it\n")
        window.engine.runs.append([*told[:-1], RunFinished(structs.replace(finished.run, failure=failure))])
        await window.press("r", "enter")
        assert "3 the whole traceback" in window.app.detail.text()
        assert "all of it" not in window.app.detail.text()
        await window.press("3")
        assert "3 the whole traceback" not in window.app.detail.text()
        assert "Traceback: all of it" in window.app.detail.text()


async def test_what_a_run_took_leaves_room_for_the_errors_that_were_noticed_in_it() -> None:
    async with driven(size=(80, 24)) as window:
        found = structs.replace(run_events.features(row_of(table_in(window), "fc1")), id="NN301")
        whole = run_events.lenet_run()
        more = {"notes": ("a note that is longer than the line",) * 2}
        told = list(run_events.events(table_in(window), whole, GUESS, **more))
        window.engine.runs.append([*told, FindingsReported("run", (found,))])
        await window.press("r")
        line = window.screen().split("\n")[-2]
        assert "12.3 ms" in line
        assert line.endswith("x: 1 error")


async def test_an_exception_without_a_text_is_told_by_its_class_and_line() -> None:
    async with driven(size=(80, 24)) as window:
        source = Source(run_events.FILE, 8, "raise KeyboardInterrupt")
        window.engine.runs.append([Failed(Failure("forward", "KeyboardInterrupt", "", source))])
        await window.press("r")
        assert window.status() == "KeyboardInterrupt (line 8)"
        assert "KeyboardInterrupt:" not in window.app.detail.text()


async def test_an_input_that_cannot_be_used_is_refused_and_the_model_stays_usable() -> None:
    async with driven() as window:
        refusal = Failure("inputs", "BadInput", "--input 2xq: q is no size", mend="write 2x1x32x32")
        window.engine.runs += [[Failed(refusal)], good(window)]
        await window.press("r")
        assert "q is no size; write 2x1x32x32" in window.status()
        assert "what goes into model.py:LeNet()" in window.screen()
        await window.press("escape", "r")
        assert "2×16×12×12" in line_of(window, "conv2")


async def test_a_model_that_nothing_can_be_guessed_for_says_how_to_give_inputs() -> None:
    async with driven() as window:
        window.engine.runs.append([InputsChosen(InputSet("none", reason="forward takes a graph"))])
        await window.press("r")
        assert "no sample inputs: forward takes a graph; i gives them" in window.status()
        assert "no inputs" in window.screen().split("\n")[0]


# --- while it goes on -------------------------------------------------------------------------------------------------


async def test_a_long_run_tells_how_far_it_is_and_where() -> None:
    async with driven() as window:
        await window.press("r")
        row = row_of(table_in(window), "fc2")
        window.engine.tell(1, [StageStarted("running", True), RunProgressed(row, 34, 160)])
        await window.settle()
        assert "34 of 160 calls · fc2" in window.status()


async def test_ctrl_c_stops_a_run_and_nothing_of_it_is_kept() -> None:
    async with driven() as window:
        await window.press("r", "ctrl+c")
        assert window.engine.interrupted == [1]
        window.engine.tell(1, [RunCancelled("left as found: 10 tensors")])
        await window.settle()
        assert "run cancelled; left as found" in window.status()
        window.engine.runs.append(good(window))
        await window.press("r")
        assert "2×16×12×12" in line_of(window, "conv2")


async def test_a_run_that_cannot_be_stopped_ends_with_its_engine_and_the_model_is_loaded_anew() -> None:
    async with driven() as window:
        await window.press("r", "ctrl+c", "ctrl+c")
        assert window.engine.dropped == [1]
        assert len(window.engine.loads) == 2
        await window.settle()
        window.engine.runs.append(good(window))
        await window.press("r")
        assert "2×16×12×12" in line_of(window, "conv2")


async def test_one_run_goes_on_at_a_time() -> None:
    async with driven() as window:
        await window.press("r", "r")
        assert window.engine.asked.count(Run()) == 1


# --- shapes by themselves ---------------------------------------------------------------------------------------------


async def test_shapes_of_a_dry_run_come_without_being_asked_for_and_say_nothing() -> None:
    from inspector.messages import Load
    from tests.fake_engine import FakeEngine, Hear, opening

    engines: list[FakeEngine] = []

    def connect(hear: Hear) -> FakeEngine:
        engines.append(FakeEngine(hear, [opening(lenet())]))
        return engines[-1]

    app = InspectorApp(connect, Load("model.py"), Appearance(palette.of_the_terminal(), watch=False), Run(seed=3))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.06)
        assert engines[0].asked.count(Run(seed=3, dry=True)) == 1
        window = Driven(app, engines[0], pilot)
        before = window.status()
        whole = run_events.lenet_run()
        engines[0].tell(1, run_events.events(table_in(window), whole, GUESS, dry=True))
        await window.settle()
        assert "2×16×12×12" in line_of(window, "conv2")
        assert window.status() == before


# --- the trace --------------------------------------------------------------------------------------------------------


async def test_the_trace_lists_calls_in_the_order_of_the_run() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "t")
        lines = window.screen().split("\n")[2:13]
        called = [line.split()[0] for line in lines]
        assert called[:5] == ["LeNet", "conv1", "F.relu", "F.max_pool2d", "conv2"]


async def test_the_trace_opens_at_the_module_of_the_tree_and_closes_at_that_of_the_trace() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "down", "down", "t")
        assert window.app.trace.call == 4
        await window.press("down", "down", "down", "down")
        assert window.app.detail.text().startswith("fc1")
        await window.press("t")
        assert window.cursor() == "fc1"


async def test_a_long_trace_shows_at_its_edge_where_in_it_the_screen_is() -> None:
    async with driven(size=(80, 10)) as window:
        window.engine.runs.append(good(window))
        await window.press("r", "t")

        def edge() -> list[bool]:
            return [line.endswith("▐") for line in window.screen().split("\n")[2:8]]

        assert edge() == [True, True, True, False, False, False]
        await window.press("G")
        assert edge() == [False, False, False, True, True, True]


async def test_hot_spots_come_first_when_the_trace_is_sorted() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "t", "s")
        assert "by time of its own" in window.screen()
        first = [window.app.trace._calls[at] for at in range(3)]
        assert first == [0, 4, 1]  # the root's own time, conv2, conv1
        await window.press("s")
        assert "by FLOPs of its own" in window.screen()
        assert "conv2" in window.screen().split("\n")[2]


async def test_the_column_that_has_room_is_the_one_that_the_trace_is_sorted_by() -> None:
    async with driven(size=(80, 24)) as window:
        whole = run_events.lenet_run()
        whole.inside[1].memory = 3 << 20
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r", "t", "s")
        title, first = window.screen().split("\n")[1:3]
        assert title.endswith("time")
        assert "8.3 ms" in first
        await window.press("s")
        title, first = window.screen().split("\n")[1:3]
        assert title.endswith("FLOPs")
        assert "498 k" in first
        await window.press("s")
        title, first = window.screen().split("\n")[1:3]
        assert title.endswith("makes")
        assert "F.relu" in first
        assert "3.00 MiB" in first


async def test_time_that_the_calls_inside_account_for_is_not_told_as_nothing_measured() -> None:
    """0 ns would be a measurement."""
    async with driven(size=(80, 24)) as window:
        whole = run_events.lenet_run()
        whole.seconds = 0.004  # as much as its modules took
        whole.inside[1].seconds = 0.0  # a function for which they leave no room
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r", "t", "s")
        assert "the model itself" in window.screen()
        assert "0 ns" not in window.screen()
        await window.press("s", "s", "s", "3")
        assert "of its own not told apart from the calls in it" in window.app.detail.text()


async def test_the_tree_is_sorted_only_by_what_somebody_has_measured() -> None:
    async with driven() as window:
        assert await _orders(window) == ["params", "memory", "name", "type"]
        window.engine.runs.append(list(run_events.events(table_in(window), run_events.lenet_run(), GUESS, dry=True)))
        await window.press("r")
        assert await _orders(window) == ["params", "memory", "FLOPs", "name", "type"]
        window.engine.runs.append(good(window))
        await window.press("r")
        assert await _orders(window) == ["params", "memory", "time", "FLOPs", "name", "type"]


async def _orders(window: Driven) -> list[str]:
    """What the key that sorts goes through, until it is back at the beginning."""
    found = []
    await window.press("s")
    while (order := window.app.model_tree.order) != "registration order":
        found.append(order)
        await window.press("s")
    return found


async def test_without_a_run_there_is_no_trace_but_a_word_about_it() -> None:
    async with driven() as window:
        await window.press("t")
        assert "r runs the model" in window.status()
        assert window.app.main is window.app.model_tree


async def test_on_meta_no_real_run_is_promised() -> None:
    async with driven() as window:
        whole = run_events.lenet_run()
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS, dry=True, device="meta")))
        await window.press("r")
        assert window.status().startswith("shapes of a dry run, on meta there are no values: x 2×1×32×32")


async def test_a_dry_run_tells_no_time_anywhere() -> None:
    """What it took to find the shapes out is not what the model takes."""
    async with driven() as window:
        window.engine.runs.append(list(run_events.events(table_in(window), run_events.lenet_run(), GUESS, dry=True)))
        await window.press("r", "t")
        assert "conv2" in window.screen()
        assert " ms" not in window.screen()
        await window.press("s")
        assert " ms" not in window.screen()
        await window.press("t", "3", "G")
        assert "time" not in window.app.detail.text()


# --- what the lines above and below say -------------------------------------------------------------------------------


async def test_the_title_keeps_that_inputs_were_guessed_and_leaves_out_what_has_no_room() -> None:
    async with driven(size=(56, 24)) as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        title = window.screen().split("\n")[0]
        assert title.endswith("guessed")
        assert "params" not in title
    long = run_events.guessed("attention_mask_of_the_encoder", 2, 1, 32, 32)
    async with driven(size=(60, 24)) as window:
        window.engine.runs.append(list(run_events.events(table_in(window), run_events.lenet_run(), long)))
        await window.press("r")
        assert window.screen().split("\n")[0].rstrip().endswith("guessed")


async def test_what_a_run_took_and_that_nothing_was_changed_fit_into_80_columns() -> None:
    async with driven(size=(80, 24)) as window:
        more = {"peak_bytes": 75_264, "training_bytes": 99_840, "spread": 0.0001, "repeats": 5, "notes": ("a note",)}
        window.engine.runs.append(list(run_events.events(table_in(window), run_events.lenet_run(), GUESS, **more)))
        await window.press("r")
        line = window.screen().split("\n")[-2]
        assert "12.3 ms ± 100 µs" in line
        assert "peak 73.5 KiB · left as found" in line


async def test_a_sentence_that_is_too_long_is_cut_at_its_end() -> None:
    async with driven(size=(80, 24)) as window:
        window.app.tell("the beginning says most, " + "and then " * 20 + "it ends")
        await window.settle()
        line = window.screen().split("\n")[-2].rstrip()
        assert line.startswith(" the beginning says most, and then and then and then and then")
        assert line.endswith("…")
