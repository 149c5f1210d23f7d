"""What --check writes: lines for editors, annotations for GitHub, SARIF for code scanning; hostile names are text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from inspector.catalogue import CATALOGUE
from inspector.reports import explanation, github, problem_text, sarif
from inspector.run_schema import Finding
from inspector.schema import Failure, Source
from tests.reports.runs import failed, healthy
from tests.reports.test_escapes import CONTROL, SENT, strings
from tests.run_events import features

HERE = "/home/me"
PLACE = Source("/home/me/model.py", 7)
LOST = Finding("NN101", "warning", 3, "layers", "layers: list of 2 Linear is not registered", "use nn.ModuleList")
ROOT = Finding("NN106", "note", 0, "", "0 of 5 parameters trainable", source=Source("/opt/lib/other.py", 3))
EVIL = Finding(
    "NN299", "error", 0, f"a,b:c%d{SENT}", f"50% {SENT}\n::error::x", SENT, Source(f"/home/me/{SENT},:%.py", 3)
)


def result(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sarif.write([finding], PLACE, HERE))["runs"][0]["results"][0]
    return found


def test_every_problem_begins_with_its_line_as_compilers_write_it() -> None:
    assert problem_text.checked([features(), LOST, ROOT], PLACE, HERE) == (
        "model.py:21: error: NN201 fc1 expects 576 features, got 400 = 16×5×5\n"
        "    received: 2×400   = 16×5×5 of max_pool2d, flattened at :20\n"
        "    expected: 2×576\n"
        "    from: view (model.py:20)\n"
        "    mend: Linear(400, 120), or an input of 32×32\n"
        "model.py:7: warning: NN101 layers: list of 2 Linear is not registered\n"
        "    mend: use nn.ModuleList\n"
        "/opt/lib/other.py:3: note: NN106 the model itself: 0 of 5 parameters trainable\n"
    )


def test_nothing_to_say_is_no_line() -> None:
    assert problem_text.checked([], PLACE, HERE) == github.write([], PLACE, HERE) == ""
    assert problem_text.checked([LOST], None, HERE).startswith("warning: NN101 ")


def test_hostile_names_stay_within_their_line() -> None:
    text = problem_text.checked([EVIL], PLACE, HERE)
    assert len(text.splitlines()) == 2
    assert not CONTROL.search(text)


def test_github_gets_one_command_a_problem_with_file_line_and_id() -> None:
    assert github.write([LOST, ROOT], PLACE, HERE) == (
        "::warning file=model.py,line=7,title=NN101::layers: list of 2 Linear is not registered"
        "%0Amend: use nn.ModuleList\n"
        "::notice file=/opt/lib/other.py,line=3,title=NN106::the model itself: 0 of 5 parameters trainable\n"
    )


def test_github_reads_back_what_was_meant() -> None:
    """As its runner takes a command apart."""
    lines = github.write([EVIL], PLACE, HERE).splitlines()
    assert len(lines) == 1
    command, _, data = lines[0].removeprefix("::").partition("::")
    name, _, properties = command.partition(" ")
    assert name == "error"
    values = dict(each.split("=", 1) for each in properties.split(","))
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        values = {key: value.replace(code, character) for key, value in values.items()}
        data = data.replace(code, character) if code not in ("%3A", "%2C") else data
    assert values["file"].endswith(",:%.py")
    assert (values["line"], values["title"]) == ("3", "NN299")
    assert data.startswith("a,b:c%d\\x1b]0;owned")
    assert "50% " in data
    assert "\\n::error::x" in data
    assert not CONTROL.search(lines[0])


def test_what_kept_a_model_from_being_checked_is_an_annotation_too() -> None:
    failure = Failure(stage="import", type="Error", message="one\ntwo 5%", source=Source("/home/me/bad.py", 5))
    assert github.failure(failure, HERE) == "::error file=bad.py,line=5,title=Error::one%0Atwo 5%25\n"
    assert github.failure(Failure(stage="target", type="", message="no"), HERE) == "::error title=::no\n"


def test_a_sarif_document_has_tool_rules_results_and_places() -> None:
    document = json.loads(sarif.write([features(), LOST, ROOT], PLACE, HERE))
    assert (document["version"], list(document)) == ("2.1.0", ["$schema", "version", "runs"])
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CATALOGUE)
    assert {rule["defaultConfiguration"]["level"] for rule in rules} == {"error", "warning", "note"}
    assert all(rules[found["ruleIndex"]]["id"] == found["ruleId"] for found in run["results"])
    assert [found["level"] for found in run["results"]] == ["error", "warning", "note"]
    assert run["invocations"] == [{"executionSuccessful": True}]
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///home/me/"}}


def test_sarif_places_are_relative_to_the_folder_and_absolute_elsewhere() -> None:
    (location,) = result(features())["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "model.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 21},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "fc1"}]
    elsewhere = result(ROOT)["locations"][0]
    assert elsewhere["physicalLocation"]["artifactLocation"] == {"uri": "file:///opt/lib/other.py"}
    assert elsewhere["logicalLocations"] == [{"fullyQualifiedName": "(root)"}]
    assert result(LOST)["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}


def test_sarif_spells_braces_and_spaces_as_the_format_wants_them() -> None:
    odd = Finding("NN103", "warning", 1, "d", "d is {0: 1}", source=Source("/home/me/my models/net é.py", 0))
    found = result(odd)
    assert found["message"]["text"] == "d is {{0: 1}}"
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "my%20models/net%20%C3%A9.py", "uriBaseId": "%SRCROOT%"}}


def test_sarif_of_hostile_names_is_text() -> None:
    document = json.loads(sarif.write([EVIL], PLACE, HERE))
    assert not [text for text in strings(document) if CONTROL.search(text)]
    uri = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[\w%./-]+", uri)


def test_sarif_says_what_kept_a_model_from_being_checked() -> None:
    failure = Failure(stage="import", type="SyntaxError", message="no", source=Source("/home/me/bad.py", 5))
    run = json.loads(sarif.write([], None, HERE, failure))["runs"][0]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == "SyntaxError: no"
    assert told["locations"][0]["physicalLocation"]["region"] == {"startLine": 5}
    assert run["results"] == []


# --- in the other forms -----------------------------------------------------------------------------------------------


def test_problems_stand_at_the_end_of_the_tree_and_as_letters_before_their_rows() -> None:
    report = failed()
    report.noticed = (LOST,)
    text = report.tree()
    assert text.split("\n\n")[-1].splitlines() == [
        "problems    1 error, 1 warning",
        "error       NN201 fc1  model.py:21",
        "            fc1 expects 576 features, got 400 = 16×5×5",
        "            received: 2×400   = 16×5×5 of max_pool2d, flattened at :20",
        "            expected: 2×576",
        "            from: view (model.py:20)",
        "            mend: Linear(400, 120), or an input of 32×32",
        "warning     NN101 layers",
        "            layers: list of 2 Linear is not registered",
        "            mend: use nn.ModuleList",
    ]
    assert "\nE ├ fc1 " in text
    assert "\ne LeNet " in text
    assert "\n  ├ fc2 " in text


def test_a_model_without_problems_has_no_section_and_no_letters() -> None:
    text = healthy().tree()
    assert "problems" not in text
    assert "\n├ fc1 " in text
    assert "problems" not in healthy().markdown()


def test_letters_and_severities_are_painted_in_a_terminal() -> None:
    painted = failed().tree(painted=lambda text, style: f"<{style}>{text}</>" if style else text)
    assert "\n<bold red>E</> ├ fc1" in painted
    assert "\n<bold red>error       </>NN201 fc1" in painted


@pytest.mark.parametrize("width", [60, 80, 120])
def test_long_sentences_go_on_below_themselves_in_a_terminal(width: int) -> None:
    report = failed()
    report.noticed = (Finding("NN312", "note", None, "", "word " * 60),)
    section = report.tree(width=width).split("\n\n")[-1].splitlines()
    assert max(map(len, section)) <= width
    assert all(line.startswith(" " * 12) or line[:12].strip() for line in section)


def test_problems_are_a_list_in_markdown_with_everything_escaped() -> None:
    report = failed()
    report.noticed = (Finding("NN103", "warning", 1, "a|b<i>", "a|b<i> is [not](http://x) *moved*", "`x`"),)
    text = report.markdown()
    assert "#### problems: 1 error, 1 warning" in text
    assert "- **error** NN201 fc1 (model.py:21): fc1 expects 576 features, got 400 = 16×5×5  \n  received: " in text
    assert (
        "- **warning** NN103 a\\|b&lt;i&gt;: a\\|b&lt;i&gt; is \\[not\\](http://x) \\*moved\\*  \n  mend: \\`x\\`"
        in text
    )


def test_every_entry_of_the_catalogue_is_explained_within_its_width() -> None:
    for entry in CATALOGUE.values():
        text = explanation.write(entry, 70)
        assert text.startswith(f"{entry.id}  {entry.severity}: {entry.title}"[:60])
        assert max(map(len, text.splitlines())) <= 70
