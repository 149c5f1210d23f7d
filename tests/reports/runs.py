"""Reports of models and runs made by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from inspector.messages import Load
from inspector.mode_rows import ModeRows
from inspector.mode_schema import Comparison
from inspector.outcome import Outcome
from inspector.problems import ordered
from inspector.reports import json_document, markdown, text_tree
from inspector.run_rows import RunRows
from inspector.run_schema import Finding, InputSet
from inspector.schema import Failure, Target
from inspector.table import ModelTable
from tests.fake_model import lenet
from tests.run_events import Called, failed_run, features, guessed, lenet_run, rows_of, table_of

TARGET = Target("/home/me/model.py", "LeNet", 7, "LeNet()", "cpu")
FAILURE = Failure(
    stage="forward",
    type="RuntimeError",
    message="mat1 and mat2 shapes cannot be multiplied (2x400 and 576x120)",
    source=features().source,
    context=((20, "x = x.view(x.size(0), -1)"), (21, "x = F.relu(self.fc1(x))")),
    traceback="Traceback (most recent call last):\n  …\nRuntimeError: mat1 and mat2 shapes cannot be multiplied\n",
)


@dataclass
class Reported:
    """A model, a run of it, and what the reports make of them."""

    table: ModelTable
    root: Called
    inputs: InputSet
    facts: dict[str, Any] = field(default_factory=dict)
    target: Target = TARGET
    comparison: Comparison | None = None
    noticed: tuple[Finding, ...] = ()

    def rows(self) -> RunRows:
        return rows_of(self.table, self.root, self.inputs, **self.facts)

    def findings(self) -> list[Finding]:
        """What the run and the comparison say that went wrong, and what was noticed beside."""
        outcome = Outcome(request=Load(""), ran=self.rows().record, comparison=self.comparison)
        return ordered([*outcome.findings(), *self.noticed])

    def _shown(self) -> dict[str, Any]:
        modes = ModeRows(self.table, self.comparison) if self.comparison is not None else None
        return {"rows": self.rows(), "inputs": self.inputs, "modes": modes, "findings": self.findings()}

    def tree(self, **options: Any) -> str:
        return text_tree.write(self.table, self.target, **self._shown(), **options)

    def markdown(self) -> str:
        return markdown.write(self.table, self.target, **self._shown())

    def json(self) -> str:
        return json_document.write(
            tool={},
            asked=self.target.file,
            target=self.target,
            table=self.table,
            failure=None,
            printed=("", "", 0),
            run=self.rows().record,
            **self._shown(),
        )

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.json())
        return document


def healthy(**facts: Any) -> Reported:
    """LeNet on guessed inputs."""
    return Reported(table_of(lenet()), lenet_run(), guessed("x", 2, 1, 32, 32), facts)


def failed(origin: str = "given") -> Reported:
    """LeNet on an input that does not fit."""
    inputs = (
        guessed("x", 2, 1, 28, 28) if origin == "guessed" else InputSet("given", guessed("x", 2, 1, 28, 28).arguments)
    )
    return Reported(table_of(lenet()), failed_run(), inputs, {"finding": features(7), "failure": FAILURE})
