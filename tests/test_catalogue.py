"""What the catalogue promises to people, and to programs that know its ids."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import inspector
from inspector.catalogue import CATALOGUE, Entry
from inspector.run_schema import Severity

PACKAGE = Path(inspector.__file__).parent

PUBLISHED = {
    "1": (101, 102, 103, 105, 106, 107, 109, 110, 111, 112, 113, 115, 116, 117, 118, 119, 120, 121),
    "2": (*range(201, 215), 299),
    "3": (*range(301, 313), 314, 315),
    "4": (401, 403, 404),
    "5": (501, 502, 503, 504),
    "6": (601, 602, 603, 604, 605),
}
"""Ids that were given away; they never change meaning, so none of them may disappear."""

EVERY = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=list(CATALOGUE))


def test_every_published_id_is_there_in_order() -> None:
    assert list(CATALOGUE) == [f"NN{number}" for family in PUBLISHED.values() for number in family]


@EVERY
def test_an_entry_stands_under_its_own_id(entry: Entry) -> None:
    assert CATALOGUE[entry.id] is entry


@EVERY
def test_a_severity_is_one_of_the_three(entry: Entry) -> None:
    assert entry.severity in get_args(Severity)


@EVERY
def test_a_title_fits_beside_its_id_in_a_narrow_terminal(entry: Entry) -> None:
    assert 0 < len(entry.title) <= 60
    assert not entry.title.endswith(".")


@EVERY
def test_the_documentation_is_one_paragraph_of_sentences(entry: Entry) -> None:
    assert "\n" not in entry.documentation
    assert "  " not in entry.documentation
    assert entry.documentation.endswith(".")
    assert len(entry.documentation) > 150


@EVERY
def test_ids_that_are_named_in_the_documentation_exist(entry: Entry) -> None:
    assert set(re.findall(r"NN\d+", entry.documentation)) <= set(CATALOGUE)


def test_the_engine_has_a_rule_for_every_entry() -> None:
    rules = "".join(file.read_text() for file in (PACKAGE / "engine").rglob("*.py"))
    assert set(CATALOGUE) == set(re.findall(r'"(NN\d+)"', rules))
