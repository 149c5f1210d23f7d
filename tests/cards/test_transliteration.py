"""Formulas where only ASCII can be shown."""

from __future__ import annotations

import pytest

from inspector.cards import CARDS
from inspector.cards.explaining import explain
from inspector.cards.transliteration import in_ascii


@pytest.mark.parametrize(
    ("unicode", "plain"),
    [
        ("H_out = ⌊(16 + 2·2 − 1)/2⌋ + 1", "H_out = floor((16 + 2*2 - 1)/2) + 1"),
        ("y = γ·x² + β", "y = gamma*x^2 + beta"),
        ("yᵢ = e⁻ˣ / Σⱼ xⱼ", "y_i = e^-x / sum_j x_j"),
        ("U(−√k, √k), k = 1/576 → ±0.04167", "U(-sqrt k, sqrt k), k = 1/576 -> +-0.04167"),
        ("W·hₜ₋₁ + x₁₂", "W*h_(t-1) + x_12"),
        ("b + Σ W·x", "b + sum W*x"),
        ("√(2/π)", "sqrt(2/pi)"),
        ("2×64×H", "2x64xH"),
    ],
)
def test_signs_become_what_people_type(unicode: str, plain: str) -> None:
    assert in_ascii(unicode) == plain


@pytest.mark.parametrize("name", list(CARDS))
def test_there_is_a_spelling_for_every_sign_on_a_card(name: str) -> None:
    for section in explain(CARDS[name]).sections:
        for line in section.lines:
            plain = in_ascii(line)
            assert plain.isascii()
            assert plain.count("?") == line.count("?"), line
