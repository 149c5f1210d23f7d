"""Forward and backward in the window: the key, the line below, the pages, and what was noticed."""

from __future__ import annotations

from typing import Any

from inspector.messages import BackwardFinished, Failed, RunBackward, RunCancelled, StageStarted
from inspector.run_schema import Finding
from inspector.schema import Failure
from inspector.table import ModelTable
from tests import gradient_events
from tests.fake_model import lenet
from tests.run_events import guessed
from tests.tui.driving import Driven, driven

INPUTS = guessed("x", 2, 1, 32, 32)


def table_in(window: Driven) -> ModelTable:
    assert window.app.talk.model is not None
    return window.app.talk.model.table


async def propagated(window: Driven, *keys: str, **more: Any) -> None:
    record = gradient_events.backward(table_in(window), INPUTS, **more)
    window.engine.runs.append([BackwardFinished(record)])
    await window.press("B", *keys)


def page(window: Driven) -> str:
    return " ".join(window.app.detail.text().split())


async def test_the_key_asks_for_it_with_the_inputs_of_the_run() -> None:
    async with driven(lenet()) as window:
        await propagated(window)
        assert RunBackward() in window.engine.asked


async def test_the_line_below_says_how_many_got_a_gradient_and_of_what() -> None:
    async with driven(lenet()) as window:
        await propagated(window)
        assert window.status().startswith("3 of 5 parameters got a gradient, 1 got none, 1 of modules that were not")
        assert gradient_events.WORDS in window.status()


async def test_where_not_everything_fits_it_is_said_how_to_see_the_gradients() -> None:
    async with driven(lenet(), size=(150, 24)) as window:
        await propagated(window)
        assert "2 frozen · Enter shows them" in window.screen()


async def test_the_page_of_the_run_tells_of_the_whole_and_lists_the_parameters() -> None:
    async with driven(lenet(), size=(200, 60)) as window:
        await propagated(window, "g")
        text = page(window)
        assert text.startswith("forward and backward " + gradient_events.WORDS)
        assert "mode train mode; forward 1.2 ms, backward 3.4 ms, both watched" in text
        assert gradient_events.GUARD in text
        assert "gradients of 5 parameters" in text
        assert "conv1.weight" in text


async def test_a_module_lists_its_parameters_with_norm_largest_zeros_and_what_is_not_finite() -> None:
    async with driven(lenet(), size=(160, 50)) as window:
        await propagated(window)
        window.app.model_tree.go_to(gradient_events.row_at(table_in(window), "conv1"))
        await window.settle()
        text = page(window)
        assert "gradients of 2 parameters norm 0.25 its output 0.125" in text
        assert "norm largest zeros % 0.25 0.125 10 weight 0 0 all bias" in text
        window.app.model_tree.go_to(gradient_events.row_at(table_in(window), "fc1"))
        await window.settle()
        assert "1.5 0.75 3 NaN, 1 Inf weight" in page(window)
        assert "none bias" in page(window)


async def test_a_parameter_tells_its_gradient_on_its_first_page_too() -> None:
    async with driven(lenet(), size=(160, 50)) as window:
        await propagated(window)
        window.app.model_tree.go_to(gradient_events.row_at(table_in(window), "fc1.weight"))
        await window.press("1")
        text = page(window)
        assert "gradient of the last backward pass norm 1.5 largest 0.75" in text
        assert "not finite 3 NaN, 1 Inf of" in text
        window.app.model_tree.go_to(gradient_events.row_at(table_in(window), "fc2.weight"))
        await window.settle()
        assert "gradient none: forward did not call its module" in page(window)


async def test_what_was_noticed_is_in_the_list_and_the_cursor_goes_there() -> None:
    async with driven(lenet()) as window:
        row = gradient_events.row_at(table_in(window), "fc1")
        found = Finding("NN501", "warning", row, "fc1", "fc1.bias gets no gradient (120 elements): …")
        await propagated(window, findings=(found,))
        assert window.cursor() == "fc1"
        assert window.app.talk.model is not None
        assert found in window.app.talk.model.findings
        await propagated(window)
        assert found not in window.app.talk.model.findings


async def test_what_the_probes_have_told_is_told_once() -> None:
    async with driven(lenet()) as window:
        assert window.app.talk.model is not None
        told = Finding("NN314", "warning", 0, "", "the output carries no gradient: detach cuts the graph")
        window.app.talk.model.noticed["probes"] = (told,)
        words = "the output carries no gradient: there is nothing to propagate"
        again = Finding("NN314", "warning", 0, "", "the output carries no gradient: in train mode")
        await propagated(window, objective="", words=words, parameters=(), layers=(), findings=(again,))
        assert window.app.talk.model.findings == [told]
        assert window.status() == words


async def test_a_backward_that_raises_has_its_card() -> None:
    async with driven(lenet(), size=(160, 50)) as window:
        record = gradient_events.failed(table_in(window), INPUTS)
        window.engine.runs.append([BackwardFinished(record)])
        await window.press("B")
        assert window.cursor() == "fc2"
        assert window.status().startswith("backward failed in fc2, line 21: a 2×84 tensor that sigmoid in fc2")
        text = page(window)
        assert "✗ backward failed here NN502 model.py:21" in text
        assert "mend x = x + y" in text


async def test_a_refusal_says_why() -> None:
    async with driven(lenet()) as window:
        why = "on the meta device there are no values: there are no gradients to look at"
        window.engine.runs.append([Failed(Failure(stage="backward", type="NoValues", message=why))])
        await window.press("B")
        assert why in window.status()


async def test_it_can_be_stopped_and_nothing_of_it_is_kept() -> None:
    async with driven(lenet()) as window:
        window.engine.runs.append([StageStarted("running forward and backward", True)])
        await window.press("B", "ctrl+c")
        assert window.engine.interrupted == [1]
        window.engine.tell(1, [RunCancelled(gradient_events.GUARD)])
        await window.settle()
        assert window.status().startswith("run cancelled; left as found")
        assert window.app.talk.model is not None
        assert window.app.talk.model.gradients is None
