"""What was noticed as a SARIF 2.1.0 document: what code scanning services and editors read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import msgspec

from inspector import __version__, run_labels
from inspector.catalogue import CATALOGUE
from inspector.format import literal
from inspector.reports.problem_text import facts, seen_from, sentence
from inspector.run_schema import Finding
from inspector.schema import Failure, Source

Fields = dict[str, Any]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
"""What relative paths are relative to, by the name that services give to a checked-out repository."""


def write(findings: Sequence[Finding], place: Source | None, folder: str, failure: Failure | None = None) -> str:
    """One document, with a rule for every kind of finding there is. Files in the `folder` are named relative to it.

    What has no line of the user's stands at the `place` of the model itself. A `failure` is what kept the model from
    being checked, or from being checked to the end.
    """
    run: Fields = {
        "tool": {"driver": {"name": "nn-inspect", "version": __version__, "rules": _rules()}},
        "invocations": [_invocation(failure, folder)],
        "originalUriBaseIds": {_ROOT: {"uri": PurePath(folder, "_").as_uri().removesuffix("_")}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, finding.source or place, folder) for finding in findings],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _rules() -> list[Fields]:
    return [
        {
            "id": entry.id,
            "shortDescription": {"text": entry.title},
            "fullDescription": {"text": entry.documentation},
            "help": {"text": entry.documentation},
            "defaultConfiguration": {"level": entry.severity},
        }
        for entry in CATALOGUE.values()
    ]


def _invocation(failure: Failure | None, folder: str) -> Fields:
    if failure is None:
        return {"executionSuccessful": True}
    said = literal(run_labels.exception(failure), lines=True)
    notification: Fields = {"level": "error", "message": _message(said)}
    if failure.source is not None:
        notification["locations"] = [{"physicalLocation": _physical(failure.source, folder)}]
    return {"executionSuccessful": False, "toolExecutionNotifications": [notification]}


def _result(finding: Finding, source: Source | None, folder: str) -> Fields:
    location: Fields = {"logicalLocations": [{"fullyQualifiedName": literal(finding.path) or "(root)"}]}
    if source is not None:
        location["physicalLocation"] = _physical(source, folder)
    text = "\n".join([sentence(finding), *facts(finding)])
    result: Fields = {
        "ruleId": finding.id,
        "level": finding.severity,
        "message": _message(text),
        "locations": [location],
    }
    if finding.id in CATALOGUE:
        result["ruleIndex"] = list(CATALOGUE).index(finding.id)
    return result


def _message(text: str) -> Fields:
    """Plain text, whose braces would else be placeholders."""
    return {"text": text.replace("{", "{{").replace("}", "}}")}


def _physical(source: Source, folder: str) -> Fields:
    file = seen_from(source.file, folder)
    if os.path.isabs(file):
        artifact = {"uri": PurePath(file).as_uri()}
    else:
        artifact = {"uri": quote(PurePath(file).as_posix()), "uriBaseId": _ROOT}
    found: Fields = {"artifactLocation": artifact}
    if source.line > 0:
        found["region"] = {"startLine": source.line}
    return found
