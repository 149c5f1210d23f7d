"""Train against eval in the window: the toggle, the comparison, and what became of running statistics."""

from __future__ import annotations

import math
from array import array

import pytest
from msgspec.structs import replace

from inspector.messages import CompareModes, Event, ModesSet, Run, SampleTraining, SetModes, StepStatistics
from inspector.mode_rows import ModeRows, Word, headline, relative
from inspector.mode_schema import ElementSpread, NormCurve, OutputSpread, StatisticsStepped, TrainingSampled
from inspector.run_schema import Finding
from inspector.schema import Failure, Flag
from inspector.table import ModelTable
from tests import mode_events, run_events
from tests.run_events import called, guessed, operation, table_of
from tests.tui.driving import Driven, driven

INPUTS = guessed("x", 2, 3, 32, 32, reason="conv takes 3 channels")


def table_in(window: Driven) -> ModelTable:
    assert window.app.talk.model is not None
    return window.app.talk.model.table


async def compared(window: Driven, *keys: str) -> None:
    window.engine.runs.append([mode_events.compared(table_in(window), INPUTS)])
    await window.press("d", *keys)


def line_of(window: Driven, name: str) -> str:
    lines = [line[:70] for line in window.screen().split("\n")[1:]]
    return next(line for line in lines if f" {name} " in line.replace("▸", " "))


# --- the comparison ---------------------------------------------------------------------------------------------------


async def test_the_comparison_names_every_module_a_source_or_what_else_it_is() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window)
        assert window.engine.asked[-1] != CompareModes()  # the page of the source was asked for after it
        assert CompareModes() in window.engine.asked
        assert "SOURCE" in line_of(window, "bn")
        assert "0.41" in line_of(window, "bn")
        assert "passes on" in line_of(window, "relu")
        assert "unchanged" in line_of(window, "conv")


async def test_the_cursor_goes_to_the_source_that_matters_most_and_its_reason_is_beside_it() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window)
        assert window.cursor() == "drop"
        text = " ".join(window.app.detail.text().split())
        assert text.startswith("SOURCE drop · Dropout")
        assert "612 of 2,048, 29.9%" in text
        assert "1.429 = 1/(1 - 0.3)" in text
        assert "0.57 in train, 0 in eval" in text


async def test_a_normalisation_shows_batch_beside_running_statistics_and_the_arithmetic_of_a_step() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window, "up", "up")
        text = " ".join(window.app.detail.text().split())
        assert "updated never" in text
        assert "15 0.465 0 0.98 1 0.46" in text
        assert "channel 15: running mean 0.9·0 + 0.1·0.465 = 0.0465" in text


async def test_a_normalisation_without_running_statistics_is_not_said_to_use_them() -> None:
    async with driven(mode_events.conv_block()) as window:
        norm = replace(mode_events.NORM, tracked=False, channels=())
        same = mode_events.difference(table_in(window), "bn", "unchanged", 0.0, norm=norm)
        more = {"differences": (same,), "sources": ()}
        window.engine.runs.append([mode_events.compared(table_in(window), INPUTS, **more)])
        await window.press("d", "down", "down")
        text = " ".join(window.app.detail.text().split())
        assert "train and eval: this batch it keeps no running statistics" in text


async def test_the_line_below_counts_and_names_the_sources() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window)
        said = window.status()
        assert said.startswith("train against eval: 2 sources, 3 pass it on, 1 unchanged; drop (Dropout) by 0.58, bn")


async def test_a_narrow_line_below_still_has_the_number_of_every_source_it_names() -> None:
    async with driven(mode_events.conv_block(), size=(80, 24)) as window:
        await compared(window)
        said = window.app.status.lines()[0].text.strip()
        assert said == "2 sources, 3 pass it on, 1 unchanged; drop by 0.58, bn by 0.41"


async def test_the_page_of_the_whole_model_tells_how_far_the_output_moves_and_by_chance() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window, "g")
        text = " ".join(window.app.detail.text().split())
        assert "differs by 0.44 of its size, an element by at most 0.9" in text
        assert "by chance 0.4 in train, 0 in eval" in text
        assert "left as found: 6 tensors" in text


async def test_siblings_can_be_sorted_by_how_far_they_move() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window)
        while window.app.model_tree.order != "difference":
            await window.press("s")
        assert window.rows()[1:] == ["drop", "fc", "bn", "relu", "conv"]


async def test_other_columns_come_back_with_the_key_for_columns() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window)
        assert "differs" in window.screen()
        for _ in range(3):
            await window.press("c")
        assert "params" in window.screen().split("\n")[1]
        assert "differs" not in window.screen().split("\n")[1]


async def test_a_forward_that_raises_in_train_mode_is_the_answer() -> None:
    async with driven(mode_events.conv_block()) as window:
        finding = Finding("NN212", "error", 3, "bn", "bn needs more than one value per channel to train")
        failure = Failure("forward", "ValueError", "Expected more than 1 value per channel when training")
        failure = replace(failure, traceback="Trace\n")
        more = {"differences": (), "sources": (), "failed_in": "train", "finding": finding, "failure": failure}
        window.engine.runs.append([mode_events.compared(table_in(window), INPUTS, **more)])
        await window.press("d")
        assert window.status().startswith("NN212 forward failed in train mode: bn needs more than one value")
        assert window.status().endswith("; so there is nothing to compare")
        text = " ".join(window.app.detail.text().split())
        assert text.startswith("forward failed in train mode: there is nothing to compare")
        assert "ValueError: Expected more than 1 value per channel when training" in text
        assert "traceback Trace" in text
        assert window.app.talk.model is not None
        assert [found.id for found in window.app.talk.model.findings] == ["NN212"]
        window.engine.runs.append([mode_events.compared(table_in(window), INPUTS)])
        await window.press("d", "g")
        assert "forward failed" not in window.app.detail.text()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (5e-324, "±0"),
        (0.4142, "0.41"),
        (1.2e-7, "1.2e-07"),
        (math.nan, "?"),
        (math.inf, "inf"),
        (99.7, "100"),
        (1234.5, "1,234"),
        (3.2e7, "3.20e+07"),
    ],
)
def test_a_relative_difference_is_short_and_zero_only_when_it_is(value: float, said: str) -> None:
    assert relative(value) == said


def test_modes_that_agree_are_said_to_agree_bit_for_bit() -> None:
    table = table_of(mode_events.conv_block())
    same = tuple(mode_events.difference(table, path, "unchanged", 0.0) for path in ("", "conv"))
    rows = ModeRows(table, mode_events.conv_block_comparison(table, INPUTS, differences=same, sources=()))
    assert headline(rows) == "train and eval give the same, bit for bit"
    assert rows.counts() == {Word.UNCHANGED: 2}


# --- the toggle -------------------------------------------------------------------------------------------------------


def _flags(window: Driven, training: set[int]) -> bytes:
    table = table_in(window)
    plain = (flag & ~Flag.TRAINING & ~Flag.MIXED_MODE for flag in table.flags[: table.count])
    flags = [flag | (Flag.TRAINING if row in training else 0) for row, flag in enumerate(plain)]
    flags[0] |= Flag.MIXED_MODE if training else 0
    return array("H", map(int, flags)).tobytes()


async def test_the_toggle_asks_for_the_other_mode_of_the_module_under_the_cursor() -> None:
    async with driven(mode_events.conv_block()) as window:
        await window.press("down", "down", "m")
        assert window.engine.asked[-1] == SetModes(3, "train", below=True)
        await window.press("T")
        assert window.engine.asked[-1] == SetModes(3, "train", below=False)
        await window.press("U")
        assert window.engine.asked[-1] == SetModes(0, "found")


async def test_mixed_modes_are_shown_as_mixed_and_a_run_uses_them() -> None:
    async with driven(mode_events.conv_block()) as window:
        await window.press("down", "down", "m")
        window.engine.tell(1, [ModesSet(_flags(window, {3}), as_found=False)])
        await window.settle()
        assert "EVAL (mixed) set here" in window.screen().split("\n")[0]
        assert "train" in line_of(window, "bn")
        await window.press("r")
        assert Run(mode="kept") in window.engine.asked


async def test_after_the_modes_are_put_back_a_run_is_as_before() -> None:
    async with driven(mode_events.conv_block()) as window:
        window.engine.tell(1, [ModesSet(_flags(window, {3}), as_found=False)])
        window.engine.tell(1, [ModesSet(_flags(window, set()), as_found=True)])
        await window.press("r")
        assert "set here" not in window.screen().split("\n")[0]
        assert Run() in window.engine.asked


# --- running statistics, and train mode many times --------------------------------------------------------------------


async def test_steps_of_the_running_statistics_are_plotted_and_all_goes_back() -> None:
    async with driven(mode_events.conv_block()) as window:
        curve = NormCurve(3, (2.0, 1.0, 0.5, 0.0), (0.5, 0.75, 0.9, 1.0))
        answer: list[Event] = [StatisticsStepped(3, (curve,), 0.41, 0.02, False, "left as found: 6 tensors")]
        window.engine.runs.append(answer)
        await window.press("S")
        assert StepStatistics() in window.engine.asked
        screen = window.screen()
        assert "train and eval outputs differ by 0.41" in screen
        assert "by 0.02" in screen
        assert "no: all is as it was" in screen
        assert "bn · BatchNorm2d" in screen
        assert "2 at first, 0 at the end" in screen


async def test_keeping_the_statistics_is_asked_for_with_a_key_of_its_own() -> None:
    async with driven(mode_events.conv_block()) as window:
        await window.press("K")
        assert StepStatistics(keep=True) in window.engine.asked


async def test_train_mode_many_times_tells_how_far_the_answer_scatters() -> None:
    async with driven(mode_events.conv_block()) as window:
        spread = OutputSpread("", (2, 10), 0.31, 0.05, (ElementSpread((0, 0), 0.5, 0.48, 0.1),))
        window.engine.runs.append([TrainingSampled(20, (spread,), "left as found: 6 tensors")])
        await window.press("C")
        assert SampleTraining() in window.engine.asked
        screen = window.screen()
        assert "20 forwards in train mode" in screen
        assert "0.31 of its size" in screen
        assert "0.48" in screen


async def test_what_the_comparison_notices_stands_among_the_problems() -> None:
    async with driven(mode_events.conv_block()) as window:
        noticed = Finding("NN403", "note", 3, "bn", "running statistics were never updated")
        events: list[Event] = [mode_events.compared(table_in(window), INPUTS, findings=(noticed,))]
        window.engine.runs += [events, events]
        await window.press("d", "d", "x")
        assert "running statistics were never updated" in window.screen()
        assert "problems: 1 note" in window.screen()


async def test_a_function_is_not_called_uncalled_because_modules_alone_are_compared() -> None:
    async with driven(mode_events.conv_block()) as window:
        root = called("", called("conv", out=(2, 16, 8, 8)), operation("flatten", out=(2, 1024)), out=(2, 10))
        window.engine.runs.append(list(run_events.events(table_in(window), root, INPUTS)))
        await window.press("r")
        await compared(window)
        await window.press("slash", *"flatten", "enter")
        text = " ".join(window.app.detail.text().split())
        assert "a function is not compared by itself" in text
        assert "what the model itself, which called it, gives out" in text
        assert "not called" not in text


async def test_a_parameter_is_no_module_to_compare() -> None:
    async with driven(mode_events.conv_block()) as window:
        await compared(window)
        await window.press("slash", *"conv.weight", "enter")
        assert "this row is no registered module" in " ".join(window.app.detail.text().split())
