"""What was noticed about a model, in the order in which a person should look at it. Shared by window and reports."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from msgspec.structs import replace

from inspector.catalogue import CATALOGUE
from inspector.format import literal, plural
from inspector.run_schema import Finding, Severity
from inspector.table import ModelTable

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """By severity, then by place, then by id; the same finding once."""
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda one: (SEVERITIES.index(one.severity), -1 if one.row is None else one.row, one.id))


# --- silencing --------------------------------------------------------------------------------------------------------


def kept(findings: Iterable[Finding], ignored: Iterable[str]) -> list[Finding]:
    """Those that nobody silenced: neither by their id (`NN302`), nor at their path (`NN103:encoder.*`)."""
    silent = [pattern.partition(":") for pattern in ignored]
    return [one for one in findings if not any(_silences(one, *pattern) for pattern in silent)]


def _silences(finding: Finding, name: str, colon: str, path: str) -> bool:
    if name != finding.id:
        return False
    return not colon or path == finding.path or fnmatchcase(finding.path, path)


def patterns(texts: Iterable[str]) -> tuple[str, ...]:
    """What is to be ignored, as it is typed: one or several with commas between, each an id or `id:path`, where * in
    the path stands for anything. Raises ValueError for an id that there is not."""
    typed = [part.strip() for text in texts for part in text.split(",")]
    return tuple(_known(part) for part in typed if part)


def _known(pattern: str) -> str:
    name, colon, path = pattern.partition(":")
    found = name.strip().upper()
    if found not in CATALOGUE:
        raise ValueError(no_such(name))
    return f"{found}{colon}{path.strip()}"


def no_such(name: str) -> str:
    """That there is no finding of this id, and which ones are spelled nearly like it."""
    typed = name.upper()
    # Of those that are spelled alike the same family first: its digit is what people remember.
    alike = difflib.get_close_matches(typed, CATALOGUE, len(CATALOGUE))
    near = sorted(alike, key=lambda known: [a != b for a, b in zip(known, typed, strict=False)])[:3]
    words = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(CATALOGUE)}"
    return f"there is no finding {literal(name) or '(empty)'}; {words}"


# --- how many, and where ----------------------------------------------------------------------------------------------


def softened(finding: Finding) -> Finding:
    """That forward failed on inputs that were guessed: the guess may be what is wrong, and so it is only a note."""
    words = f"{finding.message} (only a note: the inputs were guessed, and the guess may be what is wrong)"
    return replace(finding, severity="note", message=words)


def reached(findings: Iterable[Finding], severity: Severity) -> bool:
    """Whether one of them is as grave as that, or graver."""
    grave = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return any(finding.severity in grave for finding in findings)


def counted(findings: Iterable[Finding]) -> str:
    """`1 error, 2 warnings, 3 notes`; empty of none."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(plural(counts[severity], severity) for severity in SEVERITIES if counts[severity])


def badges(table: ModelTable, findings: Iterable[Finding]) -> Mapping[int, str]:
    """A letter for every row with a finding: E, W or n; in small letters for rows that only stand above an E or W."""
    found: dict[int, str] = {}
    for finding in ordered(findings):
        if finding.row is None or finding.row >= table.count:
            continue
        letter = finding.severity[0] if finding.severity == "note" else finding.severity[0].upper()
        if found.get(finding.row, "z") in ("z", "e", "w"):
            found[finding.row] = letter
        if finding.severity != "note":
            for above in table.ancestors(finding.row):
                found.setdefault(above, letter.lower())
    return found
