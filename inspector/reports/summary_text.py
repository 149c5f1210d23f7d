"""torchinfo's familiar table, and where its numbers are not the model's."""

from __future__ import annotations

from inspector.format import literal, to_ascii
from inspector.messages import Summarized


def write(summary: Summarized, *, ascii_only: bool) -> str:
    """The table as torchinfo lays it out, then every correction in a line of its own."""
    text = literal(summary.text, lines=True).rstrip()
    lines = [*text.split("\n"), *(f"note: {literal(note)}" for note in summary.notes)]
    return "\n".join(map(to_ascii, lines) if ascii_only else lines) + "\n"
