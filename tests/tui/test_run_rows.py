"""What a run leaves in the tree and the lines around it: functions to be found, narrow windows, keys that are said."""

from __future__ import annotations

from tests import run_events
from tests.fake_model import linear, module
from tests.tui.driving import driven
from tests.tui.test_runs import GUESS, failing, good, line_of, row_of, table_in

# --- finding functions ------------------------------------------------------------------------------------------------


async def test_functions_are_found_one_after_the_other_as_they_stand_in_the_tree() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "slash", *"pool", "enter")
        assert "match 1 of 2" in window.status()
        first = window.app.model_tree._at
        await window.press("n")
        assert "match 2 of 2" in window.status()
        assert window.app.model_tree._at == first + 2
        await window.press("N")
        assert window.app.model_tree._at == first


async def test_a_filter_for_functions_holds_for_the_functions_of_the_next_run() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "backslash", *"pool", "enter")
        assert window.rows() == ["", "F.max_pool2d", "F.max_pool2d"]
        whole = run_events.lenet_run()
        del whole.inside[1]
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r")
        assert window.rows() == ["", "F.max_pool2d", "F.max_pool2d"]
        del whole.inside[1]
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r")
        assert window.rows() == ["", "F.max_pool2d"]


async def test_a_search_that_found_functions_is_made_anew_after_a_run() -> None:
    async with driven() as window:
        window.engine.runs.append(good(window))
        await window.press("r", "slash", *"view", "enter")
        whole = run_events.lenet_run()
        del whole.inside[2]
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r", "g", "n")
        assert window.cursor() == "view"


async def test_a_picture_of_what_was_not_called_is_refused_in_other_words_than_before_a_run() -> None:
    root = module("Net", "Net", linear("fc1", 4, 4), linear("aux", 4, 2))
    async with driven(root) as window:
        await window.press("down", "down", "p")
        assert "r runs the model" in window.status()
        whole = run_events.called("", run_events.called("fc1", out=(2, 4)), out=(2, 4))
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS)))
        await window.press("r", "p")
        assert "it was not called in the last run" in window.status()


async def test_a_module_whose_weights_alone_were_used_says_so_in_its_column() -> None:
    root = module("Net", "Net", linear("fc1", 4, 4), linear("aux", 4, 2))
    async with driven(root) as window:
        whole = run_events.called("", run_events.called("fc1", out=(2, 4)), out=(2, 4))
        used = {"uncalled_but_used": (row_of(table_in(window), "aux"),)}
        window.engine.runs.append(list(run_events.events(table_in(window), whole, GUESS, **used)))
        await window.press("r")
        assert "weights used" in line_of(window, "aux")
        assert "…" not in line_of(window, "aux")


async def test_the_place_of_a_failure_is_whole_in_a_narrow_pane() -> None:
    async with driven(size=(100, 40)) as window:
        window.engine.runs.append(failing(window))
        await window.press("r")
        assert "NN201   model.py:21\n" in window.app.detail.text()
        assert "in the last run" not in window.app.detail.text()


# --- narrow windows ---------------------------------------------------------------------------------------------------


async def test_what_is_deep_in_a_narrow_tree_keeps_a_name_that_can_be_read() -> None:
    inner = module("self_attention", "Attention", linear("projection", 4, 4))
    for name in ("layer", "layers", "decoder", "transformer"):
        inner = module(name, "Block", inner)
    async with driven(module("Net", "Net", inner), size=(80, 24)) as window:
        await window.press("asterisk")
        lines = window.screen().split("\n")
        assert any("└▾self_…ntion Attention" in line for line in lines)
        assert any(line.startswith(" 6… ├ weight ") for line in lines)


async def test_in_forty_columns_the_title_still_says_that_inputs_were_guessed() -> None:
    async with driven(size=(40, 10)) as window:
        window.engine.runs.append(good(window))
        await window.press("r")
        assert window.screen().split("\n")[0].endswith("guessed")


async def test_where_there_is_no_room_for_the_card_of_a_failure_the_key_to_it_is_said() -> None:
    async with driven(size=(80, 24)) as window:
        window.engine.runs.append(failing(window))
        await window.press("r")
        assert window.screen().split("\n")[-2].rstrip().endswith("Enter tells all")
        await window.press("enter")
        assert "forward failed here" in window.screen()
