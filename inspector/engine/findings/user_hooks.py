"""NN119: hooks that somebody registered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.engine.class_text import is_users
from inspector.engine.failure import place
from inspector.engine.findings.anatomy import Anatomy
from inspector.engine.kinds import home
from inspector.engine.source_files import is_library
from inspector.run_schema import Finding

_PLACE = re.compile(r"^(?P<what>.*) \((?P<file>.*):(?P<line>\d+)\)$", re.DOTALL)
"""`forward_hook: keep (model.py:3)`, as the rows tell it."""


def user_hooks(anatomy: Anatomy) -> Iterator[Finding]:
    """One finding for each function that is registered, at the first module that has it."""
    found: dict[str, list[int]] = {}
    for row in anatomy.rows_of(own for own in anatomy.distinct if own.special.hooks):
        for hook in dict.fromkeys(anatomy.told[row].special.hooks):
            if not _is_of_its_package(anatomy, row, hook):
                found.setdefault(hook, []).append(row)
    for hook, rows in found.items():
        match = _PLACE.match(hook)
        source = place(match["file"], int(match["line"])) if match and not is_library(match["file"]) else None
        more = f" and on {len(rows) - 1:,} more" if len(rows) > 1 else ""
        yield anatomy.finding("NN119", rows[0], f"{anatomy.name(rows[0])} has a {_told(hook)}{more}", source=source)


def _told(hook: str) -> str:
    match = _PLACE.match(hook)
    kind, _, function = (match["what"] if match else hook).partition(": ")
    where = f" ({match['file'].rpartition('/')[2]}:{match['line']})" if match else ""
    return f"{kind} {function}{where}"


def _is_of_its_package(anatomy: Anatomy, row: int, hook: str) -> bool:
    """Whether a library hooked one of its own layers: that is how it is written, and nobody's doing."""
    match = _PLACE.match(hook)
    cls = type(anatomy.things[row])
    if match is None or not is_library(match["file"]) or is_users(cls):
        return False
    package = home(cls).partition(".")[0]
    return bool(package) and f"/{package}/" in match["file"].replace("\\", "/")
