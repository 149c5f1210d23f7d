"""Programs with one fault that shows only while they run: it is found at its module and line, and nothing is said of
the same program without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from inspector.engine.target import Built
from inspector.run_schema import Finding
from tests.engine.conftest import Project
from tests.engine.noticing import Noticed
from tests.engine.programs import run_calls, run_layout, run_more, run_values
from tests.engine.programs.pair import RunPair
from tests.process_state import put_back

PAIRS = [*run_values.PAIRS, *run_layout.PAIRS, *run_calls.PAIRS, *run_more.PAIRS]
NAMES = [f"{pair.id} {pair.name}" for pair in PAIRS]


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        torch.default_generator.manual_seed(0)
        yield


def built(project: Project, source: str) -> Built:
    project.write("m.py", source)
    return project.load(
        "m.py:" + [line.split()[1].split("(")[0] for line in source.splitlines() if line[:5] == "class"][-1]
    )


def findings(project: Project, source: str) -> list[Finding]:
    noticed = Noticed(built(project, source))
    found = noticed.run()
    assert noticed.record.ok, noticed.record.failure
    return [*found, *noticed.probe()]


@pytest.mark.parametrize("pair", PAIRS, ids=NAMES)
@pytest.mark.filterwarnings("ignore")
def test_the_fault_is_found_at_its_module_and_line(pair: RunPair, project: Project) -> None:
    found = findings(project, pair.bad)
    mine = [finding for finding in found if finding.id == pair.id]
    assert mine, [(finding.id, finding.message) for finding in found]
    assert pair.path in [finding.path for finding in mine], mine
    marked = next((number for number, line in enumerate(pair.bad.strip().splitlines(), 1) if "# <-" in line), None)
    lines = [finding.source.line for finding in mine if finding.path == pair.path and finding.source is not None]
    assert marked is None or marked in lines, mine


@pytest.mark.parametrize("pair", PAIRS, ids=NAMES)
@pytest.mark.filterwarnings("ignore")
def test_nothing_is_said_against_the_mended_program(pair: RunPair, project: Project) -> None:
    found = findings(project, pair.mended)
    assert [finding for finding in found if finding.severity != "note" or finding.id == pair.id] == []


SAMPLES = Path(__file__).parents[2] / "sample_models"
ASKING = ("needs_arguments.py", "several_models.py")
"""What loads only when it is told more."""


@pytest.mark.parametrize("name", sorted({file.name for file in SAMPLES.glob("*.py")} - set(ASKING)))
@pytest.mark.filterwarnings("ignore")
def test_nothing_is_said_against_the_samples(name: str, project: Project) -> None:
    noticed = Noticed(project.load(str(SAMPLES / name)))
    told = [*noticed.run(), *noticed.probe()]
    assert noticed.record.ok
    assert [finding for finding in told if finding.severity != "note"] == []
