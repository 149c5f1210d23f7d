"""Curves in Braille and in ASCII, exactly as they are drawn."""

from __future__ import annotations

import math

import pytest

from inspector.cards.drawing import Counts, draw_curve


def relu(x: float) -> float:
    return max(x, 0.0)


def step(x: float) -> float:
    return float(x > 0)


def test_relu_in_braille_has_its_axes_and_a_derivative_that_jumps() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 22, 4)
    assert drawing.lines == (
        "2           │      ⢀⠤⠊",
        "            │    ⡠⠔⠁  ",
        "            ⠁⠁⢁⠥⠋⠁⠁⠁⠁⠁",
        "0 ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡠⠔⠁───────",
        "  -2        0        2",
    )


def test_relu_in_ascii_has_one_sign_a_cell() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 22, 4, ascii_only=True)
    assert all(line.isascii() for line in drawing.lines)
    assert drawing.lines == (
        "2           |       **",
        "            |    ***  ",
        "            : :** : : ",
        "0 *************-------",
        "  -2        0        2",
    )


def test_every_cell_has_a_kind() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 22, 4, counts=Counts(-1, 1, [1, 2, 3]))
    assert {len(line) for line in (*drawing.lines, *drawing.kinds)} == {22}
    for line, kinds in zip(drawing.lines, drawing.kinds, strict=True):
        assert [sign == " " for sign in line] == [kind == " " for kind in kinds]
    assert {"f", "d", "b", "a", "l", "h", " "} == set("".join(drawing.kinds))


def test_nothing_is_drawn_over_a_jump_and_everything_along_a_steep_rise() -> None:
    broken = draw_curve(lambda x: 10 * step(x), lambda _: 0.0, (-1, 1), 24, 8)
    steep = draw_curve(lambda x: 10 / (1 + math.exp(-200 * x)), lambda _: 0.0, (-1, 1), 24, 8)
    assert not any("f" in kinds for kinds in broken.kinds[1:7])
    assert all({"f", "b"} & {*kinds} for kinds in steep.kinds[:8])


def test_what_is_not_finite_leaves_a_gap() -> None:
    drawing = draw_curve(lambda x: math.log(x) if x > 0 else math.nan, lambda _: 0.0, (-1, 1), 24, 6)
    left = [kinds[5:13] for kinds in drawing.kinds[:6]]
    assert not any("f" in kinds or "b" in kinds for kinds in left)
    assert any("f" in kinds for kinds in drawing.kinds[:6])


def test_a_constant_has_a_range_all_the_same() -> None:
    assert draw_curve(lambda _: 0.0, lambda _: 0.0, (0, 1), 14, 2).lines[0].startswith("1")


def test_values_stand_under_the_places_where_they_went_in() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 22, 2, counts=Counts(-1.0, 1.0, [4, 8]))
    assert drawing.lines[3:] == (
        "            █████     ",
        "       ██████████     ",
        "12 from -1 to 1       ",
    )


def test_values_outside_of_the_interval_are_told_and_not_drawn() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 60, 2, counts=Counts(-6.0, 4.0, [25, 25, 25, 25, 0]))
    assert drawing.lines[-1].rstrip() == "inputs: 100 from -6 to 4, 50% left of it"


def test_one_single_value_has_one_bar() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 22, 2, counts=Counts(0.0, 0.0, [7]))
    assert drawing.lines[4].count("█") == 1
    assert drawing.lines[4][12] == "█"


def test_few_values_among_many_are_still_seen() -> None:
    drawing = draw_curve(relu, step, (-2, 2), 22, 2, counts=Counts(-2.0, 2.0, [1, 100_000]))
    assert drawing.lines[4][2] == "▁"  # the lower of two lines
    shades = draw_curve(relu, step, (-2, 2), 22, 2, counts=Counts(-2.0, 2.0, [1, 100_000]), ascii_only=True)
    assert shades.lines[3][2] == "."


def test_without_room_it_says_so() -> None:
    with pytest.raises(ValueError, match="12 × 2 cells"):
        draw_curve(relu, step, (-2, 2), 11, 4)
