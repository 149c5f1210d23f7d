"""One entry of the catalogue, for somebody who has met its id."""

from __future__ import annotations

import textwrap

from inspector.catalogue import Entry

_WIDTH = 100
"""Longer lines are hard to read."""


def write(entry: Entry, width: int) -> str:
    """How bad it is and what it is called, its paragraph, and how it is silenced."""
    paragraphs = [f"{entry.id}  {entry.severity}: {entry.title}", entry.documentation]
    paragraphs.append(
        f"--ignore {entry.id} silences it, --ignore {entry.id}:encoder.* below encoder alone; in "
        f'pyproject.toml, under [tool.nn-inspect]: ignore = ["{entry.id}"].'
    )
    return "\n\n".join(textwrap.fill(text, min(width, _WIDTH)) for text in paragraphs) + "\n"
