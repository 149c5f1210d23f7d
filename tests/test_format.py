"""One spelling for numbers and names, with nothing in them that moves a cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector import format as spelled


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (999_999, "999,999"), (1_000_000, "1.00 M"), (11_173_962, "11.2 M"), (25_557_032, "25.6 M"),
        (999_960_000, "1.00 B"), (671_000_000_000, "671 B"), (1_000_000_000_000, "1.00 T"),
    ],
)  # fmt: skip
def test_counts_are_exact_below_a_million_and_short_above(number: int, text: str) -> None:
    assert spelled.count(number) == text


@given(st.integers(0, 10**17))
def test_a_count_never_takes_more_than_its_column(number: int) -> None:
    assert len(spelled.count(number)) <= 8


@given(st.integers(0, 2**59))
def test_a_size_never_takes_more_than_its_column(number: int) -> None:
    assert len(spelled.size(number)) <= 8


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (246_824, "241 KiB"), (102_228_128, "97.5 MiB")],
)
def test_bytes_are_in_binary_units(number: int, text: str) -> None:
    assert spelled.size(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (276_480, "276 k"), (4_089_184_256, "4.09 G"), (999_600, "1.00 M")],
)
def test_flops_are_short_and_say_what_they_are_where_no_title_does(number: int, text: str) -> None:
    assert spelled.flops(number) == text
    assert spelled.flops(number, "FLOP") == (f"{text}FLOP" if " " in text else f"{text} FLOP")


def test_shapes_of_tensors_without_axes_and_without_a_size_have_names() -> None:
    assert spelled.shape((64, 3, 7, 7)) == "64×3×7×7"
    assert spelled.shape(()) == "scalar"
    assert spelled.shape((0,)) == "0"
    assert spelled.shape(None) == "?"


@pytest.mark.parametrize(
    ("part", "text"), [(0, ""), (1, "<0.1"), (100, "1.0"), (8765, "88"), (9999, ">99"), (10000, "100")]
)
def test_a_share_is_a_hundred_only_when_it_is_all(part: int, text: str) -> None:
    assert spelled.share(part, 10000) == text


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 20))
def test_a_bar_is_never_empty_for_something_nor_full_for_less_than_all(part: int, rest: int, width: int) -> None:
    drawn = spelled.bar(part, part + rest, width)
    assert drawn
    assert drawn != "█" * width
    assert len(drawn) <= width
    assert spelled.bar(part, part, width) == "█" * width


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 ns"), (2.5e-7, "250 ns"), (0.0123, "12.3 ms"), (0.9999, "1 s"), (123.4, "123 s")]
)
def test_durations_have_a_unit_that_fits(seconds: float, text: str) -> None:
    assert spelled.duration(seconds) == text


@given(st.text())
def test_a_literal_name_cannot_move_the_cursor(text: str) -> None:
    shown = spelled.literal(text)
    assert shown.isprintable()
    assert "\x1b" not in shown


def test_literal_spells_out_what_hides() -> None:
    assert spelled.literal("a\x1b[31mb\nc") == "a\\x1b[31mb\\nc"
    assert spelled.literal("a\n\tb", lines=True) == "a\n\tb"
    assert spelled.literal("\u202eevil\u200b") == "\\u202eevil\\u200b"
    assert spelled.literal("层 é ñ") == "层 é ñ"


@given(st.text(), st.integers(1, 40))
def test_a_cut_text_fits(text: str, width: int) -> None:
    name = spelled.literal(text)
    assert cell_len(spelled.middle_cut(name, width)) <= width
    assert cell_len(spelled.end_cut(name, width)) <= width
    if cell_len(name) <= width:
        assert spelled.middle_cut(name, width) == spelled.end_cut(name, width) == name


def test_names_are_cut_in_the_middle() -> None:
    assert spelled.middle_cut("encoder.layers.11.self_attn.q_proj", 20) == "encoder.l…ttn.q_proj"


@given(st.text())
def test_ascii_keeps_every_width(text: str) -> None:
    name = spelled.literal(text)
    plain = spelled.to_ascii(name)
    assert plain.isascii()
    assert cell_len(plain) == cell_len(name)


def test_a_plural_is_made_as_english_makes_it_or_as_it_is_told() -> None:
    plurals = [spelled.plural(1, "class"), spelled.plural(2, "class"), spelled.plural(1200, "module")]
    assert plurals == ["1 class", "2 classes", "1,200 modules"]
    assert spelled.plural(3, "child", "children") == "3 children"


def test_what_the_window_draws_has_a_sign_of_its_own_in_ascii() -> None:
    drawn = "×→←…·│├└─▸▾✗●○≡▏█▁▇µ−±∞≤≥√‖┃▐⇄↑↓–›━▀"
    assert "?" not in spelled.to_ascii(drawn)
    assert spelled.to_ascii("LeNet › conv1") == "LeNet > conv1"


def test_a_step_a_place_and_a_number_with_its_unit_stay_on_one_line() -> None:
    text = "each of 2 samples: 576 → 120; 69,240 parameters → conv1 6×28×28 at :22, 138 kFLOP"
    assert spelled.held_together(text).replace("\xa0", "_") == (
        "each of 2 samples: 576 → 120; 69,240_parameters →_conv1_6×28×28 at_:22, 138_kFLOP"
    )
    assert spelled.parted(spelled.held_together(text)) == text
