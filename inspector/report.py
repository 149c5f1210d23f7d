"""`inspector.inspect(model, *args, **kwargs)`: the report of a model that is there, for notebooks, tests and debuggers.

It runs in the caller's process, guarded: the model, its gradients and the random numbers are as before afterwards. What
is printed and written is the same as on the command line.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, TextIO

from inspector.headless import HeadlessLoad, Outcome
from inspector.messages import Load, Run
from inspector.run_schema import RunRecord


class Report:
    """What is known of one model, and of one forward of it in eval mode."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        """All of it, as records."""

    @property
    def run(self) -> RunRecord | None:
        """The run; None when there was nothing to run with."""
        return self.outcome.ran

    def print(self, file: TextIO | None = None) -> None:
        """Write the plain tree: modules, shapes, parameters, cost; of a forward that failed where and why as well."""
        (file or sys.stdout).write(str(self))

    def to_json(self) -> str:
        """The JSON document that the command line gives with --json."""
        from inspector.reports import json_document
        from inspector.versions import of_tools

        outcome, rows = self.outcome, self.outcome.run_rows()
        built = outcome.built
        return json_document.write(
            tool=of_tools(outcome.torch),
            asked="",
            target=built.target if built is not None else None,
            table=rows.table if rows is not None else outcome.table(),
            failure=outcome.failure,
            printed=(outcome.stdout, outcome.stderr, outcome.dropped),
            inputs=outcome.inputs,
            run=outcome.ran,
            rows=rows,
            findings=outcome.findings(),
        )

    def __str__(self) -> str:
        from inspector.reports import failure_text, remarks, text_tree

        outcome, rows = self.outcome, self.outcome.run_rows()
        table = rows.table if rows is not None else outcome.table()
        text = ""
        if table is not None and outcome.built is not None:
            found = outcome.findings()
            text = text_tree.write(table, outcome.built.target, rows=rows, inputs=outcome.inputs, findings=found)
        asked = outcome.run_request
        for remark in remarks.write(outcome.built, outcome.finished, asked, outcome.inputs, outcome.ran):
            text += f"{remark}\n"
        if outcome.failure is not None:
            text += failure_text.write(outcome.failure)
        elif outcome.ran is not None and not outcome.ran.ok:
            text += failure_text.card(outcome.ran)
        return text


def inspect(model: Any, *args: Any, **kwargs: Any) -> Report:
    """Describe an nn.Module and run it once on these arguments; with none, on inputs that it or its file holds, or on a
    guess. A forward that raises is told of in the report; only Ctrl-C comes out."""
    look = import_module("inspector.engine.in_process").look  # By its name: nothing else out here may import torch.
    heard = HeadlessLoad(Load(target=""), Run(), None)
    heard.outcome.torch = str(sys.modules["torch"].__version__)
    look(model, args, kwargs, lambda event: heard.hear(0, event))
    failure = heard.outcome.ran.failure if heard.outcome.ran is not None else heard.outcome.failure
    if failure is not None and failure.type == "KeyboardInterrupt":
        raise KeyboardInterrupt
    return Report(heard.outcome)
