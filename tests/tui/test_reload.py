"""What a reload leaves as it was: searches, filters, questions, panes, keys; and what it says when it fails."""

from __future__ import annotations

import pytest

from inspector.messages import EngineDied, Event, Failed, ModelBuilt, StructureOutlined
from inspector.schema import Argument, Candidate, Failure, Source, Target
from tests.fake_engine import FILE, opening
from tests.fake_model import lenet, linear, outline, transformer
from tests.tui.driving import driven
from tests.tui.test_window import BROKEN

CANDIDATES = (Candidate("Encoder", "class", 12, "Encoder()"), Candidate("Decoder", "class", 40, "Decoder()"))
AMBIGUOUS = Failure("target", "", "Found 2 models in model.py", candidates=CANDIDATES)
MISSING = Failure(
    "construct",
    "MissingArguments",
    "Net needs classes",
    arguments=(Argument("classes", "int", None, True), Argument("width", "int", "64")),
    call="Net",
)


async def test_a_reload_under_an_open_search_keeps_what_is_typed_and_where_it_began() -> None:
    async with driven(transformer(40), transformer(4)) as window:
        await window.press("asterisk", "G", "slash", *"layers.3.do")
        window.app.action_reload()
        await window.settle()
        assert window.app.prompt.display
        assert window.cursor() == "layers.3.down"
        await window.press("enter", "n")
        assert window.status().startswith("match 1 of")


async def test_escape_from_a_search_after_a_smaller_model_came_stays_inside_it() -> None:
    async with driven(transformer(40), linear("x", 2, 2)) as window:
        await window.press("asterisk", "G", "slash", *"down")
        window.app.action_reload()
        await window.press("escape")
        assert window.cursor() in window.rows()
        await window.press("n")
        assert window.status() == "search first: /"


async def test_the_matches_of_a_search_are_found_anew_after_a_reload() -> None:
    async with driven(transformer(3), transformer(5)) as window:
        await window.press("slash", *"down", "enter", "R", "N")
        assert window.status().startswith("match 5 of 5")


async def test_a_filter_stays_over_a_reload_and_says_that_the_tree_is_not_whole() -> None:
    async with driven(transformer(3), transformer(4)) as window:
        await window.press("backslash", *"name:up", "enter", "R")
        assert window.rows()[-1] == "layers.3.up"
        assert "embed" not in window.rows()
        await window.press("down")
        assert "only name:up: Esc shows all" in window.screen()
        await window.press("escape")
        assert "embed" in window.rows()
        assert "only name:up" not in window.screen()


async def test_a_filter_that_nothing_answers_after_a_reload_ends_and_says_so() -> None:
    async with driven(transformer(3), lenet()) as window:
        await window.press("backslash", *"name:up", "enter", "R")
        assert "fc3" in window.rows()
        assert "the filter ended" in window.status()


async def test_escape_from_the_filter_line_leaves_the_filter_as_it_is() -> None:
    async with driven(transformer(3)) as window:
        await window.press("backslash", *"name:up", "enter", "backslash", "escape")
        assert "embed" not in window.rows()


async def test_a_filter_stays_when_the_whole_of_a_large_model_comes() -> None:
    target = Target(FILE, "GPT", 7, "GPT()", "cpu")
    async with driven(silent=True) as window:
        whole = outline(transformer(6))
        window.engine.tell(1, [ModelBuilt(target, (FILE,)), StructureOutlined(whole, preview=True)])
        await window.press("backslash", *"head", "enter")
        window.engine.tell(1, [StructureOutlined(whole)])
        await window.settle()
        assert window.rows() == ["", "head"]


@pytest.mark.parametrize("lacking", [AMBIGUOUS, MISSING])
async def test_a_question_is_asked_once_however_often_the_file_is_saved(lacking: Failure) -> None:
    scripts: list[list[Event]] = [[Failed(lacking)], [Failed(lacking)], [Failed(lacking)], opening(lenet())]
    async with driven(scripts=scripts) as window:
        window.app.action_reload()
        window.app.action_reload()
        await window.settle()
        assert len(window.app.screen_stack) == 2
        window.app.action_reload()
        await window.settle()
        assert len(window.app.screen_stack) == 1
        await window.press("down")
        assert window.cursor() == "conv1"


async def test_what_is_typed_into_the_form_stays_when_the_file_is_saved_meanwhile() -> None:
    grown = Failure(
        "construct",
        "MissingArguments",
        "Net needs classes and depth",
        arguments=(*MISSING.arguments, Argument("depth", "int", None, True)),
        call="Net",
    )
    async with driven(scripts=[[Failed(MISSING)], [Failed(MISSING)], [Failed(grown)], opening(lenet())]) as window:
        await window.press(*"10")
        window.app.action_reload()
        await window.settle()
        await window.press(*"24")
        window.app.action_reload()
        await window.settle()
        assert "depth: int (needed)" in window.screen()
        await window.press("tab", "tab", *"3", "enter")
        assert window.engine.loads[-1].arguments == ("classes=1024", "depth=3")


async def test_a_question_gives_way_to_another_failure() -> None:
    async with driven(scripts=[[Failed(AMBIGUOUS)], [Failed(BROKEN)], [Failed(MISSING)]]) as window:
        assert "Which one?" in window.screen()
        window.app.action_reload()
        await window.settle()
        assert "heads must divide width" in window.screen()
        assert len(window.app.screen_stack) == 1
        window.app.action_reload()
        await window.settle()
        assert "Net needs arguments" in window.screen()


async def test_a_failure_that_lands_under_the_help_has_the_window_to_itself() -> None:
    async with driven(silent=True, size=(120, 24)) as window:
        await window.press("question_mark")
        window.engine.tell(1, [Failed(BROKEN)])
        await window.settle()
        await window.press("escape")
        assert "┃" not in window.screen()
        assert "raise ValueError('heads must divide width')" in window.screen()


async def test_a_resize_under_the_help_rearranges_the_panes_below() -> None:
    async with driven() as window:
        await window.press("question_mark")
        await window.pilot.resize_terminal(80, 24)
        await window.settle()
        await window.press("escape")
        assert "1 overview" not in window.screen()


async def test_a_long_failure_scrolls_without_asking_for_its_pane_first() -> None:
    async with driven(scripts=[[Failed(BROKEN)], opening(lenet())], size=(60, 10)) as window:
        assert "choose heads that divide width" not in window.screen()
        await window.press("G")
        assert "2 the whole traceback" in window.screen()
        await window.press("escape", "tab", "k")
        assert "The model cannot be built" in window.screen()
        await window.press("R", "down")
        assert window.cursor() == "conv1"


async def test_a_reload_leaves_the_detail_open_that_the_person_opened() -> None:
    async with driven(lenet(), lenet(), size=(80, 24)) as window:
        await window.press("down", "enter", "2", "R")
        assert "forward  model.py:9" in window.screen()
        await window.press("escape", "down")
        assert window.cursor() == "conv2"


async def test_a_mended_file_brings_the_tree_back_where_its_failure_lay_over_it() -> None:
    async with driven(scripts=[opening(lenet()), [Failed(BROKEN)], opening(lenet())], size=(80, 24)) as window:
        await window.press("down", "R")
        assert "heads must divide width" in window.screen()
        await window.press("down")
        assert "heads must divide width" in window.screen()  # the keys go to what is seen
        await window.press("R")
        assert "fc3" in window.screen()
        await window.press("down")
        assert window.cursor() == "conv2"


async def test_a_tree_that_the_file_has_left_behind_says_so_until_it_loads_again() -> None:
    async with driven(scripts=[opening(lenet()), [Failed(BROKEN)], opening(lenet())]) as window:
        await window.press("R", "down", "down")
        assert "heads must divide width" not in window.screen()
        assert "OUT OF DATE: the last load failed, R tells why" in window.screen()
        await window.press("R")
        assert "OUT OF DATE" not in window.screen()


async def test_a_cancelled_reload_says_that_the_tree_is_older() -> None:
    async with driven(scripts=[opening(lenet()), []]) as window:
        await window.press("R", "ctrl+c", "down")
        assert "OUT OF DATE: loading was cancelled, R loads again" in window.screen()


async def test_an_engine_that_dies_does_not_make_the_tree_older_than_the_file() -> None:
    async with driven() as window:
        window.engine.tell(1, [EngineDied(Failure("engine", "SIGKILL", "killed by signal 9"))])
        await window.settle()
        assert "OUT OF DATE" not in window.screen()


async def test_leaving_by_ctrl_c_or_q_is_the_same_when_a_model_is_open() -> None:
    for keys in (["q"], ["ctrl+c", "ctrl+c"]):
        async with driven(scripts=[opening(lenet()), [Failed(BROKEN)]]) as window:
            await window.press("R")
            await window.pilot.press(*keys)
            assert window.app.return_value is None


async def test_a_mended_file_does_not_take_the_keys_from_a_search() -> None:
    async with driven(scripts=[opening(lenet()), [Failed(BROKEN)], opening(lenet())]) as window:
        await window.press("R", "slash", *"fc")
        window.app.action_reload()
        await window.settle()
        await window.press("2", "enter")
        assert window.cursor() == "fc2"
        assert window.status().startswith("match 1 of 1")


async def test_a_second_ctrl_c_leaves_when_the_first_one_has_cancelled() -> None:
    async with driven(silent=True) as window:
        await window.press("ctrl+c")
        await window.pilot.press("ctrl+c")
    assert window.engine.closed
    assert window.app.return_code == 0


async def test_a_reload_is_compared_with_the_whole_model_not_with_its_first_outline() -> None:
    target = Target(FILE, "GPT", 7, "GPT()", "cpu")
    cut = transformer(4)
    cut.below[1].below = []
    first: list[Event] = [ModelBuilt(target, (FILE,)), StructureOutlined(outline(cut), preview=True)]
    async with driven(scripts=[opening(transformer(4)), [*first, *opening(transformer(5))[2:]]]) as window:
        await window.press("down", "down", "down", "right", "down", "down", "R")
        assert window.cursor() == "layers.1"
        assert "1 added (layers.4)" in window.status()
        assert "removed" not in window.status()


async def test_while_a_reload_has_only_told_its_first_outline_the_old_tree_stays_whole() -> None:
    target = Target(FILE, "GPT", 7, "GPT()", "cpu")
    cut = transformer(4)
    cut.below[1].below = []
    first: list[Event] = [ModelBuilt(target, (FILE,)), StructureOutlined(outline(cut), preview=True)]
    async with driven(scripts=[opening(transformer(4)), first]) as window:
        await window.press("asterisk", "R")
        assert "layers.3.down" in window.rows()
        assert "OUT OF DATE" not in window.screen()


async def test_a_failure_in_a_file_with_a_long_path_still_tells_file_and_line() -> None:
    far = Failure("import", "ValueError", "no", Source("/home/me/" + "very/" * 30 + "model.py", 12, "raise"))
    async with driven(scripts=[opening(lenet()), [Failed(far)]]) as window:
        await window.press("R")
        assert "model.py:12" in window.app.detail.text()
        assert "model.py:12" in window.screen()
