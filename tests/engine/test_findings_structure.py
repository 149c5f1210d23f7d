"""Every fault of structure is found at its path and line; and nothing is found in what is right."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from inspector.engine.failure import LoadFailed
from inspector.engine.findings import structure_rules
from inspector.engine.findings.structure_rules import findings_of
from inspector.engine.findings.uninitialized import of_failure
from inspector.engine.structure import read
from inspector.run_schema import Finding
from tests.engine.conftest import Project
from tests.engine.programs import structure, structure_more
from tests.engine.programs.structure import Pair

PAIRS = [*structure.PAIRS, *structure_more.PAIRS]
SAMPLES = Path(__file__).parents[2] / "sample_models"
FAULTY = {"unregistered.py": {"NN101", "NN103"}}
"""Sample models that show a fault, and which."""


@pytest.fixture(autouse=True)
def loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that raises fails its test."""
    monkeypatch.setattr(structure_rules, "_told", lambda find: list(find()))


def noticed(project: Project, source: str) -> tuple[Finding, ...]:
    """What is noticed of the only model in a file, or of why there is none."""
    project.write("m.py", source)
    try:
        model = project.load("m.py").model
    except LoadFailed as failed:
        if (found := of_failure(failed.failure)) is None:
            raise
        return (found,)
    return findings_of(model, read(model))


EVERY = pytest.mark.parametrize("pair", PAIRS, ids=[f"{pair.id} {pair.name}" for pair in PAIRS])


@EVERY
def test_a_fault_is_found_with_its_path_and_line(project: Project, pair: Pair) -> None:
    found = noticed(project, pair.bad)
    assert (pair.id, pair.path) in [(finding.id, finding.path) for finding in found]
    finding = next(finding for finding in found if (finding.id, finding.path) == (pair.id, pair.path))
    assert finding.source is not None
    assert finding.source.file == str(project.folder / "m.py")
    assert finding.source.line == project.line_of("m.py", "# <-")


@EVERY
def test_the_mended_twin_is_silent(project: Project, pair: Pair) -> None:
    found = noticed(project, pair.mended)
    assert [finding for finding in found if finding.severity != "note"] == []
    assert (pair.id, pair.path) not in [(finding.id, finding.path) for finding in found]


@EVERY
def test_no_other_warning_comes_with_a_fault(project: Project, pair: Pair) -> None:
    found = noticed(project, pair.bad)
    assert {finding.id for finding in found if finding.severity != "note"} <= {pair.id}


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.py")), ids=lambda file: str(file.name))
def test_sample_models_are_silent_but_for_those_that_show_a_fault(project: Project, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.name in ("several_models.py", "needs_arguments.py"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = noticed(project, text)
    assert {finding.id for finding in found if finding.severity != "note"} == FAULTY.get(file.name, set())
