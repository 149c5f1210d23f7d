"""A model as the reports get it: loaded and read in this process, its rows packed and unpacked as on the wire."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from inspector.engine.structure import Structure, read
from inspector.engine.target import load
from inspector.messages import CHUNK_ROWS, Load, RowsDescribed
from inspector.reports import json_document, markdown, text_tree
from inspector.schema import Failure, Target
from inspector.table import ModelTable

ROOT = Path(__file__).parents[2]
TORCH = Path(torch.__file__).parent
SAMPLES = ROOT / "sample_models"
TARGETS = {
    "needs_arguments": "needs_arguments.py:Perceptron(in_features=16, widths=[64, 32], num_classes=10)",
    "several_models": "several_models.py:Wide",
}
"""Samples that are not opened by their file alone."""
LARGE = ("gpt2_small", "resnet50")
"""Samples that are opened without allocating them."""


@dataclass
class Rendered:
    """A model, and what the reports are made from."""

    model: nn.Module
    target: Target
    table: ModelTable

    def tree(self, **options: Any) -> str:
        """The plain tree, wherever the project and torch are installed."""
        return anywhere(text_tree.write(self.table, self.target, **options))

    def markdown(self) -> str:
        return anywhere(markdown.write(self.table, self.target))

    def json(self, failure: Failure | None = None, printed: tuple[str, str, int] = ("", "", 0)) -> str:
        """The JSON document as it is written."""
        return json_document.write(
            tool={}, asked=self.target.file, target=self.target, table=self.table, failure=failure, printed=printed
        )

    def document(self) -> dict[str, Any]:
        """The JSON document as it is read."""
        document: dict[str, Any] = json.loads(self.json())
        return document


def sample(name: str) -> Rendered:
    """A sample model by the name of its file."""
    target = f"{SAMPLES}/{TARGETS.get(name, f'{name}.py')}"
    built = load(Load(target, device="meta" if name in LARGE else "cpu"), lambda _: None)
    return Rendered(built.model, built.target, table_of(read(built.model)))


def rendered(model: nn.Module, target: Target | None = None) -> Rendered:
    """A model that comes from no file."""
    target = target or Target(file="model.py", name="Net", line=1, call="Net()", device="cpu")
    return Rendered(model, target, table_of(read(model)))


def table_of(structure: Structure) -> ModelTable:
    """All rows of a structure as a front end holds them."""
    table = ModelTable(structure.outline)
    for first in range(0, structure.outline.count, CHUNK_ROWS):
        rows = structure.rows(first, CHUNK_ROWS)
        table.add(RowsDescribed(first, msgspec.msgpack.encode(rows), len(rows)))
    return table


def anywhere(text: str) -> str:
    """Text without the folders of this machine, nor lines of torch's own files, which move with every release."""
    # torch first: a virtual environment may lie inside the project.
    text = text.replace(f"{TORCH.parent}/", "").replace(f"{ROOT}/", "")
    return re.sub(r'("file": "torch/[^"]*",\s*"line": )\d+', r"\g<1>0", text)
