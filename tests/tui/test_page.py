"""How facts are laid out: what has no room beside what is there stands below it, whole where it can."""

from __future__ import annotations

from inspector.tui import palette
from inspector.tui.detail.page import Page

COLOURS = palette.of_the_terminal()


def lines(page: Page) -> list[str]:
    return ["".join(text for text, _ in line) for line in page.lines]


def test_a_piece_without_room_beside_the_one_before_it_stays_whole_below_it() -> None:
    page = Page(46, COLOURS)
    page.fact("in", ("input 2×6×14×14 float32", COLOURS.base), ("  ← F.max_pool2d :20", COLOURS.dim))
    assert lines(page) == ["in         input 2×6×14×14 float32", "           ← F.max_pool2d :20"]


def test_pieces_that_fit_stand_beside_each_other() -> None:
    page = Page(46, COLOURS)
    page.fact("in", ("x 2×8", COLOURS.base), ("  ← fc1", COLOURS.dim))
    assert lines(page) == ["in         x 2×8  ← fc1"]


def test_a_piece_longer_than_a_row_is_wrapped_and_the_next_stands_where_it_ends() -> None:
    page = Page(21, COLOURS)
    page.fact("said", ("one two three four", COLOURS.base), (" five", COLOURS.dim), ("  sixth", COLOURS.dim))
    assert lines(page) == ["said       one two", "           three four", "           five", "           sixth"]
    page = Page(31, COLOURS)
    page.fact(
        "said", ("one two three four", COLOURS.base), ("  five six seven eight nine", COLOURS.dim), (" x", COLOURS.dim)
    )
    assert lines(page) == ["said       one two three four", "           five six seven eight", "           nine x"]
