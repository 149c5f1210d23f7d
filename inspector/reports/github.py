"""What was noticed as workflow commands: GitHub shows them as annotations beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.format import literal
from inspector.reports.problem_text import facts, seen_from, sentence
from inspector.run_schema import Finding, Severity
from inspector.schema import Failure, Source

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def write(findings: Iterable[Finding], place: Source | None, folder: str) -> str:
    """A line for each; files are named from the `folder` that was checked out. What has no line of the user's stands at
    the `place` of the model itself."""
    return "".join(_of_finding(finding, finding.source or place, folder) for finding in findings)


def failure(failed: Failure, folder: str) -> str:
    """What kept the model from being checked at all."""
    return _command("error", failed.source, folder, literal(failed.type), literal(failed.message, lines=True))


def _of_finding(finding: Finding, source: Source | None, folder: str) -> str:
    text = "\n".join([sentence(finding), *facts(finding)])
    return _command(_COMMANDS[finding.severity], source, folder, finding.id, text)


def _command(command: str, source: Source | None, folder: str, title: str, text: str) -> str:
    properties = {"title": title}
    if source is not None:
        properties = {"file": literal(seen_from(source.file, folder)), "line": str(source.line), **properties}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {said}::{_data(text)}\n"


def _data(text: str) -> str:
    """As the runner takes it apart again: it knows no other escapes."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
