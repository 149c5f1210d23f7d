"""Every sample model as tree and as JSON: as it was when somebody last looked at it, and true by arithmetic.

`pytest tests/reports --renew-goldens` writes them anew; what torch says of its layers changes with its releases, so
they are compared under the one they were written with. The arithmetic holds under every release.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

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
    for key, value in document.items():
        if isinstance(value, list) and value:
            entries = [json.dumps(entry, ensure_ascii=False) for entry in value]
            if (left_out := len(entries) - HEAD - TAIL) > 0:
                entries[HEAD:-TAIL] = [f"… {left_out} more"]
            lines += [f"{key}:", *(f"  {entry}" for entry in entries)]
        else:
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


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
        assert '"/' not in text


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


def test_the_tree_has_a_line_for_every_module_but_those_of_folded_blocks(model: Rendered) -> None:
    lines = model.tree().split("\n\n")[1].splitlines()[1:]
    runs = [row for row in range(model.table.count) if model.table.kinds[row] == Kind.RUN]
    if not runs:
        shown = [row for row in range(model.table.count) if model.table.is_module(row)]
        assert len(lines) >= len(shown) - model.tree().count("made:") * 2
    assert lines[0].startswith(model.table.name(0))
    assert f"parameters  {model.table.totals.parameters:,}  (" in model.tree()


def test_the_ascii_tree_says_the_same_in_ascii(model: Rendered) -> None:
    text = model.tree(ascii_only=True)
    assert text.isascii()
    assert len(text.splitlines()) == len(model.tree().splitlines())


def test_the_markdown_table_has_five_cells_in_every_line(model: Rendered) -> None:
    lines = [line for line in model.markdown().splitlines() if line.startswith("|")]
    assert len(lines) > 2
    assert all(line.replace("\\|", "").count("|") == 6 for line in lines)
    assert f"**{model.table.totals.parameters:,}** parameters" in model.markdown()
