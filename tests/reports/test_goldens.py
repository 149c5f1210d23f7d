"""Every sample model as tree and as JSON: as it was when somebody last looked at it, and true by arithmetic.

`pytest tests/reports --renew-goldens` writes them anew; what torch says of its layers changes with its releases, so
they are compared under the one they were written with. The arithmetic holds under every release.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

from inspector.problems import badges, reached
from inspector.schema import Kind
from tests.process_state import put_back
from tests.reports.json_shapes import Document
from tests.reports.rendering import SAMPLES, Rendered, anywhere, sample

GOLDENS = Path(__file__).parent / "golden"
WRITTEN_WITH = "2.13"
"""The torch whose layers the goldens quote."""
HEAD, TAIL = 12, 3
"""Entries of a long list that a golden keeps."""

pinned = pytest.mark.skipif(
    not torch.__version__.startswith(f"{WRITTEN_WITH}."), reason=f"goldens are written with torch {WRITTEN_WITH}"
)
NAMES = sorted(file.stem for file in SAMPLES.glob("*.py"))


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    with put_back():
        yield


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, process: None) -> Rendered:
    """A sample model, read."""
    return sample(request.param)


def compare(name: str, text: str, renew: bool) -> None:
    """A text against its golden."""
    file = GOLDENS / name
    if renew:
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "look at what has changed, then --renew-goldens"


def condensed(document: dict[str, Any]) -> str:
    """A document with one entry a line, and of long lists the first and the last."""
    lines = []
    run = document["run"] or {}
    for key, value in {
        **document,
        "run": {**run, "trace": "below"} if run else None,
        "trace": run.get("trace"),
    }.items():
        if isinstance(value, list) and value:
            entries = [_line(entry) for entry in value]
            if (left_out := len(entries) - HEAD - TAIL) > 0:
                entries[HEAD:-TAIL] = [f"… {left_out} more"]
            lines += [f"{key}:", *(f"  {entry}" for entry in entries)]
        else:
            lines.append(f"{key}: {_line(value)}")
    return "\n".join(lines) + "\n"


def _line(value: Any) -> str:
    return json.dumps(_measured_anywhere(value), ensure_ascii=False)


def _measured_anywhere(value: Any) -> Any:
    """Without the statistics of values: processors do not round alike."""
    if isinstance(value, dict):
        stats = {"stats": "…"} if value.get("stats") is not None else {}
        return {key: _measured_anywhere(inner) for key, inner in {**value, **stats}.items()}
    return [_measured_anywhere(inner) for inner in value] if isinstance(value, list) else value


@pinned
@pytest.mark.parametrize("name", NAMES)
def test_the_tree_is_as_it_was(name: str, renew: bool) -> None:
    compare(f"{name}.tree.txt", sample(name).tree(), renew)


@pinned
@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_as_it_was(name: str, renew: bool) -> None:
    compare(f"{name}.json.txt", condensed(json.loads(anywhere(sample(name).json()))), renew)


def test_no_golden_is_left_over_and_none_names_this_machine() -> None:
    files = sorted(GOLDENS.iterdir())
    assert [file.name for file in files] == sorted(f"{name}.{kind}.txt" for name in NAMES for kind in ("json", "tree"))
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert str(Path.home()) not in text
        assert "site-packages" not in text
        assert not re.search(r'"/\w', text)


def test_the_document_has_the_shapes_of_the_contract(model: Rendered) -> None:
    document = msgspec.json.decode(model.json(), type=Document)
    assert document.schema == "nn-inspect/1"
    assert document.totals is not None


def test_paths_are_those_of_torchs_own_iterators(model: Rendered) -> None:
    document, torchs = model.document(), model.model
    firsts = [each["path"] for each in document["modules"] if each["same_as"] is None]
    assert firsts == [path for path, _ in torchs.named_modules()]
    untied = [each["path"] for each in document["parameters"] if each["tied_to"] is None]
    assert untied == [path for path, _ in torchs.named_parameters()]
    untied = [each["path"] for each in document["buffers"] if each["tied_to"] is None]
    assert untied == [path for path, _ in torchs.named_buffers()]


def test_every_shared_thing_names_a_path_that_is_there(model: Rendered) -> None:
    document = model.document()
    for things, key in (("modules", "same_as"), ("parameters", "tied_to"), ("parameters", "shares_memory_of")):
        paths = [each["path"] for each in document[things]]
        for each in document[things]:
            if each[key] is not None:
                assert paths.index(each[key]) < paths.index(each["path"])


def test_the_parts_add_up_to_the_total(model: Rendered) -> None:
    document, torchs = model.document(), model.model
    totals, root = document["totals"], document["modules"][0]
    sized = [each for each in document["parameters"] if each["tied_to"] is None and not each["lazy"]]
    assert totals["parameters"] == sum(each["elements"] for each in sized)
    assert totals["parameters"] == sum(p.numel() for p in torchs.parameters() if not nn.parameter.is_lazy(p))
    assert totals["trainable"] == sum(each["elements"] for each in sized if each["requires_grad"])
    assert totals["modules"] == sum(each["same_as"] is None for each in document["modules"])
    assert [root[key] for key in ("parameters", "trainable", "buffers", "bytes")] == [
        totals[key] for key in ("parameters", "trainable", "buffers", "bytes")
    ]
    ties = sum(each["elements"] or 0 for each in document["parameters"] if each["tied_to"] is not None)
    own = sum(each["own_parameters"] for each in document["modules"] if each["same_as"] is None)
    assert own - ties == totals["parameters"]


@pytest.fixture
def run(model: Rendered) -> dict[str, Any]:
    """A sample model that has run, as a document."""
    document = model.document()
    assert document["run"] is not None
    return document


FAULTY = {"unregistered": {"NN101", "NN103"}}
"""Samples that are made to show a fault."""


@pytest.mark.parametrize("name", NAMES)
def test_a_check_fails_on_no_sample_but_those_that_show_a_fault(name: str) -> None:
    grave = {found.id for found in sample(name).findings if reached([found], "warning")}
    assert grave == FAULTY.get(name, set())


def test_what_came_out_of_the_root_is_what_came_out_of_the_run(run: dict[str, Any]) -> None:
    assert run["run"]["ok"]
    assert run["modules"][0]["calls"] == 1
    assert run["modules"][0]["outputs"] == run["run"]["outputs"]
    assert run["run"]["guard"].startswith("left as found: ")
    assert run["run"]["changed"] == []


def test_the_roots_cost_is_the_models_and_no_call_costs_less_than_those_in_it(run: dict[str, Any]) -> None:
    assert run["totals"]["flops"] == run["modules"][0]["flops"] == run["run"]["trace"][0]["flops"]
    trace = run["run"]["trace"]
    inside: Counter[int] = Counter()
    for call in trace[1:]:
        inside[call["parent"]] += call["flops"]
    assert all(trace[call]["flops"] >= flops for call, flops in inside.items())
    users = {each["path"] for each in run["modules"] if not each["qualified_type"].startswith("torch.")}
    for call, flops in inside.items():
        if trace[call]["operation"] is None and trace[call]["path"] in users:
            assert trace[call]["flops"] == flops, trace[call]["path"]


def test_every_call_is_counted_once_with_its_module(run: dict[str, Any]) -> None:
    trace = run["run"]["trace"]
    assert run["run"]["trace_left_out"] == 0
    assert sum(call["operation"] is None for call in trace) == run["run"]["calls"]
    assert sum(call["operation"] is not None for call in trace) == run["run"]["operations"]
    calls = Counter(call["path"] for call in trace if call["operation"] is None)
    firsts = [each for each in run["modules"] if each["same_as"] is None] + run["unregistered"]
    assert {each["path"]: each["calls"] for each in firsts if each["calls"]} == calls
    assert all(call["parent"] < number for number, call in enumerate(trace) if number)


def test_every_shape_of_the_tree_is_one_of_the_document(run: dict[str, Any], model: Rendered) -> None:
    values = [value for each in run["modules"] for value in each["outputs"] if isinstance(value, dict)]
    shapes = {"×".join(map(str, value["shape"])) or "scalar" for value in values}
    lines = model.tree().split("\n\n")[1].splitlines()[1:]
    assert sum(any(shape in line for shape in shapes) for line in lines) >= len(lines) / 3
    for value in run["run"]["outputs"][:1]:
        assert "×".join(map(str, value["shape"])) in lines[0]


def test_the_tree_has_a_line_for_every_module_but_those_of_folded_blocks(model: Rendered) -> None:
    lines = model.tree().split("\n\n")[1].splitlines()[1:]
    runs = [row for row in range(model.table.count) if model.table.kinds[row] == Kind.RUN]
    if not runs:
        shown = [row for row in range(model.table.count) if model.table.is_module(row)]
        assert len(lines) >= len(shown) - model.tree().count("made:") * 2
    beside = 2 if badges(model.table, model.findings) else 0
    assert lines[0][beside:].startswith(model.table.name(0))
    assert f"parameters  {model.table.totals.parameters:,}  (" in model.tree()


def test_the_ascii_tree_says_the_same_in_ascii(model: Rendered) -> None:
    text = model.tree(ascii_only=True)
    assert text.isascii()
    assert len(text.splitlines()) == len(model.tree().splitlines())


def test_the_markdown_table_has_as_many_cells_in_every_line(model: Rendered) -> None:
    lines = [line for line in model.markdown().splitlines() if line.startswith("|")]
    assert len(lines) > 2
    cells = 6 if model.rows is None else 9
    assert all(line.replace("\\|", "").count("|") == cells for line in lines)
    assert f"**{model.table.totals.parameters:,}** parameters" in model.markdown()
