"""The signs of mathematics for a terminal that shows nothing but ASCII: `⌊H/2⌋ + γ·x²` → `floor(H/2) + gamma*x^2`.

What a sign becomes may be longer than it was: formulas stand in lines of their own, where no column depends on them.
"""

from __future__ import annotations

import re

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ˣʸᵀᵖⁿᵏ", "0123456789-+xyTpnk", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₋₊ᵢⱼₖₜₙₕₚₓₘₗₛₐₑᵧᵣ", "0123456789-+ijktnhpxmlsaeyr", strict=True))
_SIGNS = {
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "√": "sqrt ", "½": "1/2", "¼": "1/4",
    "γ": "gamma", "σ": "sigma", "β": "beta", "μ": "mu", "α": "alpha", "π": "pi", "Φ": "Phi", "ε": "eps", "θ": "theta",
    "λ": "lambda", "δ": "delta", "τ": "tau", "φ": "phi", "∞": "inf", "′": "'", "⊙": "*", "·": "*", "×": "x",
    "−": "-", "–": "-", "±": "+-", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "→": "->", "←": "<-", "…": "...",
    "‖": "|", "∗": "*", "∈": "in", "⊤": "T", "“": '"', "”": '"', "’": "'", "«": '"', "»": '"',
    "─": "-", "│": "|", "⟨": "<", "⟩": ">", "∂": "d", "∇": "grad ", "⊕": "+", "✗": "!", "°": " deg",
}  # fmt: skip
_RAISED_RUN = re.compile(f"[{''.join(map(re.escape, _RAISED))}]+")
_LOWERED_RUN = re.compile(f"[{''.join(map(re.escape, _LOWERED))}]+")
_SQUARE_ROOT_OF = re.compile(r"√\(")
_OVER_ALL = re.compile(f"([ΣΠ])([{''.join(map(re.escape, _LOWERED))}]*) *")
_OVER_ALL_NAMES = {"Σ": "sum", "Π": "prod"}


def in_ascii(text: str) -> str:
    """The same in ASCII; a sign that nobody has thought of is a question mark."""
    if text.isascii():
        return text
    text = _SQUARE_ROOT_OF.sub("sqrt(", text)
    text = _OVER_ALL.sub(lambda sign: f"{_OVER_ALL_NAMES[sign[1]]}{sign[2]} ", text)
    text = _RAISED_RUN.sub(lambda run: f"^{_of(run[0], _RAISED)}", text)
    text = _LOWERED_RUN.sub(_lowered, text)
    return "".join(sign if sign.isascii() else _SIGNS.get(sign, "?") for sign in text)


def _lowered(run: re.Match[str]) -> str:
    """`x_t`; of several signs with a sum among them `h_(t-1)`, so that it does not end before the sum."""
    text = _of(run[0], _LOWERED)
    return f"_({text})" if len(text) > 1 and not text.isalnum() else f"_{text}"


def _of(run: str, signs: dict[str, str]) -> str:
    return "".join(signs[sign] for sign in run)
