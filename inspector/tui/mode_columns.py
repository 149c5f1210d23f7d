"""What the columns of the tree say of train against eval: how far a row's output moves, beside the noise, and why."""

from __future__ import annotations

import math

from rich.style import Style

from inspector.format import bar
from inspector.mode_rows import Word, relative, word
from inspector.mode_schema import ModeDifference
from inspector.tui.palette import Palette
from inspector.tui.shown_rows import ShownRows

_FINE = 1_000_000
"""Parts that a relative difference is cut into for its bar."""


def _worst(shown: ShownRows, row: int) -> ModeDifference | None:
    return shown.modes.worst(row) if shown.modes is not None and row < shown.table.count else None


def difference(shown: ShownRows, row: int) -> str:
    worst = _worst(shown, row)
    return relative(worst.difference) if worst is not None and _in_both(worst) else ""


def difference_bar(shown: ShownRows, row: int) -> str:
    """Against the largest of the model."""
    worst = _worst(shown, row)
    if worst is None or shown.modes is None or not math.isfinite(worst.difference):
        return ""
    return bar(round(worst.difference * _FINE), round(shown.modes.largest() * _FINE), 5)


def noise(shown: ShownRows, row: int) -> str:
    """How far the output moves from one train run to the next, or from one eval run to the next."""
    worst = _worst(shown, row)
    return relative(max(worst.noise_train, worst.noise_eval)) if worst is not None and _in_both(worst) else ""


def role(shown: ShownRows, row: int) -> str:
    worst = _worst(shown, row)
    return word(worst).value if worst is not None else ""


def role_style(shown: ShownRows, row: int, palette: Palette) -> Style:
    """Loud for a source, dim for what is the same in both modes."""
    worst = _worst(shown, row)
    if worst is None:
        return palette.base
    if word(worst) is Word.SOURCE:
        return palette.warning
    return palette.dim if word(worst) is Word.UNCHANGED else palette.base


def sort_key(shown: ShownRows, row: int) -> float:
    """The largest difference first, what has none last."""
    worst = _worst(shown, row)
    return -worst.difference if worst is not None and math.isfinite(worst.difference) else 0.0


def _in_both(worst: ModeDifference) -> bool:
    return word(worst) not in (Word.ONLY_TRAIN, Word.ONLY_EVAL)
