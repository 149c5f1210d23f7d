"""A window over its input, exactly as it is drawn."""

from __future__ import annotations

import pytest

from inspector.cards.window_drawing import Window, draw_window


def test_stride_and_overlap_can_be_seen() -> None:
    assert draw_window(Window((3, 3), (1, 1), (1, 1), (1, 1)), (3, 4), 70, 20) == (
        "■ ▣ ▣ □ ░ ░",
        "■ ▣ ▣ □ · ░",
        "■ ▣ ▣ □ · ░",
        "░ · · · · ░",
        "░ ░ ░ ░ ░ ░",
        "■ read for one output: 3×3   □ for the next   ▣ for both   · input",
        "░ padding",
    )


def test_ascii_has_its_own_signs() -> None:
    assert draw_window(Window((2, 2), (2, 2), (0, 0), (1, 1)), (4, 4), 70, 20, ascii_only=True) == (
        "# # o o",
        "# # o o",
        ". . . .",
        ". . . .",
        "# read for one output: 2x2   o for the next   . input",
    )


def test_dilation_leaves_holes() -> None:
    assert draw_window(Window((2, 2), (1, 1), (0, 0), (3, 3)), (5, 6), 70, 20)[:5] == (
        "■ □ · ■ □ ·",
        "· · · · · ·",
        "· · · · · ·",
        "■ □ · ■ □ ·",
        "· · · · · ·",
    )


def test_a_sequence_has_one_line_for_each_place_of_the_window() -> None:
    assert draw_window(Window((3,), (2,), (1,), (1,)), (6,), 70, 20) == (
        "░······░",
        "■■■",
        "  ■■■",
        "    ■■■",
        "■ read for one output: 3   · input   ░ padding",
    )


def test_the_next_window_is_below_when_there_is_none_to_the_right() -> None:
    lines = draw_window(Window((1, 2), (1, 1), (0, 0), (1, 1)), (2, 2), 70, 20)
    assert lines[:2] == ("■ ■", "□ □")


def test_a_window_as_large_as_its_input_is_the_only_one() -> None:
    lines = draw_window(Window((2, 2), (2, 2), (0, 0), (1, 1)), (2, 2), 70, 20)
    assert lines == ("■ ■", "■ ■", "■ read for one output: 2×2, the only one   · input")


def test_of_three_axes_the_last_two_are_drawn_and_that_is_said() -> None:
    lines = draw_window(Window((2, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)), (4, 2, 2), 90, 20)
    assert lines[:2] == ("■ □", "· ·")
    assert lines[2].endswith("the last 2 of 3 axes are drawn")


def test_it_fits_where_it_has_to() -> None:
    lines = draw_window(Window((7, 7), (2, 2), (3, 3), (1, 1)), (224, 224), 40, 12)
    assert len(lines) == 12
    assert max(map(len, lines)) <= 40
    assert lines[0].endswith("…")
    assert draw_window(Window((3,), (1,), (0,), (1,)), (500,), 20, 6)[0] == "·" * 19 + "…"


def test_a_window_larger_than_its_input_is_refused() -> None:
    with pytest.raises(ValueError, match="reaches over 5 places, the padded input has 4"):
        draw_window(Window((3, 3), (1, 1), (0, 0), (2, 2)), (6, 4), 70, 20)
