"""What a person sees and does in the window, over an engine that replays events."""

from __future__ import annotations

from inspector.messages import (
    DescribeModule,
    EngineDied,
    Failed,
    MeasureTensor,
    ModelBuilt,
    Printed,
    StageStarted,
    StillRunning,
    StructureOutlined,
    TorchImported,
)
from inspector.schema import Argument, Candidate, Failure, Flag, GhostRow, Kind, RunRow, Source, Target
from inspector.tui import palette
from inspector.tui.appearance import Appearance
from tests.fake_engine import FILE, opening
from tests.fake_model import Node, buffer, described, lenet, linear, module, outline, parameter, run, transformer
from tests.tui.driving import driven

BROKEN = Failure(
    "construct",
    "ValueError",
    "heads must divide width",
    Source(FILE, 12, "raise ValueError('heads must divide width')"),
    ((11, "if width % heads:"), (12, "    raise ValueError('heads must divide width')")),
    mend="choose heads that divide width",
    traceback="Traceback (most recent call last):\n  ...\nValueError: heads must divide width",
)


async def test_the_first_screen_says_what_is_open_and_shows_its_parts() -> None:
    async with driven() as window:
        screen = window.screen()
        assert "model.py:LeNet()   EVAL   cpu   81,290 params   318 KiB" in screen
        assert window.rows() == ["", "conv1", "conv2", "fc1", "fc2", "fc3"]
        assert "69,240" in screen
        assert "the only class in the file" in screen  # why this model was taken


async def test_before_the_engine_speaks_the_window_says_that_torch_is_being_imported() -> None:
    async with driven(silent=True) as window:
        assert "importing torch" in window.status()


async def test_stages_are_told_with_their_seconds_and_the_line_that_they_are_in() -> None:
    async with driven(silent=True) as window:
        window.engine.tell(1, [TorchImported("2.13.0", 1.0), StageStarted("building Net()", True)])
        window.engine.tell(1, [StillRunning("__init__", Source(FILE, 33, "time.sleep(600)"))])
        assert window.status() == "building Net() · 0 s · in model.py:33 time.sleep(600)"


async def test_the_detail_pane_follows_the_cursor_and_asks_the_engine_once() -> None:
    async with driven() as window:
        await window.press("down", "down", "down")
        assert window.cursor() == "fc1"
        assert "fc1 · Linear" in window.screen()
        assert "Applies an affine linear transformation." in window.screen()
        await window.press("up", "down")
        fc1 = window.app.model_tree.row
        assert window.engine.asked.count(DescribeModule(fc1)) == 1


async def test_a_held_key_asks_only_about_the_row_where_it_comes_to_rest() -> None:
    async with driven(transformer(40)) as window:
        await window.press("asterisk")
        window.engine.asked.clear()
        for _ in range(20):
            window.app.model_tree.action_move(1)
        await window.settle()
        assert len([request for request in window.engine.asked if isinstance(request, DescribeModule)]) == 1


async def test_a_small_tensor_under_the_cursor_is_measured_without_asking() -> None:
    async with driven() as window:
        await window.press("down", "right", "down")
        assert window.cursor() == "conv1.weight"
        assert MeasureTensor(window.app.model_tree.row) in window.engine.asked
        screen = window.screen()
        assert "min … max  -1 … 2" in screen
        assert "█" in screen


async def test_a_large_tensor_waits_for_v() -> None:
    root = module("Net", "Net", parameter("table", 2048, 1024))
    async with driven(root) as window:
        await window.press("down")
        assert "press v to measure" in window.screen()
        assert not [request for request in window.engine.asked if isinstance(request, MeasureTensor)]
        await window.press("v")
        assert MeasureTensor(1) in window.engine.asked


async def test_what_is_not_registered_is_not_counted_as_a_child_of_some_class() -> None:
    lost = Node("layers", Kind.GHOST, record=GhostRow("list of 2 Linear", "list", "module", 40, 160))
    async with driven(module("Net", "Net", lost, linear("head", 2, 2))) as window:
        screen = window.screen()
        assert "inside: 1 child" in screen
        assert "1 × Linear" in screen
        assert "1 × not registered" in screen
        assert "1 × Net" not in screen


async def test_nothing_is_measured_of_a_list_of_lost_modules() -> None:
    lost = Node("layers", Kind.GHOST, record=GhostRow("list of 2 Linear", "list", "module", 40, 160))
    plain = Node(
        "scale", Kind.GHOST, shape=(3,), record=GhostRow("Tensor", "attribute", "tensor", 3, 12, (3,), "float32")
    )
    async with driven(module("Net", "Net", lost, plain)) as window:
        await window.press("down", "v")
        assert "no tensor of its own here to measure" in window.status()
        await window.press("down", "v")
        measured = [request.row for request in window.engine.asked if isinstance(request, MeasureTensor)]
        assert measured == [2]


async def test_rows_open_and_close_and_the_cursor_steps_in_and_out() -> None:
    async with driven(transformer(4)) as window:
        assert window.rows() == ["", "embed", "layers", "layers.0-3", "head"]
        await window.press("down", "down", "down", "right")
        assert window.rows()[4:8] == ["layers.0", "layers.1", "layers.2", "layers.3"]
        await window.press("right")
        assert window.cursor() == "layers.0"
        await window.press("left")
        assert window.cursor() == "layers.0-3"
        await window.press("space")
        assert window.rows() == ["", "embed", "layers", "layers.0-3", "head"]


async def test_expanding_by_depth_and_altogether() -> None:
    async with driven(transformer(4)) as window:
        await window.press("asterisk")
        assert len(window.rows()) == window.app.talk.model.table.count  # type: ignore[union-attr]
        await window.press("underscore")
        assert window.rows() == ["", "embed", "layers", "head"]
        await window.press("plus")
        assert "embed.weight" in window.rows()
        await window.press("minus")
        assert window.rows() == ["", "embed", "layers", "head"]


async def test_search_goes_to_the_first_match_and_n_goes_round() -> None:
    async with driven(transformer(3)) as window:
        await window.press("slash", *"down", "enter")
        assert window.cursor() == "layers.0.down"
        await window.press("n")
        assert window.cursor() == "layers.1.down"
        await window.press("N", "N")
        assert window.cursor() == "layers.2.down"
        assert "match 3 of 3" in window.status()


async def test_escape_leaves_a_search_where_it_began() -> None:
    async with driven(transformer(3)) as window:
        await window.press("down", "slash", *"head")
        assert window.cursor() == "head"
        await window.press("escape")
        assert window.cursor() == "embed"
        assert not window.app.prompt.display


async def test_a_search_for_nothing_says_so() -> None:
    async with driven() as window:
        await window.press("slash", *"zzz", "enter")
        assert window.status() == "nothing is called zzz"


async def test_a_filter_keeps_matches_and_what_is_above_them_until_escape() -> None:
    async with driven(transformer(2)) as window:
        await window.press("backslash", *"name:up", "enter")
        assert window.rows() == ["", "layers", "layers.0-1", "layers.0", "layers.0.up", "layers.1", "layers.1.up"]
        await window.press("escape")
        assert "embed" in window.rows()


async def test_a_filter_that_cannot_be_understood_says_what_can() -> None:
    async with driven() as window:
        await window.press("backslash", *"is:purple", "enter")
        assert "there is no is:purple" in window.status()
        assert "is:frozen" in window.status()


async def test_sorting_orders_siblings_and_keeps_the_cursor() -> None:
    async with driven() as window:
        await window.press("down", "s")
        assert window.rows() == ["", "fc1", "fc2", "conv2", "fc3", "conv1"]
        assert window.cursor() == "conv1"
        assert "by params" in window.screen()
        await window.press("s", "s", "s", "s")
        assert window.rows() == ["", "conv1", "conv2", "fc1", "fc2", "fc3"]


async def test_other_columns_show_modes_and_dtypes() -> None:
    async with driven() as window:
        await window.press("c")
        assert "trains mode" in window.screen()
        await window.press("c")
        assert "dtype" in window.screen()
        assert "float32" in window.screen()


async def test_at_80_columns_enter_opens_the_detail_over_the_tree_and_escape_comes_back() -> None:
    async with driven(size=(80, 24)) as window:
        assert "1 overview" not in window.screen()
        await window.press("down", "enter")
        assert "conv1 · Conv2d" in window.screen()
        assert "fc3" not in window.screen()
        await window.press("escape")
        assert "fc3" in window.screen()


async def test_at_200_columns_the_source_stands_in_a_third_pane() -> None:
    async with driven(size=(200, 40)) as window:
        await window.press("down")
        assert "forward  model.py:9" in window.screen()
        assert "arguments" in window.screen()


async def test_the_source_page_shows_forward_with_its_line_numbers() -> None:
    async with driven() as window:
        await window.press("down", "2")
        assert "    9 def forward(self, x):" in window.screen()


async def test_a_resize_rearranges_the_panes() -> None:
    async with driven() as window:
        await window.pilot.resize_terminal(80, 24)
        await window.settle()
        assert "1 overview" not in window.screen()
        await window.pilot.resize_terminal(140, 30)
        await window.settle()
        assert "1 overview" in window.screen()
        assert max(len(line) for line in window.screen().split("\n")) <= 140


async def test_a_failure_shows_the_line_the_mend_and_one_key_away_the_traceback() -> None:
    async with driven(scripts=[[Failed(BROKEN)]]) as window:
        screen = window.screen()
        assert "The model cannot be built" in screen
        assert f"{FILE}:12" in screen
        assert "▸   12      raise ValueError('heads must divide width')" in screen
        assert "choose heads that divide width" in screen
        await window.press("2")
        assert "Traceback (most recent call last):" in window.screen()


async def test_a_failure_is_the_result_that_is_printed_again_after_the_window() -> None:
    async with driven(scripts=[[Failed(BROKEN)]]) as window:
        await window.pilot.press("q")
        assert window.app.return_value == BROKEN


async def test_several_models_are_offered_and_the_chosen_one_is_loaded() -> None:
    candidates = (Candidate("Encoder", "class", 12, "Encoder()"), Candidate("Decoder", "class", 40, "Decoder()"))
    ambiguous = Failure("target", "", "Found 2 models in model.py", candidates=candidates)
    async with driven(scripts=[[Failed(ambiguous)], opening(lenet())]) as window:
        assert "Encoder" in window.screen()
        assert "class at line 40" in window.screen()
        await window.press("down", "enter")
        assert window.engine.loads[-1].target == "model.py:Decoder"
        assert "conv1" in window.rows()


async def test_missing_arguments_are_asked_for_and_given() -> None:
    arguments = (Argument("classes", "int", None, True), Argument("width", "int", "64"))
    missing = Failure("construct", "MissingArguments", "Net needs classes", arguments=arguments, call="Net")
    async with driven(scripts=[[Failed(missing)], opening(lenet())]) as window:
        assert "Net needs arguments" in window.screen()
        await window.press("enter")
        assert "classes is needed" in window.screen()
        await window.press(*"10", "enter")
        assert window.engine.loads[-1].arguments == ("classes=10",)
        assert "conv1" in window.rows()


async def test_a_reload_keeps_cursor_open_rows_and_marks_what_changed_until_the_next_key() -> None:
    grown = module("GPT", "GPT", *transformer(3).below[:2], linear("head", 64, 200), linear("extra", 200, 4))
    async with driven(transformer(3), grown) as window:
        await window.press("down", "down", "down", "right", "down")
        assert window.cursor() == "layers.0"
        await window.press("R")
        assert window.cursor() == "layers.0"
        assert "layers.2" in window.rows()
        assert "extra" in window.rows()
        assert "1 added (extra)" in window.status()
        assert [line for line in window.screen().split("\n") if line.startswith("+└▸extra")]
        assert [line for line in window.screen().split("\n") if line.startswith("~├▸head")]
        await window.press("down")
        assert "+└▸extra" not in window.screen()


async def test_a_reload_that_fails_keeps_the_old_tree_beside_the_failure() -> None:
    async with driven(scripts=[opening(lenet()), [Failed(BROKEN)]]) as window:
        await window.press("R")
        assert "conv1" in window.rows()
        assert "heads must divide width" in window.screen()


async def test_a_dead_engine_is_told_and_the_tree_stays() -> None:
    died = Failure("engine", "SIGSEGV", "killed by signal 11 (segmentation fault)")
    async with driven() as window:
        window.engine.tell(1, [EngineDied(died)])
        await window.settle()
        assert "killed by signal 11" in window.screen()
        await window.press("down")
        assert window.cursor() == "conv1"
        await window.press("R")
        assert len(window.engine.loads) == 2


async def test_ctrl_c_cancels_a_load_and_then_asks_before_it_quits() -> None:
    async with driven(silent=True) as window:
        await window.press("ctrl+c")
        assert window.engine.dropped == [1]
        assert window.status() == "cancelled; R loads again, ctrl+c quits"
        await window.press("down", "ctrl+c")
        assert window.app.is_running
        assert "ctrl+c once more" in window.status()
        await window.pilot.press("ctrl+c")
    assert window.engine.closed
    assert window.app.return_code == 0


async def test_what_is_printed_goes_to_the_log_and_escapes_nothing() -> None:
    async with driven() as window:
        window.engine.tell(
            1, [Printed("stdout", "hello \x1b[31mred\x1b[0m\nepoch 1\n"), Printed("stderr", "careful\n")]
        )
        await window.press("o")
        screen = window.screen()
        assert "hello \\x1b[31mred\\x1b[0m" in screen
        assert "E careful" in screen
        await window.press("escape")
        assert "conv1" in window.screen()


async def test_names_with_markup_escapes_and_wide_letters_stand_literally() -> None:
    names = ["[bold]", "[/x]", "a\x1b[31mb", "层", "new\nline", "x" * 5000]
    root = module("Net", "Net", *(linear(name, 2, 2) for name in names))
    async with driven(root) as window:
        screen = window.screen()
        for text in ("[bold]", "[/x]", "a\\x1b[31mb", "层", "new\\nline", "xxx…xxx"):
            assert text in screen, text
        assert "\x1b" not in screen
        widths = {strip.cell_length for strip in window.app.screen._compositor.render_strips()}
        assert widths == {120}


async def test_an_ascii_window_shows_nothing_else() -> None:
    look = Appearance(palette.without_colour(), ascii_only=True, watch=False)
    async with driven(transformer(3), appearance=look) as window:
        await window.press("down", "right", "down")
        assert window.screen().isascii()


async def test_every_mark_is_a_word() -> None:
    ghost = GhostRow("list of 2 Linear", "list", "module", 40, 160)
    root = module(
        "Net",
        "Net",
        buffer("mask", 3),
        Node("layers", Kind.GHOST, record=ghost),
        module("bn", "BatchNorm2d", parameter("weight", 8, flags=Flag.FROZEN), flags=Flag.TRAINING | Flag.FROZEN),
    )
    async with driven(root, size=(160, 30)) as window:
        screen = window.screen()
        assert "not registered" in screen
        assert "buffer" in screen
        assert "frozen" in screen
        assert "train" in screen


async def test_a_first_outline_of_a_large_model_is_replaced_by_the_whole_under_the_cursor() -> None:
    whole = transformer(6)
    cut = module("GPT", "GPT", linear("embed", 100, 64), Node("layers", type="ModuleList", flags=Flag.CUT))
    target = Target(FILE, "GPT", 7, "GPT()", "cpu")
    async with driven(silent=True) as window:
        window.engine.tell(1, [ModelBuilt(target, (FILE,)), StructureOutlined(outline(cut), preview=True)])
        await window.press("down", "down")
        assert window.cursor() == "layers"
        window.engine.tell(1, [StructureOutlined(outline(whole))])
        await window.settle()
        assert window.cursor() == "layers"
        assert "head" in window.rows()


async def test_the_cursor_may_stand_on_a_run_whose_blocks_are_still_being_read() -> None:
    cut = run([linear("0", 4, 4), linear("1", 4, 4)])
    cut.below, cut.record = [], RunRow("0", "1", 2)
    first = module("GPT", "GPT", linear("embed", 100, 64), cut)
    target = Target(FILE, "GPT", 7, "GPT()", "cpu")
    async with driven(silent=True, size=(200, 40)) as window:
        window.engine.tell(1, [ModelBuilt(target, (FILE,)), StructureOutlined(outline(first), preview=True)])
        window.engine.tell(1, described(first))
        await window.press("down", "down")
        assert window.cursor() == "0-1"
        assert "identical in structure" in window.screen()
        assert "reading…" in window.app.detail.text()
        assert "reading…" in window.app.source.text()


async def test_the_help_is_made_of_the_bindings() -> None:
    async with driven(size=(100, 90)) as window:
        await window.press("question_mark")
        screen = window.screen()
        for words in ("search names, paths and classes", "copy the path", "is:frozen"):
            assert words in screen


async def test_keys_can_be_given_others() -> None:
    look = Appearance(palette.of_the_terminal(), watch=False, keymap=(("down", "z"),))
    async with driven(appearance=look) as window:
        await window.press("z")
        assert window.cursor() == "conv1"
        await window.press("j")
        assert window.cursor() == "conv1"


async def test_leaving_ends_the_engine() -> None:
    async with driven() as window:
        pass
    assert window.engine.closed


async def test_a_row_does_not_repeat_what_the_row_above_it_says() -> None:
    frozen = [parameter("weight", 4, flags=Flag.FROZEN)]
    block = module("block", "Block", module("conv", "Conv2d", *frozen))
    block.flags = block.below[0].flags = Flag.FROZEN
    async with driven(module("Net", "Net", block, linear("head", 2, 2), flags=Flag.FROZEN | Flag.TRAINING)) as window:
        lines = [line for line in window.screen().split("\n") if "block" in line or "conv" in line]
        assert "eval  frozen" in lines[0]
        assert "frozen" not in lines[1]
        assert "eval" not in lines[1]
