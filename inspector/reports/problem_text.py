"""What was noticed, as text: for the end of the plain tree, and one block each for --check."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from inspector.format import literal
from inspector.problems import counted
from inspector.run_schema import Finding
from inspector.schema import Source


def section(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """How many there are, then each with its severity as its title: what, where, what was measured, what mends it."""
    if not findings:
        return
    yield "problems", counted(findings)
    for finding in findings:
        place = f"  {short_place(finding.source)}" if finding.source is not None else ""
        yield finding.severity, f"{finding.id} {subject(finding)}{place}"
        yield "", literal(finding.message)
        yield from (("", text) for text in facts(finding))


def facts(finding: Finding) -> Iterator[str]:
    """What was measured beside the message, each with its title."""
    titles = ("received", finding.received), ("expected", finding.expected), ("from", finding.producer)
    for title, text in (*titles, ("mend", finding.fix)):
        if text:
            yield f"{title}: {literal(text)}"


def subject(finding: Finding) -> str:
    """What it is about."""
    return literal(finding.path) or "the model itself"


def sentence(finding: Finding) -> str:
    """What it is about and what was measured; a message that begins with the name does not get it a second time."""
    message, name = literal(finding.message), subject(finding)
    return message if message.startswith((f"{name} ", f"{name}:")) else f"{name}: {message}"


def short_place(source: Source) -> str:
    """`model.py:21`"""
    return f"{literal(os.path.basename(source.file))}:{source.line}"


def checked(findings: Iterable[Finding], place: Source | None, folder: str) -> str:
    """For --check: every finding begins with its line, as compilers write it, so that editors can go there.

    One that has no line of the user's has the `place` of the model itself.
    """
    lines = []
    for finding in findings:
        source = finding.source or place
        where = f"{literal(seen_from(source.file, folder))}:{source.line}: " if source is not None else ""
        lines.append(f"{where}{finding.severity}: {finding.id} {sentence(finding)}")
        lines += [f"    {text}" for text in facts(finding)]
    return "".join(f"{line}\n" for line in lines)


def seen_from(file: str, folder: str) -> str:
    """A file's path relative to a folder that it lies in; elsewhere as it is."""
    inside = os.path.relpath(file, folder) if os.path.isabs(file) else file
    return file if inside.startswith(os.pardir + os.sep) else inside
