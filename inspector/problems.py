"""What was noticed about a model, in the order in which a person should look at it. Shared by window and reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from inspector.format import plural
from inspector.run_schema import Finding, Severity
from inspector.table import ModelTable

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """By severity, then by place, then by id; the same finding once."""
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda one: (SEVERITIES.index(one.severity), -1 if one.row is None else one.row, one.id))


def kept(findings: Iterable[Finding], ignored: Iterable[str]) -> list[Finding]:
    """Those that nobody silenced."""
    silent = frozenset(ignored)
    return [finding for finding in findings if finding.id not in silent]


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
