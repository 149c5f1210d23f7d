"""A slice of a tensor on a page: brightness, scale, marks, and the numbers beside it."""

from __future__ import annotations

import math

import pytest

from inspector.run_schema import Picture
from inspector.schema import TensorStats
from inspector.tui import palette
from inspector.tui.detail import shading
from inspector.tui.detail.drawing import Sheet, draw
from inspector.tui.detail.page import Page
from inspector.tui.detail.picture_page import VALUE_AXES, WEIGHT_AXES, Look, write_picture
from tests.tui.drawn import picture_of, signed_wave, wave

COLOURS = palette.of_the_terminal()


def page_of(picture: Picture, *, width: int = 78, colours: bool = True, axes: tuple[str, ...] = VALUE_AXES) -> Page:
    page = Page(width, COLOURS)
    write_picture(page, picture, Look(18, colours, axes))
    return page


def text_of(page: Page) -> str:
    return "\n".join("".join(text for text, _ in line) for line in page.lines)


def grounds(page: Page) -> set[int]:
    """The colours of the whole page by their numbers."""
    colours = (colour for line in page.lines for _, style in line for colour in (style.color, style.bgcolor))
    return {colour.number for colour in colours if colour is not None and colour.number is not None}


def test_two_pixels_stand_in_one_cell() -> None:
    picture = picture_of(lambda y, x: y + x, (4, 4))
    drawing = draw(picture, Sheet(4, 2, True), COLOURS)
    assert drawing.width == 4
    assert [sum(len(text) for text, _ in line) for line in drawing.lines] == [4, 4]
    (_, first), *_ = drawing.lines[0]
    assert first.color is not None
    assert first.bgcolor is not None
    assert first.color.number == shading.GREYS[0]
    assert first.bgcolor.number == shading.colours_for(0, 6)[round(254 / 6)]


def test_an_odd_last_row_leaves_the_lower_half_of_its_cells_alone() -> None:
    lines = draw(picture_of(lambda y, x: y + x, (3, 3)), Sheet(3, 2, True), COLOURS).lines
    assert len(lines) == 2
    assert all(style.bgcolor is None and set(text) == {"▀"} for text, style in lines[-1])


def test_without_colours_more_value_covers_more_of_the_cell() -> None:
    drawing = draw(picture_of(lambda y, x: x, (1, 10)), Sheet(20, 1, False), COLOURS)
    assert drawing.lines[0] == [("".join(mark * 2 for mark in shading.RAMP), COLOURS.base)]


def test_values_on_both_sides_of_zero_get_a_colour_for_each_side_and_dark_zero() -> None:
    table = shading.colours_for(-1.0, 2.0)
    assert table[shading.LAST] == shading.ABOVE_ZERO[-1]
    assert table[0] == shading.BELOW_ZERO[len(shading.BELOW_ZERO) // 2]
    assert table[round(shading.LAST / 3)] == shading.ABOVE_ZERO[0] == shading.BELOW_ZERO[0]
    assert set(shading.colours_for(0.0, 2.0)[:-1]) == set(shading.GREYS)


def test_the_scale_of_the_largest_floats_overflows_nowhere() -> None:
    table = shading.colours_for(-1.7e308, 1.7e308)
    assert table[0] == shading.BELOW_ZERO[-1]
    assert table[shading.LAST] == shading.ABOVE_ZERO[-1]


def test_lightness_never_falls_towards_larger_values() -> None:
    ramp = [shading.character_for(pixel) for pixel in range(255)]
    assert [shading.RAMP.index(mark) for mark in ramp] == sorted(shading.RAMP.index(mark) for mark in ramp)
    greys = [shading.GREYS.index(colour) for colour in shading.colours_for(0.0, 1.0)[:255]]
    assert greys == sorted(greys)


def test_what_is_not_finite_is_marked_in_the_picture_and_counted_beside_it() -> None:
    holes = picture_of(lambda y, x: math.nan if y == x else float(x), (2, 3, 8, 8), (0, 0))
    text = text_of(page_of(holes))
    assert text.split("\n")[2].startswith("!!!")
    assert "8 of 64" in text
    assert "! marks 8 values that are not finite" in text
    characters = text_of(page_of(holes, colours=False))
    assert "!!" in characters


def test_the_slice_is_named_with_how_many_there_are() -> None:
    text = text_of(page_of(picture_of(wave, (2, 64, 28, 28), (1, 3))))
    assert text.startswith("sample 1 of 2 · channel 3 of 64   28×28 of 2×64×28×28 float32")
    weight = text_of(page_of(picture_of(wave, (6, 3, 5, 5), (0, 2)), axes=WEIGHT_AXES))
    assert weight.startswith("filter 0 of 6 · input 2 of 3   5×5 of 6×3×5×5")


def test_the_facts_stand_beside_a_picture_that_leaves_room_and_below_one_that_does_not() -> None:
    beside = text_of(page_of(picture_of(wave, (2, 64, 28, 28), (0, 0)))).split("\n")
    assert "min … max" in beside[2]
    below = page_of(picture_of(signed_wave, (120, 576), size=(16, 78)))
    row = next(at for at, line in enumerate(text_of(below).split("\n")) if line.startswith("min … max"))
    assert row == 2 + 8 + 1 + 1
    assert all(sum(len(text) for text, _ in line) <= 78 for line in below.lines)


def test_a_kernel_shows_its_values_as_a_matrix() -> None:
    lines = text_of(page_of(picture_of(lambda y, x: y * 3 + x, (6, 1, 3, 3), (0, 0)))).split("\n")
    assert "the first values" not in lines
    rows = [line.split()[-3:] for line in lines]
    assert ["0", "1", "2"] in rows
    assert ["6", "7", "8"] in rows


def test_a_matrix_without_room_beside_the_picture_stands_below_it() -> None:
    page = page_of(picture_of(lambda y, x: -0.001234 - y - x / 7, (6, 1, 5, 5), (0, 0)), width=70)
    rows = [line.split() for line in text_of(page).split("\n")]
    assert ["-0.001234", "-0.1441", "-0.2869", "-0.4298", "-0.5727"] in rows


def test_a_scaled_down_slice_says_so() -> None:
    text = text_of(page_of(picture_of(signed_wave, (120, 576), size=(16, 78))))
    assert "120×576 drawn as 16×78: each pixel is a mean" in text


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_equal_values_say_their_value_in_place_of_a_scale(value: float) -> None:
    page = page_of(picture_of(lambda y, x: value, (8, 8)))
    assert f"every value is {value:g}" in text_of(page)
    assert len(grounds(page) & set(shading.GREYS)) == 1


def test_a_tensor_without_elements_is_nothing_to_draw() -> None:
    nothing = Picture((0, 3, 8, 8), "float32", (), 1, 0, 0, b"", None, None, (0, 0), TensorStats(0))
    assert "Nothing to draw: 0×3×8×8 has no elements." in text_of(page_of(nothing))


def test_a_tensor_without_a_finite_value_is_all_marks_and_has_no_scale() -> None:
    page = page_of(picture_of(lambda y, x: math.nan, (4, 4)))
    assert "!" in text_of(page)
    assert "min … max" not in text_of(page)


def test_dead_constant_and_broken_channels_are_told_apart() -> None:
    channels = [
        (-1.0, 0.1, 1.0, 0.5, 0.25), (0.0, 0.0, 0.0, 0.0, 1.0), (0.5, 0.5, 0.5, 0.0, 0.0), (math.nan,) * 4 + (0.0,),
    ]  # fmt: skip
    page = page_of(picture_of(signed_wave, (2, 4, 8, 8), (0, 1), per_channel=channels), width=100)
    lines = text_of(page).split("\n")
    table = lines[next(at for at, line in enumerate(lines) if line.startswith("4 channels, each from -1 to 1")) + 2 :]
    assert "0.1 ± 0.5" in table[0]
    assert "25%" in table[0]
    assert "━┃━" in table[0]
    assert table[1].startswith("▸ 1")
    assert "all zeros" in table[1]
    assert "every value is 0.5" in table[2]
    assert "nothing finite" in table[3]


def test_a_thread_is_not_asked_for_so_thin_that_nothing_is_seen() -> None:
    assert Sheet(78, 18, True).fit(10, 4096) == (8, 78)
    assert Sheet(78, 18, True).fit(1, 4096) == (1, 78)
    assert Sheet(78, 18, True).fit(28, 28) == (28, 28)
    assert Sheet(78, 18, True).fit(512, 512) == (36, 36)
    assert Sheet(78, 18, False).fit(512, 512) == (18, 18)
